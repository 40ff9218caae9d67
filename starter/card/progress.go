package card

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// Progress tells a run as it goes: one line for each change since the status before, and what
// people or events say behind bars below it where it is long. Times are the run's own, so the same
// statuses always give the same lines.
type Progress struct {
	w       io.Writer
	began   bool
	over    bool
	repeats int
	back    int       // calls that put something back, which were told
	at      time.Time // of the last line
	steps   map[string]playbook.Status
	waves   map[string]int // the last that was told, of loops with more than one
	asked   map[string]*asked
}

// asked is what was said of an approval or a question.
type asked struct {
	votes, refused, reminders int
	escalated, decided        bool
}

// NewProgress tells to w. Errors of w are not reported: whoever watches a run must not fail it.
func NewProgress(w io.Writer) *Progress {
	return &Progress{w: w, steps: map[string]playbook.Status{}, waves: map[string]int{}, asked: map[string]*asked{}}
}

// See tells what has changed. Between two statuses a step may both begin and end; then it says
// only that it ended.
func (p *Progress) See(st *workflows.Status) {
	t := &telling{at: p.at}
	if !p.began {
		p.began = true
		t.tell(&st.Started, "run", "", "begins: "+Exact(st.Run), st.Title)
	}
	// In the order of the playbook, a step's end after those of the steps inside it: much happens
	// at one and the same time of a run, and then this order is the order of what happened.
	var open []*workflows.StepStatus
	for _, s := range st.Steps {
		for len(open) > 0 && open[len(open)-1].Depth >= s.Depth {
			p.end(open[len(open)-1], t)
			open = open[:len(open)-1]
		}
		p.step(s, st, t)
		open = append(open, s)
	}
	for len(open) > 0 {
		p.end(open[len(open)-1], t)
		open = open[:len(open)-1]
	}
	t.sort()
	if st.Repeats > p.repeats {
		p.repeats = st.Repeats
		t.tell(nil, "run", "", repeats(st.Repeats), "")
	}
	p.undone(st, t)
	if st.State.Over() && !p.over {
		p.over = true
		t.over(st)
		t.left(st)
	}
	p.at = t.at
	t.print(p.w)
}

// step tells that a step began or waits; what ended is told by end.
func (p *Progress) step(s *workflows.StepStatus, st *workflows.Status, t *telling) {
	name := Exact(s.ID)
	before := p.steps[s.ID]
	switch {
	case s.Status == before, quiet(s):
	case s.Status == playbook.StatusRunning && before != playbook.StatusWaiting: // an approval runs again after people
		t.begins(s)
	case s.Status == playbook.StatusSkipped && worthTelling(s, st):
		t.tell(nil, name, "", "skipped", "")
	}
	if l := s.Loop; l != nil && l.Waves > 1 && l.Wave > p.waves[s.ID] {
		p.waves[s.ID] = l.Wave
		t.tell(nil, name, "", progress(l), "")
	}
	asking := false
	for _, a := range st.Approvals {
		if asks(s, a.ID) {
			asking = true
			p.approval(a, t)
		}
	}
	for _, q := range st.Questions {
		if asks(s, q.ID) {
			asking = true
			p.question(q, t)
		}
	}
	if s.Status == playbook.StatusWaiting && s.Status != before && !asking {
		t.tell(s.Started, name, yellow, "waits for people", "")
	}
}

// asks reports whether it is the step that asks something of this name: in a loop, each[2].contain.
func asks(s *workflows.StepStatus, name string) bool {
	return name == s.ID || strings.HasSuffix(name, "."+s.ID)
}

// hasName reports whether the author named a step. An id that is made up has a "-".
func hasName(s *workflows.StepStatus) bool { return !strings.Contains(s.ID, "-") }

// quiet are steps that only prepare others, and that nobody would recognise: they are told if they
// fail. The story has them.
func quiet(s *workflows.StepStatus) bool { return s.Verb == "set" && !hasName(s) }

// worthTelling leaves out skips that say nothing new: of steps that the author did not even name
// (their ids have a "-"), and of all that was still to come when a run broke off.
func worthTelling(s *workflows.StepStatus, st *workflows.Status) bool {
	return hasName(s) && st.State != workflows.Failed && st.State != workflows.Cancelled
}

