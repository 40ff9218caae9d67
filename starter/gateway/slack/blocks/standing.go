package blocks

import (
	"fmt"
	"strings"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// heading says in a few words what it is and how it stands.
func heading(s desk.Sight, c Context) string { return status(s, c) + ": " + exact(id(s)) }

// status says how it stands.
func status(s desk.Sight, c Context) string {
	switch {
	case s.Question != nil:
		return questionStatus(s, c)
	case s.Edited != "":
		return "Changed, and asked anew"
	case s.Decision == nil && c.Recorded != nil:
		return "Recorded"
	case s.Decision == nil && s.Request.Again != nil:
		return "Approval needed again"
	case s.Decision == nil:
		return "Approval needed"
	}
	switch s.Decision.Outcome {
	case approval.Approved:
		return progress(s)
	case approval.Rejected:
		return "Rejected"
	case approval.Expired:
		return "Timed out, nobody decided"
	case approval.Withdrawn:
		return "Withdrawn"
	default:
		return "Approval " + exact(string(s.Decision.Outcome))
	}
}

// progress is how far an approved request is.
func progress(s desk.Sight) string {
	done, undone := 0, 0
	for _, step := range s.Steps {
		switch step.State {
		case desk.StepFailed, desk.StepRefused:
			return "Approved, and failed"
		case desk.StepDone:
			done++
		case desk.StepUndone:
			undone++
		}
	}
	switch {
	case s.Known && s.State == workflows.Failed:
		return "Approved, and failed"
	case s.Known && s.State == workflows.Cancelled:
		return "Approved, and the run was cancelled"
	case len(s.Steps) > 0 && undone == len(s.Steps):
		return "Approved, done, and taken back"
	case len(s.Steps) > 0 && done+undone == len(s.Steps), len(s.Steps) == 0 && s.Known && s.State == workflows.Done:
		return "Approved and done"
	case len(s.Steps) == 0:
		return "Approved"
	default:
		return "Approved, running"
	}
}

func questionStatus(s desk.Sight, c Context) string {
	switch {
	case s.Ending == nil && c.Recorded != nil:
		return "Recorded"
	case s.Ending == nil:
		return "Question"
	case s.Ending.Outcome == approval.Answered:
		return "Answered"
	case s.Ending.Outcome == approval.Expired:
		return "Timed out, nobody answered"
	case s.Ending.Outcome == approval.Withdrawn:
		return "Question withdrawn"
	default:
		return "Question " + exact(string(s.Ending.Outcome))
	}
}

// standing says, above all else, what just happened and how it ended.
func (p *page) standing(s desk.Sight) {
	p.halted()
	if r := p.Recorded; r != nil && s.Open() {
		p.markup(fmt.Sprintf("*Recorded:* %s by %s. Nothing more to do here until this message says so.", codeOf(name(r.Did, maxName)), p.person(r.Person)))
	}
	switch {
	case s.Question != nil:
		p.ending(s)
	case s.Edited != "":
		p.markup(fmt.Sprintf("*Changed* before it was decided. What is asked now is %s, which has its own message. The votes here are void.", codeOf(name(s.Edited.Short(), 40))))
	case s.Decision != nil:
		p.decision(s.Decision)
	}
	if !s.Known && !s.Open() {
		p.markup("How the run stands is *not known* right now: it could not be asked. What the record has is shown.")
	}
}

// halted says that nothing is done right now.
func (p *page) halted() {
	if !p.Switch.Halted {
		return
	}
	says := "*Effects are halted*"
	if p.Switch.By != "" {
		says += " by " + p.person(p.Switch.By)
	}
	p.markup(says + because(p.hint(p.Switch.Reason)) + " Nothing is done until somebody lets it go on with `starter resume`.")
}

// decision says how a request ended, who decided and why.
func (p *page) decision(d *approval.Decision) {
	var says string
	switch d.Outcome {
	case approval.Approved:
		says = "*Approved* by " + p.people(d.By)
	case approval.Rejected:
		says = "*Rejected* by " + p.people(d.By)
	case approval.Expired:
		says = "*Timed out, nobody decided.* So the answer is no"
	case approval.Withdrawn:
		says = "*Withdrawn* before anybody decided"
	default:
		says = p.code(string(d.Outcome))
	}
	says += ", " + stamp(d.At)
	if d.BreakGlass {
		says += ". The glass was broken: one person decided alone, and a review is open"
	}
	p.markup(says)
	if why := reason(d); why != "" {
		p.said(why)
	}
}

// reason is why, where it says more than who decided.
func reason(d *approval.Decision) string {
	if d.Reason == fmt.Sprintf("%s by %s", d.Outcome, strings.Join(d.By, ", ")) {
		return ""
	}
	return d.Reason
}

func because(why string) string {
	if why == "" {
		return "."
	}
	return ": " + why + "."
}

// ending says how a question ended.
func (p *page) ending(s desk.Sight) {
	e := s.Ending
	switch {
	case e == nil:
	case e.Answer != nil:
		p.markup("*Answered* by " + p.person(e.Answer.Person) + ", " + stamp(e.At))
		p.values(card.Values(e.Answer))
	case e.Outcome == approval.Expired:
		p.markup("*Timed out, nobody answered*, " + stamp(e.At) + ". The run goes on without an answer.")
	default:
		p.markup("*" + "No answer" + "*: " + p.code(string(e.Outcome)) + ", " + stamp(e.At))
		if e.Reason != "" {
			p.said(e.Reason)
		}
	}
}
