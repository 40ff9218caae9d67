package blocks

import (
	"fmt"
	"slices"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
)

// StepLine tells what became of one call.
func StepLine(step desk.StepSight, c Context) Message {
	p := &page{Context: c, room: short}
	p.markup(tick(step))
	says := fmt.Sprintf("%s: %s", name(step.Step, maxName), step.State)
	if step.Error != "" {
		says += ": " + cut(first(step.Error), 300)
	}
	return p.message(Escape(says))
}

// Reminder says that something still waits, and calls those who have not said anything. last is when
// nine tenths of the time are over.
func Reminder(s desk.Sight, last bool, c Context) Message {
	p := &page{Context: c, room: short}
	says := "*Half of the time is over.*"
	if last {
		says = "*Last call.*"
	}
	left := deadline(s).Sub(c.Now)
	if left > 0 {
		says += " " + span(left) + " left, until " + stamp(deadline(s)) + "."
	}
	silent := Silent(s)
	if len(silent) > 0 {
		says += " Still wanted: " + p.people(silent)
	}
	p.markup(says)
	return p.message(Escape("Still waits: " + first(asks(s))))
}

// Silent are the people who may answer and have not: without those who started the run, who changed what
// is asked, or who gave their vote away.
func Silent(s desk.Sight) []string {
	if s.Question != nil {
		return s.Question.People
	}
	var all []string
	for _, person := range s.Request.People {
		said := func(v approval.Vote) bool { return v.Person == person || v.For == person }
		edited := func(e approval.Edit) bool { return e.By == person }
		gone := func(d approval.Delegation) bool { return d.From == person }
		if !slices.ContainsFunc(s.Votes, said) && !slices.ContainsFunc(s.Request.Edits, edited) &&
			!slices.ContainsFunc(s.Delegations, gone) && !slices.Contains(s.StartedBy, person) {
			all = append(all, person)
		}
	}
	return all
}

// Escalated says that further groups are asked, and calls them.
func Escalated(s desk.Sight, groups []string, c Context) Message {
	p := &page{Context: c, room: short}
	p.markup("*Nobody has decided yet.* " + p.groups(groups) + " are asked as well, until " + stamp(deadline(s)) + ".")
	return p.message(Escape("Nobody has decided yet, further groups are asked: " + first(asks(s))))
}

// BrokenGlass says that one person decided alone. It goes to the channel, not into a thread alone.
func BrokenGlass(n desk.Notice, c Context) Message {
	p := &page{Context: c, room: short}
	p.markup("*The glass was broken:* " + p.person(n.Person) + " decided " + p.hint(n.Approval) + " alone. Review " + p.hint(n.Review) + " is open.")
	if n.Text != "" {
		p.saidShort(n.Text)
	}
	return p.message("The glass was broken: one person decided alone, and a review is open")
}

// RunFailed says that a run failed, of which playbook, and why.
func RunFailed(s desk.Sight, c Context) Message {
	p := &page{Context: c, room: short}
	says := "The run failed: " + Escape(cut(title(s), maxName))
	if why := first(s.Error); why != "" {
		says += ": " + Escape(cut(why, 300))
	}
	p.markup("*The run failed:* " + p.hint(title(s)) + ", " + codeOf(name(s.Run, maxCode)))
	if s.Error != "" {
		p.saidShort(s.Error)
	}
	if s.Undoable {
		p.aside("What it did stands. *Undo…* on its card takes it back.")
	}
	return p.message(says)
}

// ScheduleMissed says that a playbook was to start by its schedule and was not started, and why.
func ScheduleMissed(s desk.Sight, c Context) Message {
	p := &page{Context: c, room: short}
	says := "Not started as scheduled: " + Escape(cut(title(s), maxName))
	if why := first(s.Error); why != "" {
		says += ": " + Escape(cut(why, 300))
	}
	p.markup("*Not started as scheduled:* " + p.hint(title(s)))
	if s.Error != "" {
		p.saidShort(s.Error)
	}
	return p.message(says)
}

// UndoStarted says that what a run did is being taken back, by which run.
func UndoStarted(run, by, why string, c Context) Message {
	p := &page{Context: c, room: short}
	p.markup("*Undo started* by " + p.person(by) + ": " + codeOf(name(run, maxCode)))
	if why != "" {
		p.saidShort(why)
	}
	return p.message("Undo started: " + Escape(name(run, maxCode)))
}

// Kept says that what a step did stays.
func Kept(e desk.ExpirySight, c Context) Message {
	p := &page{Context: c, room: short}
	p.markup(p.until(e) + ".")
	return p.message("Kept: " + Escape(name(e.Step, maxName)))
}
