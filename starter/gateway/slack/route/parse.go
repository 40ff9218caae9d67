package route

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/fresh"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// Known is what a file may name outside of itself. What is nil is not checked.
type Known struct {
	People func(id string) bool
	Groups playbook.Table[[]string]
}

// Bounds on what a file holds.
const (
	maxFile     = 256 << 10 // bytes
	maxGateways = 5         // Slack lets an app have ten sockets, and each has two
	maxAccounts = 5000
	maxRoutes   = 500
	maxRosters  = 200
	maxWords    = 100 // of each list
)

var (
	workspaceID = regexp.MustCompile(`^T[A-Z0-9]{2,20}$`)
	appID       = regexp.MustCompile(`^A[A-Z0-9]{2,20}$`)
	channelID   = regexp.MustCompile(`^[CG][A-Z0-9]{2,20}$`)
)

// File reads a file at every question, and parses it when it has changed. One with a mistake is an
// error, also if it was well before.
func File(name string, known func() (Known, error)) func() (*Routes, error) {
	return fresh.File(name, maxFile, func(raw []byte) (*Routes, error) {
		k, err := known()
		if err != nil {
			return nil, err
		}
		return Parse(name, raw, k)
	})
}

// Parse reads a file. Everything wrong with it is reported at once, as [playbook.Problems]; then there
// are no routes.
func Parse(file string, text []byte, known ...Known) (*Routes, error) {
	f, root := playbook.Open(file, "routes", text)
	if root == nil {
		return nil, f.Problems()
	}
	r := &reader{File: f, out: &Routes{accounts: map[string]map[string]string{}, onCall: map[string]roster{}}}
	for _, k := range known {
		r.known = k
	}
	r.file(root)
	if problems := f.Problems(); len(problems) > 0 {
		return nil, problems
	}
	return r.out, nil
}

// reader reads a file and collects what is wrong with it.
type reader struct {
	*playbook.File

	known Known
	out   *Routes
}

func (r *reader) file(root *yaml.Node) {
	m, ok := r.Mapping(root, "the file", "workspace", "app", "fallback", "email", "gateways", "accounts", "on_call", "routes")
	if !ok {
		return
	}
	m.Require("workspace", "app", "fallback")
	r.out.Workspace = r.id(m, "workspace", "a workspace's id, like T0123ABCD", workspaceID)
	r.out.App = r.id(m, "app", "an app's id, like A0123ABCD", appID)
	r.out.Fallback = r.id(m, "fallback", wantChannel, channelID)
	if n := m.Node("email"); n != nil {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			r.Bad(n, "\"email\" is true or false; got %.80q", n.Value)
		}
		r.out.Email = n.Value == "true"
	}
	r.out.Gateways = 1
	if n := m.Node("gateways"); n != nil {
		if many, err := strconv.Atoi(n.Value); n.Tag == "!!int" && err == nil && many >= 1 && many <= maxGateways {
			r.out.Gateways = many
		} else {
			r.Bad(n, "\"gateways\" is how many gateways there are, from 1 to %d; got %.80q", maxGateways, n.Value)
		}
	}
	r.accounts(m)
	r.rosters(m)
	if m.Has("routes") {
		r.routes(m)
	}
}

const wantChannel = "a channel's id, like C0123ABCD, which its details in Slack show: names can be changed"

// id reads an id of Slack's.
func (r *reader) id(m playbook.Mapping, key, want string, form *regexp.Regexp) string {
	id, n := m.Text(key), m.Node(key)
	if n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!str" && !form.MatchString(id) {
		r.Bad(n, "%q cannot be %.80q; want %s", key, id, want)
	}
	return id
}

func (r *reader) accounts(m playbook.Mapping) {
	m.Entries("accounts", func(key, value *yaml.Node) {
		id := strings.ToLower(key.Value)
		switch _, twice := r.out.accounts[id]; {
		case len(r.out.accounts) == maxAccounts:
			r.Bad(key, "there are more than %d accounts", maxAccounts)
			return
		case id == "":
			r.Bad(key, "an account has a name")
		case twice:
			r.Bad(key, "the account %q is there already; case makes no difference", key.Value)
		case key.Tag != "!!str": // 012345678901 would be an octal number
			r.Bad(key, "an account is a string; write it in quotes, %q", key.Value)
		}
		r.out.accounts[id] = r.texts(value, "the tags of an account")
	})
}

