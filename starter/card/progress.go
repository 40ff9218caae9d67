package card

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// Progress tells a run as it goes: one line for each change since the status before. Times are the
// run's own, so the same statuses always give the same lines.
type Progress struct {
	w       io.Writer
	began   bool
	over    bool
	repeats int
	at      time.Time // of the last line
	steps   map[string]playbook.Status
	asked   map[string]*asked
}

// asked is what was said of an approval.
type asked struct {
	votes, refused int
	decided        bool
}

// NewProgress tells to w. Errors of w are not reported: whoever watches a run must not fail it.
func NewProgress(w io.Writer) *Progress {
	return &Progress{w: w, steps: map[string]playbook.Status{}, asked: map[string]*asked{}}
}

// See tells what has changed. Between two statuses a step may both begin and end; then it says
// only that it ended.
func (p *Progress) See(st *workflows.Status) {
	t := &telling{at: p.at}
	if !p.began {
		p.began = true
		t.tell(&st.Started, "run", "", "begins: %s (%s)", Clean(st.Title, maxTitle), Exact(st.Run))
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
		t.tell(nil, "run", "", "%s", repeats(st.Repeats))
	}
	if st.State.Over() && !p.over {
		p.over = true
		t.over(st)
	}
	p.at = t.at
	t.print(p.w)
}

// step tells that a step began or waits; what ended is told by end.
func (p *Progress) step(s *workflows.StepStatus, st *workflows.Status, t *telling) {
	name := Exact(s.ID)
	before := p.steps[s.ID]
	switch {
	case s.Status == before:
	case s.Status == playbook.StatusRunning && before != playbook.StatusWaiting: // an approval runs again after people
		t.tell(s.Started, name, "", "begins: %s", describe(s))
	case s.Status == playbook.StatusSkipped && worthTelling(s, st):
		t.tell(nil, name, "", "skipped")
	}
	asking := false
	for _, a := range st.Approvals {
		if a.ID == s.ID {
			asking = true
			p.approval(a, t)
		}
	}
	if s.Status == playbook.StatusWaiting && s.Status != before && !asking {
		t.tell(s.Started, name, yellow, "waits for people")
	}
}

// worthTelling leaves out skips that say nothing new: of steps that the author did not even name
// (their ids have a "-"), and of all that was still to come when a run broke off.
func worthTelling(s *workflows.StepStatus, st *workflows.Status) bool {
	return !strings.Contains(s.ID, "-") && st.State != workflows.Failed && st.State != workflows.Cancelled
}

func (p *Progress) end(s *workflows.StepStatus, t *telling) {
	before := p.steps[s.ID]
	p.steps[s.ID] = s.Status
	switch {
	case s.Status == before:
	case s.Status == playbook.StatusDone:
		t.tell(s.Ended, Exact(s.ID), green, "done%s", after(s))
	case s.Status == playbook.StatusFailed:
		t.tell(s.Ended, Exact(s.ID), red, "failed%s: %s", after(s), Clean(s.Error, 1000))
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
	seen := p.asked[a.ID]
	if seen == nil {
		seen = &asked{}
		p.asked[a.ID] = seen
		t.tell(&a.Asked, name, yellow, "asks %s until %s: %s", exactAll(a.Groups), clock(a.Expires), Clean(a.Question, 1000))
	}
	for ; seen.votes < len(a.Votes); seen.votes++ {
		v := a.Votes[seen.votes]
		because := ""
		if v.Reason != "" {
			because = ": " + Clean(v.Reason, approval.MaxReason)
		}
		t.tell(&v.At, name, "", "%s says %s%s", Exact(v.Person), Exact(string(v.Verdict)), because)
	}
	for ; seen.refused < len(a.Refused); seen.refused++ {
		t.tell(nil, name, red, "a vote by signal does not count: %s", Clean(a.Refused[seen.refused], 500))
	}
	if a.Decision != nil && !seen.decided {
		seen.decided = true
		style := red
		if a.Decision.Outcome == approval.Approved {
			style = green
		}
		t.tell(&a.Decision.At, name, style, "%s", Decision(a.Decision))
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
}

func (t *telling) tell(when *time.Time, name, style, format string, args ...any) {
	if when != nil {
		t.at = *when
	}
	t.lines = append(t.lines, told{t.at, name, style, fmt.Sprintf(format, args...)})
}

func (t *telling) sort() {
	slices.SortStableFunc(t.lines, func(a, b told) int { return a.at.Compare(b.at) })
	if len(t.lines) > 0 {
		t.at = t.lines[len(t.lines)-1].at
	}
}

func (t *telling) over(st *workflows.Status) {
	switch st.State {
	case workflows.Done:
		t.tell(st.Ended, "run", green, "done: %s", Clean(st.Outcome, 1000))
	case workflows.Failed:
		t.tell(st.Ended, "run", red, "failed: %s", Clean(st.Error, 1000))
	default:
		t.tell(st.Ended, "run", red, "%s", Exact(string(st.State)))
	}
}

func (t *telling) print(w io.Writer) {
	out := newPage(w)
	for _, l := range t.lines {
		out.linef(0, "%s  %s  %s", clock(l.at), pad(l.name, 12), out.style(l.style, l.text))
	}
	_ = out.write() // see NewProgress
}
