package policy

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a policy means the same on a machine without time zones

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// Problem is one mistake in a policy, with its place.
type Problem = playbook.Problem

// Problems are the mistakes of a file, in its order.
type Problems = playbook.Problems

// Known is what a policy may name outside of its own file. What is nil is not checked.
type Known struct {
	Activities []string
	Groups     playbook.Table[[]string]
}

// Bounds on what a policy holds.
const (
	maxAccounts = 5000
	maxRules    = 200
	maxOthers   = 500 // of each other list
	maxPattern  = 300 // bytes
	maxMost     = 100_000
	maxPer      = 7 * 24 * time.Hour
	minExpires  = time.Minute
	maxExpires  = 7 * 24 * time.Hour
	maxQuorum   = 10
)

// Parse reads a policy of at most [playbook.MaxSize] bytes. Everything wrong with it is reported at
// once; then there is no policy. What is known makes it stricter about the names in the file.
func Parse(file string, text []byte, known ...Known) (*Policy, Problems) {
	f, root := playbook.Open(file, "a policy", text)
	if root == nil {
		return nil, f.Problems()
	}
	r := &reader{File: f, p: &Policy{zone: time.UTC, accounts: map[string]map[string]string{}}}
	for _, k := range known {
		r.known = k
	}
	r.policy(root)
	if problems := f.Problems(); len(problems) > 0 {
		return nil, problems
	}
	raw, err := playbook.JSON(root)
	if err == nil {
		r.p.digest, err = digest.Of(raw)
	}
	if err != nil {
		f.Bad(root, "it cannot be digested: %v", err)
		return nil, f.Problems()
	}
	return r.p, nil
}

// reader reads a policy and collects what is wrong with it.
type reader struct {
	*playbook.File

	known Known
	p     *Policy
}

func (r *reader) policy(root *yaml.Node) {
	m, ok := r.Mapping(root, "a policy", "policy", "timezone", "accounts", "never_touch", "breakers", "freeze", "break_glass", "rules")
	if !ok {
		return
	}
	m.Require("policy", "rules")
	r.p.name = r.name(m, "policy", "the name of a policy", nil)
	if zone := m.Text("timezone"); zone != "" {
		at, err := time.LoadLocation(zone)
		if err != nil || at == time.Local {
			r.Bad(m.Node("timezone"), "%.80q is no time zone; want one as Europe/Berlin", zone)
		} else {
			r.p.zone = at
		}
	}
	r.accounts(m)
	r.p.neverTouch = r.patterns(m, "never_touch", func(s string) []rune { return fold(s) })
	r.each(m, "breakers", r.breaker)
	r.each(m, "freeze", r.freeze)
	if n := m.Node("break_glass"); n != nil {
		if g, ok := r.Mapping(n, "break_glass", "groups"); ok && g.Require("groups") {
			r.p.breakGlass = r.groups(g)
		}
	}
	r.each(m, "rules", r.rule)
	r.order(m)
}

// each reads the items of a bounded list, whose names must differ.
func (r *reader) each(m playbook.Mapping, key string, read func(n *yaml.Node, names map[string]int)) {
	most := maxOthers
	if key == "rules" {
		most = maxRules
	}
	items, names := m.List(key), map[string]int{}
	for i, n := range items {
		if i == most {
			r.Bad(n, "%q holds more than %d entries", key, most)
			return
		}
		read(n, names)
	}
}

// name reads a name; names are those already taken, with their lines.
func (r *reader) name(m playbook.Mapping, key, what string, names map[string]int) string {
	name, n := m.Text(key), m.Node(key)
	if n == nil || name == "" || !r.Name(n, what) {
		if n != nil && n.Tag == "!!str" && name == "" {
			r.Bad(n, "%s is empty", what)
		}
		return ""
	}
	if line, twice := names[name]; twice {
		r.Bad(n, "the name %q is already at line %d", name, line)
	}
	if names != nil {
		names[name] = n.Line
	}
	return name
}

func (r *reader) accounts(m playbook.Mapping) {
	m.Entries("accounts", func(key, value *yaml.Node) {
		id := string(fold(key.Value))
		switch _, twice := r.p.accounts[id]; {
		case len(r.p.accounts) == maxAccounts:
			r.Bad(key, "there are more than %d accounts", maxAccounts)
			return
		case id == "":
			r.Bad(key, "an account has a name")
		case twice:
			r.Bad(key, "the account %q is there already; case makes no difference", key.Value)
		}
		if key.Tag == "!!int" || key.Tag == "!!float" { // 012345678901 would be an octal number
			r.Bad(key, "an account is a string; write it in quotes, %q", key.Value)
		}
		tags := map[string]string{}
		r.p.accounts[id] = tags
		if value.Kind != yaml.MappingNode {
			r.Bad(value, "the tags of an account are a mapping, like {env: production}")
			return
		}
		for i := 0; i+1 < len(value.Content); i += 2 {
			name, tag := value.Content[i], value.Content[i+1]
			if tag.Kind != yaml.ScalarNode || tag.Tag != "!!str" {
				r.Bad(tag, "the tag %q is a string; write it in quotes", name.Value)
				continue
			}
			tags[name.Value] = tag.Value
		}
	})
}