// texts reads a mapping of strings.
func (r *reader) texts(n *yaml.Node, what string) map[string]string {
	out := map[string]string{}
	if n.Kind != yaml.MappingNode {
		r.Bad(n, "%s are a mapping, like {owner: payments}", what)
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if value.Kind != yaml.ScalarNode || value.Tag != "!!str" {
			r.Bad(value, "%q of %s is a string; write it in quotes", name.Value, what)
			continue
		}
		out[name.Value] = value.Value
	}
	return out
}

func (r *reader) routes(m playbook.Mapping) {
	names := map[string]int{}
	items := m.List("routes")
	for i, n := range items {
		if i == maxRoutes {
			r.Bad(n, "there are more than %d routes", maxRoutes)
			return
		}
		one, ok := r.route(n, names)
		if !ok {
			continue
		}
		if one.all && i+1 < len(items) {
			r.Bad(items[i+1], "nothing gets here: the route at line %d is for everything", n.Line)
			return
		}
		r.out.routes = append(r.out.routes, one)
	}
}

// asks are the keys of a route that say what it is for.
var asks = []string{"stage", "labels", "severity", "account", "owner", "playbook", "if"}

func (r *reader) route(n *yaml.Node, names map[string]int) (rule, bool) {
	m, ok := r.Mapping(n, "a route", append([]string{"name", "channel", "mention", "on_call"}, asks...)...)
	if !ok || !m.Require("name", "channel") {
		return rule{}, false
	}
	one := rule{name: m.Text("name"), channel: r.id(m, "channel", wantChannel, channelID), all: !slices.ContainsFunc(asks, m.Has)}
	if line, twice := names[one.name]; twice {
		r.Bad(m.Node("name"), "the name %q is already at line %d", one.name, line)
	}
	names[one.name] = n.Line
	if r.Name(m.Node("name"), "the name of a route") && one.name == Fallback {
		r.Bad(m.Node("name"), "%q is what no route is for; want another name", Fallback)
	}
	one.stages = r.oneOf(m, "stage", playbook.Stages)
	one.accounts, one.owners, one.playbooks = r.words(m, "account"), r.words(m, "owner"), r.words(m, "playbook")
	for _, pattern := range one.playbooks {
		if _, err := path.Match(pattern, ""); err != nil {
			r.Bad(m.Node("playbook"), "%.80q is no pattern; * stands for any text, ? for one character", pattern)
		}
	}
	if least := m.Text("severity"); least != "" {
		one.severity = 1 + slices.Index(severities, least)
		if one.severity == 0 {
			r.Bad(m.Node("severity"), "\"severity\" cannot be %.80q%s", least, expr.DidYouMean(least, severities))
		}
	}
	if labels := m.Node("labels"); labels != nil {
		one.labels = r.texts(labels, "the labels of a route")
	}
	if condition := m.Node("if"); condition != nil {
		one.program = r.Condition(condition, env())
	}
	if m.Has("mention") {
		for _, g := range m.List("mention") {
			if r.Group(g, r.known.Groups) {
				one.groups = append(one.groups, g.Value)
			}
		}
	}
	one.onCall = r.oneOf(m, "on_call", r.out.Rosters())
	return one, true
}

// words reads a string, or a list of them.
func (r *reader) words(m playbook.Mapping, key string) []string {
	n := m.Node(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		if word := m.Text(key); word != "" {
			return []string{word}
		}
		if n.Tag == "!!str" {
			r.Bad(n, "%q is empty", key)
		}
		return nil
	}
	var out []string
	for _, word := range m.Texts(key) {
		if len(out) == maxWords {
			r.Bad(word, "%q holds more than %d entries", key, maxWords)
			break
		}
		out = append(out, word.Value)
	}
	return out
}

// oneOf reads words of which each is one of some.
func (r *reader) oneOf(m playbook.Mapping, key string, known []string) []string {
	words := r.words(m, key)
	for _, word := range words {
		if !slices.Contains(known, word) {
			r.Bad(m.Node(key), "%q cannot be %.80q%s", key, word, expr.DidYouMean(word, known))
		}
	}
	return words
}