func (p *Progress) end(s *workflows.StepStatus, t *telling) {
	before := p.steps[s.ID]
	p.steps[s.ID] = s.Status
	switch {
	case s.Status == before:
	case s.Status == playbook.StatusDone && !quiet(s):
		t.tell(s.Ended, Exact(s.ID), green, "done"+after(s), "")
	case s.Status == playbook.StatusFailed:
		t.tell(s.Ended, Exact(s.ID), red, "failed"+after(s), s.Error)
	}
}

func after(s *workflows.StepStatus) string {
	if t := took(s); t != "" {
		return " in " + t
	}
	return ""
}

func (p *Progress) approval(a *workflows.ApprovalStatus, t *telling) {
	name := Exact(a.ID)
	key := a.ID + " " + string(a.Digest) // an edit, and what is asked again, have the name of the one before
	seen := p.asked[key]
	if seen == nil {
		seen = &asked{}
		p.asked[key] = seen
		again, why := "asks ", ""
		if a.Again != nil {
			again, why = "asks again ", a.Again.Why
		}
		t.tell(&a.Asked, name, yellow, again+exactAll(a.Groups)+" until "+clock(a.Expires), why)
	}
	for ; seen.reminders < len(a.Reminders); seen.reminders++ {
		at := a.Reminders[seen.reminders]
		t.tell(&at, name, yellow, "still waits for "+exactAll(a.Groups)+", "+span(a.Expires.Sub(at))+" left", "")
	}
	if a.Escalated != nil && a.Escalate != nil && !seen.escalated {
		seen.escalated = true
		t.tell(a.Escalated, name, yellow, "asks "+exactAll(a.Escalate.Groups)+" as well", "")
	}
	for ; seen.votes < len(a.Votes); seen.votes++ {
		v := a.Votes[seen.votes]
		t.tell(&v.At, name, "", voter(v)+" says "+Exact(string(v.Verdict)), v.Reason)
	}
	for ; seen.refused < len(a.Refused); seen.refused++ {
		t.tell(nil, name, red, "a vote by signal does not count", exactly(a.Refused[seen.refused], maxRefused))
	}
	if a.Decision != nil && !seen.decided {
		seen.decided = true
		t.tell(&a.Decision.At, name, outcomeStyle(a.Decision.Outcome), decided(a.Decision), because(a.Decision))
	}
}

// outcomeStyle colours the yes and the no. Any other outcome is neither.
func outcomeStyle(o approval.Outcome) string {
	switch o {
	case approval.Approved:
		return green
	case approval.Rejected, approval.Expired:
		return red
	default:
		return yellow
	}
}

// telling collects the lines of one status.
type telling struct {
	at    time.Time // of the line before: a change without a time goes with it
	lines []told
}

type told struct {
	at          time.Time
	name, style string
	text        string
	below       []string
}

// tell says something of ours, and what somebody else said of it.
func (t *telling) tell(when *time.Time, name, style, ours, theirs string) {
	if when != nil {
		t.at = *when
	}
	text, below := inline(ours, theirs, textIndent(name))
	t.lines = append(t.lines, told{t.at, name, style, text, below})
}

// begins tells a step by its title where that is short, else by what it is.
func (t *telling) begins(s *workflows.StepStatus) {
	ours, name := "begins", Exact(s.ID)
	if _, below := inline(ours, s.Title, textIndent(name)); s.Title == "" || len(below) > 0 {
		ours += ": " + what(s)
	}
	t.tell(s.Started, name, "", ours, s.Title)
}

// progressName is how many columns a name takes in a line of progress.
const progressName = 12

// textIndent is where the text of a line begins: after the time and the name.
func textIndent(name string) int { return len("15:04:05  ") + max(progressName, columns(name)) + 2 }

func (t *telling) sort() {
	slices.SortStableFunc(t.lines, func(a, b told) int { return a.at.Compare(b.at) })
	if len(t.lines) > 0 {
		t.at = t.lines[len(t.lines)-1].at
	}
}

func (t *telling) over(st *workflows.Status) {
	switch st.State {
	case workflows.Done:
		t.tell(st.Ended, "run", green, "done", st.Outcome)
	case workflows.Failed:
		t.tell(st.Ended, "run", red, "failed", st.Error)
	default:
		t.tell(st.Ended, "run", red, Exact(string(st.State)), "")
	}
}

func (t *telling) print(w io.Writer) {
	out := newPage(w)
	for _, l := range t.lines {
		out.linef(0, "%s  %s  %s", clock(l.at), pad(l.name, progressName), out.style(l.style, l.text))
		for _, row := range l.below {
			out.line(textIndent(l.name), row)
		}
	}
	_ = out.write() // see NewProgress
}