// patterns reads a list of patterns; runes makes of them what is matched.
func (r *reader) patterns(m playbook.Mapping, key string, runes func(string) []rune) patterns {
	var out patterns
	for _, n := range m.Texts(key) {
		switch {
		case len(out) == maxOthers:
			r.Bad(n, "%q holds more than %d patterns", key, maxOthers)
			return out
		case len(n.Value) > maxPattern:
			r.Bad(n, "the pattern is %d bytes; at most %d are read", len(n.Value), maxPattern)
			continue
		}
		out = append(out, pattern{n.Value, runes(n.Value)})
	}
	return out
}

// activities reads patterns of activities; where there are none, all are meant. One that names a
// provider is meant for something that there is; one that begins with * also for what may come.
func (r *reader) activities(m playbook.Mapping) patterns {
	if !m.Has("activities") {
		return patterns{{"*", []rune("*")}}
	}
	out := r.patterns(m, "activities", func(s string) []rune { return []rune(s) })
	for i, n := range m.Texts("activities") {
		if r.known.Activities == nil || i >= len(out) || n.Value != out[i].text || strings.HasPrefix(n.Value, "*") {
			continue
		}
		if !slices.ContainsFunc(r.known.Activities, func(name string) bool { return glob(out[i].runes, []rune(name)) }) {
			r.Activity(n, r.known.Activities)
		}
	}
	return out
}

// groups reads names of groups of the directory.
func (r *reader) groups(m playbook.Mapping) []string {
	var groups []string
	for _, n := range m.List("groups") {
		if !r.Group(n, r.known.Groups) {
			continue
		}
		if slices.Contains(groups, n.Value) {
			r.Bad(n, "the group %q is there twice", n.Value)
		}
		groups = append(groups, n.Value)
	}
	return groups
}

func (r *reader) breaker(n *yaml.Node, names map[string]int) {
	m, ok := r.Mapping(n, "a breaker", "name", "activities", "effect", "most", "per", "each")
	if !ok || !m.Require("name", "most", "per", "each") {
		return
	}
	b := Breaker{
		Name: r.name(m, "name", "the name of a breaker", names), Effect: r.oneOf(m, "effect", "change", "destroy"),
		Most: m.Integer("most", 1, maxMost, 1), Per: m.Duration("per", time.Minute, maxPer, 0),
		Each:       Each(r.oneOf(m, "each", string(EachAccount), string(EachActivity), string(EachEverything))),
		activities: r.activities(m),
	}
	r.p.breakers = append(r.p.breakers, b)
}

func (r *reader) freeze(n *yaml.Node, names map[string]int) {
	m, ok := r.Mapping(n, "a freeze", "name", "from", "until", "activities")
	if !ok || !m.Require("name", "from", "until") {
		return
	}
	w := freeze{
		name: r.name(m, "name", "the name of a freeze", names), from: r.moment(m.Node("from"), "from"), until: r.moment(m.Node("until"), "until"),
		activities: r.activities(m),
	}
	if !w.from.IsZero() && !w.until.IsZero() && !w.from.Before(w.until) {
		r.Bad(m.Node("until"), "the freeze ends before it begins")
	}
	r.p.freezes = append(r.p.freezes, w)
}

// moment reads a time. YAML takes it for a date of its own, which is the same text.
func (r *reader) moment(n *yaml.Node, key string) time.Time {
	at, err := time.Parse(time.RFC3339, n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		r.Bad(n, "%q is a time with its zone, like 2026-12-01T00:00:00Z", key)
		return time.Time{}
	}
	return at
}

// oneOf reads a word that is one of some.
func (r *reader) oneOf(m playbook.Mapping, key string, words ...string) string {
	word := m.Text(key)
	if n := m.Node(key); n != nil && n.Tag == "!!str" && !slices.Contains(words, word) {
		r.Bad(n, "%q cannot be %.80q%s", key, word, expr.DidYouMean(word, words))
	}
	return word
}

