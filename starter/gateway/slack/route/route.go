// Package route says where in Slack something is shown, and whom it calls: by the playbook's stage and
// labels, the severity, the account's owner, and who is on call. It is pure, and reads one file, in the
// strict YAML of playbooks:
//
//	workspace: T0123ABC               # clicks of others are refused
//	app: A0123ABC
//	fallback: C0FALLBACK              # a channel's id: where goes what no route is for
//	email: false                      # true: who has no Slack id in the directory is found by mail address
//	gateways: 1                       # how many run; more sockets than theirs are somebody else's, and told
//	accounts: {"111122223333": {owner: payments}}   # tags, before those that the policy has of an account
//	on_call:
//	  payments: {timezone: Europe/Berlin, start: 2026-01-05T09:00, every: 7d, people: [alice, bob]}
//	routes:
//	  - {name: payments, owner: payments, channel: C01PAYMENTS, mention: [payments-oncall], on_call: payments}
//	  - {name: grave, stage: run, severity: high, if: '"cloud" in labels', channel: C01SECOPS}
//
// # Routes
//
// The first route that matches decides. All that it names must hold: stage, account, owner and
// playbook are one word or a list of which one must fit, playbook with * and ?; severity is the least
// (low, medium, high, critical); labels must all be there; if is an expression over
//
//	playbook stage severity account owner   ""  where there is none
//	labels tags                             of the playbook, of the account
//
// The owner of an account is its tag owner, or else team. An expression that fails is one that does
// not hold: something shown in the fallback is seen, and something shown nowhere is not.
//
// # On call
//
// A rotation hands over every so long from start, in both directions, by the clock on the wall of its
// time zone: at nine it is nine also after the clocks were changed. In its place, shifts name people
// from one time to another, without a gap. overrides come before either.
package route

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows/expr"
)

// Place is where something goes.
type Place struct {
	Channel string   // id
	People  []string // stable ids of those to mention
	Groups  []string // of the directory, to mention
	Rule    string   // which rule decided; "fallback" is none
}

// Fallback is the rule of a Place that no route is for.
const Fallback = "fallback"

// Subject is what a route is looked for.
type Subject struct {
	Playbook string
	Stage    string
	Labels   map[string]string
	Severity string // low, medium, high, critical; "" is not known
	Account  string
	// Tags are those that the policy has of the account.
	Tags map[string]string
}

// Routes are the content of a file. They do not change, and are safe for concurrent use.
type Routes struct {
	Workspace string
	App       string
	// Fallback is the channel of what no route is for.
	Fallback string
	// Email says that people without a Slack id in the directory are found by their mail address.
	Email bool
	// Gateways is how many there are, at least 1: more sockets than theirs are somebody else's.
	Gateways int

	accounts map[string]map[string]string
	onCall   map[string]roster
	routes   []rule
}

// rule is one route. What is empty fits everything.
type rule struct {
	name                                string
	all                                 bool // it asks for nothing
	stages, accounts, owners, playbooks []string
	severity                            int // from 1; 0: any
	labels                              map[string]string
	program                             *expr.Program

	channel string
	groups  []string
	onCall  []string
}

// severities from least to most.
var severities = []string{"low", "medium", "high", "critical"}

// For says where something goes, and who is on call for it at a time.
func (r *Routes) For(s Subject, at time.Time) Place {
	p, _ := r.Explain(s, at)
	return p
}

// Tried is a route that was looked at.
type Tried struct {
	Route string
	Fits  bool
	Why   string // it does not
}

// Explain is For, and says how it came about: the routes up to the one that fits.
func (r *Routes) Explain(s Subject, at time.Time) (Place, []Tried) {
	var tried []Tried
	tags, owner := r.Owner(s.Account, s.Tags)
	for _, one := range r.routes {
		why := one.against(s, tags, owner)
		tried = append(tried, Tried{Route: one.name, Fits: why == "", Why: why})
		if why == "" {
			return Place{Channel: one.channel, People: r.people(one.onCall, at), Groups: slices.Clone(one.groups), Rule: one.name}, tried
		}
	}
	return Place{Channel: r.Fallback, Rule: Fallback}, tried
}

// Owner is who owns an account, with all of its tags: those of the file before those of the policy.
func (r *Routes) Owner(account string, policy map[string]string) (tags map[string]string, owner string) {
	tags = map[string]string{}
	maps.Copy(tags, policy)
	maps.Copy(tags, r.accounts[strings.ToLower(account)])
	if owner = tags["owner"]; owner == "" {
		owner = tags["team"]
	}
	return tags, owner
}

// Channels are all channels that something can go to, sorted.
func (r *Routes) Channels() []string {
	all := []string{r.Fallback}
	for _, one := range r.routes {
		all = append(all, one.channel)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *Routes) people(names []string, at time.Time) []string {
	var all []string
	for _, name := range names {
		for _, person := range r.OnCall(name, at) {
			if !slices.Contains(all, person) {
				all = append(all, person)
			}
		}
	}
	return all
}

// against says why a route is not for something; "" is: it is.
func (r rule) against(s Subject, tags map[string]string, owner string) string {
	differs := func(words []string, have string, same func(word, have string) bool) bool {
		return len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool { return same(word, have) })
	}
	equal := func(word, have string) bool { return word == have }
	switch {
	case differs(r.stages, s.Stage, equal):
		return "its stage is another"
	case differs(r.playbooks, s.Playbook, func(pattern, name string) bool { ok, err := path.Match(pattern, name); return ok && err == nil }):
		return "its playbook is another"
	case differs(r.accounts, s.Account, strings.EqualFold):
		return "its account is another"
	case differs(r.owners, owner, equal):
		return "its owner is another"
	case r.severity > 1+slices.Index(severities, s.Severity):
		return "its severity is less, or not known"
	}
	for name, value := range r.labels {
		if s.Labels[name] != value {
			return "its labels are others"
		}
	}
	if r.program == nil {
		return ""
	}
	holds, err := r.program.Holds(map[string]any{
		"playbook": s.Playbook, "stage": s.Stage, "severity": s.Severity, "account": s.Account, "owner": owner,
		"labels": texts(s.Labels), "tags": texts(tags),
	})
	switch {
	case err != nil:
		return "its if cannot be judged: " + err.Error()
	case !holds:
		return "its if does not hold"
	}
	return ""
}

// texts makes a map one that expressions read.
func texts(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// env is what an if may read.
func env() *expr.Env {
	return expr.NewEnv(map[string]*expr.Type{
		"playbook": expr.String, "stage": expr.String, "severity": expr.String, "account": expr.String, "owner": expr.String,
		"labels": expr.Map(expr.String), "tags": expr.Map(expr.String),
	})
}
