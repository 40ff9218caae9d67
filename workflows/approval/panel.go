package approval

import (
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
)

// Panel is who may decide a request, as it is known now: the directory, the record and the policy
// say. Whoever holds one asks anew for every vote; that of yesterday may name people who have left.
type Panel struct {
	// Members are the people of every group that the request or the policy names, by stable id.
	Members map[string][]string
	// Excluded are people without a vote on this request.
	Excluded map[string]Exclusion
	// Delegations are the votes that people gave away.
	Delegations []Delegation
	// Floor is what the policy asks now, whatever the request says of it.
	Floor []grant.Need
	// BreakGlass are the groups of which a member may decide alone.
	BreakGlass []string
}

// Exclusion is why a person has no vote; the text completes "alice ...".
type Exclusion string

// The exclusions. The subject of an event is never asked about it, not even in an emergency.
const (
	Starter Exclusion = "started the run"
	Editor  Exclusion = "changed what is asked"
	Subject Exclusion = "is whom it is about"
)

// Delegation is a vote given away: From no longer has it, To has it beside an own one. A person
// still votes once.
type Delegation struct {
	Request digest.Digest `json:"request"`
	From    string        `json:"from"`
	To      string        `json:"to"`
	Reason  string        `json:"reason,omitempty"`
	At      time.Time     `json:"at"`
}

// Exclude notes why people have no vote. The strictest reason stays.
func (p *Panel) Exclude(why Exclusion, people ...string) {
	if p.Excluded == nil {
		p.Excluded = map[string]Exclusion{}
	}
	for _, person := range people {
		if person != "" && p.Excluded[person] != Subject {
			p.Excluded[person] = why
		}
	}
}

// AllGroups are all groups that decide a request, or may later.
func (p Panel) AllGroups(r Request) []string {
	var all []string
	for _, need := range p.Needs(r, r.Asked) {
		all = append(all, need.Groups...)
	}
	if r.Escalate != nil {
		all = append(all, r.Escalate.Groups...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Needs is what must be met for a yes, with the groups that count at a time. An escalation widens
// what the playbook asks and never what policy does.
func (p Panel) Needs(r Request, at time.Time) []grant.Need {
	needs := r.Needs()
	if r.Escalate != nil && !at.Before(r.Escalate.At) {
		needs[0].Groups = slices.Concat(needs[0].Groups, r.Escalate.Groups)
	}
	for _, floor := range p.Floor { // after the widening: what is wider than the floor does not stand for it
		if !slices.ContainsFunc(needs, floor.Same) {
			needs = append(needs, floor)
		}
	}
	return needs
}

// in reports whether a person is a member of one of the groups.
func (p Panel) in(person string, groups []string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(p.Members[g], person) })
}

// gave is the delegation by which a person had given the vote away at a time.
func (p Panel) gave(person string, at time.Time) (Delegation, bool) {
	for _, d := range p.Delegations {
		if d.From == person && !at.Before(d.At) {
			return d, true
		}
	}
	return Delegation{}, false
}

// Right says in whose right a person would vote at a time on a surface: the own, "", or that of another
// who delegated it. The error is why there is none.
func (p Panel) Right(r Request, person, surface string, at time.Time) (whose string, err error) {
	if why, ok := p.Excluded[person]; ok {
		return "", refuse("%s %s, and so has no vote", person, why)
	}
	needs := p.Needs(r, at)
	own := slices.ContainsFunc(needs, func(n grant.Need) bool { return p.in(person, n.Groups) })
	given, away := p.gave(person, at)
	if own && !away {
		return "", p.here(r, person, surface, at)
	}
	for _, d := range p.Delegations {
		if d.To == person && p.right(r, person, d.From, at) {
			return d.From, p.here(r, d.From, surface, at)
		}
	}
	if away {
		return "", refuse("%s has delegated the vote to %s", person, given.To)
	}
	if r.Escalate != nil && at.Before(r.Escalate.At) && p.in(person, r.Escalate.Groups) {
		return "", refuse("%s may answer from %s on", person, r.Escalate.At.UTC().Format(time.RFC3339))
	}
	return "", refuse("%s is not among those who may answer (%s)", person, strings.Join(p.AllGroups(r), ", "))
}

// here refuses a vote in somebody's right on a surface that is none of those where policy takes it. It
// would count for one need and not for another, and could not be given once more.
func (p Panel) here(r Request, owner, surface string, at time.Time) error {
	for _, need := range p.Needs(r, at) {
		if p.in(owner, need.Groups) && !need.Takes(surface) {
			return refuse("policy takes a vote of %s on this only on %s, and not on %s; answer there: starter show %s", strings.Join(need.Groups, ", "), strings.Join(need.Surfaces, ", "), surface, r.Run)
		}
	}
	return nil
}

// right reports whether a person may vote at a time in somebody's right, "" being the own.
func (p Panel) right(r Request, person, whose string, at time.Time) bool {
	if _, out := p.Excluded[person]; out {
		return false
	}
	owner := person
	if whose == "" {
		if _, away := p.gave(person, at); away {
			return false
		}
	} else {
		owner = whose
		if _, out := p.Excluded[whose]; out { // who has no vote has none to give
			return false
		}
		given, ok := p.gave(whose, at)
		if !ok || given.To != person {
			return false
		}
	}
	return slices.ContainsFunc(p.Needs(r, at), func(n grant.Need) bool { return p.in(owner, n.Groups) })
}

// alone reports whether a vote that breaks the glass may.
func (p Panel) alone(v Vote) error {
	switch {
	case v.Verdict != Approve || v.For != "":
		return refuse("to break the glass is to approve, in the own right")
	case blank(v.Reason):
		return refuse("to break the glass takes a reason")
	case p.Excluded[v.Person] == Subject:
		return refuse("%s %s, and so has no vote", v.Person, Subject)
	case v.Surface == grant.SurfaceSlack:
		return refuse("nobody breaks the glass on slack, where no second factor is asked for; use starter approve with --break-glass")
	case len(p.BreakGlass) == 0:
		return refuse("the policy lets nobody break the glass")
	case !p.in(v.Person, p.BreakGlass):
		return refuse("%s is not among those who may break the glass (%s)", v.Person, strings.Join(p.BreakGlass, ", "))
	}
	return nil
}