func (r *reader) rule(n *yaml.Node, names map[string]int) {
	m, ok := r.Mapping(n, "a rule", "name", "if", "then", "reason")
	if !ok || !m.Require("name", "then") {
		return
	}
	one := rule{name: r.name(m, "name", "the name of a rule", names)}
	if condition := m.Node("if"); condition != nil {
		one.program = r.Condition(condition, env())
	}
	one.verdict = r.then(m.Node("then"))
	one.verdict.Rule, one.verdict.Reason = one.name, bounded(m.Text("reason"))
	r.p.rules = append(r.p.rules, one)
}

// then reads a verdict: a word, or what an approval or a manual response needs.
func (r *reader) then(n *yaml.Node) Verdict {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		switch mode := Mode(n.Value); mode {
		case Automatic, Manual, Never:
			return Verdict{Mode: mode}
		case Approval:
			r.Bad(n, "an approval names who is asked, like {approval: {groups: [secops-oncall], quorum: 1}}")
			return Verdict{}
		}
		r.Bad(n, "\"then\" cannot be %.80q%s", n.Value, expr.DidYouMean(n.Value, []string{string(Automatic), string(Approval), string(Manual), string(Never)}))
		return Verdict{}
	}
	m, ok := r.Mapping(n, "then", string(Approval), string(Manual))
	if !ok || len(n.Content) != 2 {
		if ok {
			r.Bad(n, "\"then\" is one of automatic, manual, never and {approval: {...}}")
		}
		return Verdict{}
	}
	if manual := m.Node(string(Manual)); manual != nil {
		g, ok := r.Mapping(manual, "manual", "groups")
		if !ok || !g.Require("groups") {
			return Verdict{}
		}
		v := Verdict{Mode: Manual}
		v.Need.Groups, v.Need.Quorum = r.groups(g), 1
		return v
	}
	approval := m.Node(string(Approval))
	if approval == nil {
		return Verdict{} // it has been said
	}
	g, ok := r.Mapping(approval, "approval", "groups", "quorum", "expires", "surfaces")
	if !ok || !g.Require("groups") {
		return Verdict{}
	}
	v := Verdict{Mode: Approval, Expires: g.Duration("expires", minExpires, maxExpires, 0)}
	v.Need.Groups, v.Need.Quorum = r.groups(g), g.Integer("quorum", 1, maxQuorum, 1)
	v.Need.Surfaces = r.surfaces(g)
	r.enough(approval, v)
	return v
}

// surfaces reads where a vote counts, sorted.
func (r *reader) surfaces(m playbook.Mapping) []string {
	if !m.Has("surfaces") {
		return nil
	}
	var surfaces []string
	for _, n := range m.Texts("surfaces") {
		switch {
		case !slices.Contains(grant.Surfaces(), n.Value):
			r.Bad(n, "%.80q is no place where people vote%s; there are %s", n.Value, expr.DidYouMean(n.Value, grant.Surfaces()), strings.Join(grant.Surfaces(), ", "))
		case slices.Contains(surfaces, n.Value):
			r.Bad(n, "%q is there twice", n.Value)
		}
		surfaces = append(surfaces, n.Value)
	}
	slices.Sort(surfaces)
	return surfaces
}

// enough reports an approval that nobody can give: there are fewer people than must say yes.
func (r *reader) enough(n *yaml.Node, v Verdict) {
	if r.known.Groups == nil || len(v.Need.Groups) == 0 {
		return
	}
	var people []string
	for _, group := range v.Need.Groups {
		members, listed := r.known.Groups.Lookup(group)
		if listed && members == nil {
			return // it is looked up who is in it
		}
		people = append(people, members...)
	}
	slices.Sort(people)
	if there := len(slices.Compact(people)); there < v.Need.Quorum {
		r.Bad(n, "%d people must say yes, and in %s there are only %d", v.Need.Quorum, strings.Join(v.Need.Groups, ", "), there)
	}
}

// order reports rules that nothing reaches, and a list that leaves something undecided.
func (r *reader) order(m playbook.Mapping) {
	items := m.List("rules")
	for i, n := range items {
		if n.Kind != yaml.MappingNode {
			return
		}
		conditional := false
		for at := 0; at+1 < len(n.Content); at += 2 {
			conditional = conditional || n.Content[at].Value == "if"
		}
		last := i == len(items)-1
		switch {
		case !conditional && !last:
			r.Bad(items[i+1], "no call gets here: the rule at line %d has no \"if\"", n.Line)
			return
		case conditional && last:
			r.Bad(n, "the last rule has no \"if\": it decides what no other does")
		}
	}
}
