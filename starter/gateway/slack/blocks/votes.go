package blocks

import (
	"fmt"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
)

// needs says who must approve, until when, and what people have changed.
func (p *page) needs(s desk.Sight) {
	r := s.Request
	rows := []row{{"quorum", quorum(r)}, {"groups", p.groups(r.Groups)}}
	for i, need := range r.Policies {
		if i >= p.room.rows {
			p.cut = true
			rows = append(rows, row{"policy", fmt.Sprintf("…[+%d]", len(r.Policies)-i)})
			break
		}
		rows = append(rows, row{"policy", fmt.Sprintf("%d of %s must approve, too", need.Quorum, p.groups(need.Groups)) + p.only(need) + "; one person can count for both"})
	}
	if p.room.people {
		rows = append(rows, row{"people", p.people(r.People)})
	}
	p.rows(append(rows,
		row{"escalates", p.escalation(r)},
		row{"asked", stamp(r.Asked)},
		row{"expires", expires(r.Expires, s.Open(), p.Now, "without a decision the answer is no")},
	)...)
	p.edits(r)
}

// only says where policy takes votes, if not everywhere.
func (p *page) only(need grant.Need) string {
	if len(need.Surfaces) == 0 {
		return ""
	}
	return ", on " + p.all(need.Surfaces, p.code) + " alone"
}

func quorum(r *approval.Request) string {
	if len(r.Policies) > 0 { // not all people count for each need
		return fmt.Sprintf("%s of the groups must approve; one no rejects", plural(r.Quorum, "person", "people"))
	}
	return fmt.Sprintf("%d of %s must approve; one no rejects", r.Quorum, plural(len(r.People), "person", "people"))
}

func (p *page) escalation(r *approval.Request) string {
	e := r.Escalate
	switch {
	case e == nil:
		return ""
	case !p.Now.Before(e.At):
		return p.groups(e.Groups) + " are asked as well since " + stamp(e.At)
	default:
		return p.groups(e.Groups) + " are asked as well from " + stamp(e.At) + " on"
	}
}

// edits are what people have changed in the calls. Whoever did has no vote on them.
func (p *page) edits(r *approval.Request) {
	if over := len(r.Edits) - p.room.rows; over > 0 {
		p.markup(fmt.Sprintf("*edited*  …[+%d] before these", over))
	}
	for _, e := range r.Edits[max(0, len(r.Edits)-p.room.rows):] {
		p.rows(row{"edited", fmt.Sprintf("%s  %s changed %s: %s is now %s", stamp(e.At), p.person(e.By), p.code(e.Step),
			codeOf(name(e.Before.Short(), 40)), codeOf(name(e.After.Short(), 40)))})
	}
}

// votes are who said what and why, and how far each need is met.
func (p *page) votes(s desk.Sight) {
	for _, d := range s.Delegations[:min(len(s.Delegations), p.room.rows)] {
		p.markup(p.person(d.From) + " gave the vote to " + p.person(d.To))
	}
	if len(s.Votes) == 0 {
		if s.Open() {
			p.rows(row{"votes", "none yet"})
		}
		return
	}
	p.markup("*votes*")
	over := len(s.Votes) - p.room.rows
	if over > 0 {
		p.markup(fmt.Sprintf("…[+%d] before these", over))
	}
	for _, v := range s.Votes[max(0, over):] {
		p.markup(p.vote(v))
		if v.Reason != "" {
			p.saidShort(v.Reason)
		}
	}
	if !s.Open() {
		return
	}
	for i, t := range s.Tally {
		if i >= p.room.rows {
			break
		}
		if more := t.Quorum - len(t.Yes); more > 0 {
			p.aside(fmt.Sprintf("%d of %d from %s; %d more wanted", len(t.Yes), t.Quorum, p.groups(t.Groups), more))
		}
	}
}

// vote is who voted, and how else than in the own right and with the others.
func (p *page) vote(v approval.Vote) string {
	var says string
	switch v.Verdict {
	case approval.Approve:
		says = "approve"
	case approval.Reject:
		says = "reject"
	default:
		says = p.code(string(v.Verdict))
	}
	says += "  " + p.person(v.Person)
	if v.For != "" {
		says += " for " + p.person(v.For)
	}
	if v.BreakGlass {
		says += ", alone: breaks the glass"
	}
	return says + "  " + stamp(v.At)
}

// saidShort is text of somebody else in passing: a reason, of which a card shows the beginning. Nobody
// decides about it, so that a cut is only marked.
func (p *page) saidShort(s string) {
	before := p.cut
	p.said(cut(s, min(p.room.prose, 300)))
	p.cut = before
}
