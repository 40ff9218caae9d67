package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// Bounds on all loops of a run together, nested ones and those of its parts included. Temporal ends
// a run whose history has more than 51,200 events, without a word from us; a step that fails says
// why, and can be caught.
const (
	maxRounds      = 100_000
	maxHistory     = 40_000   // events
	maxHistorySize = 40 << 20 // bytes; Temporal's own bound is 50 MiB
)

// round is the run as one round of a loop sees it: a step inside is named after the loop and the
// round, scan[12].disable, and has a row of its own.
func (r *run) round(ctx workflow.Context, s *playbook.Step, number int) (*run, error) {
	if r.status.rounds++; r.status.rounds > maxRounds {
		return nil, fmt.Errorf("the loops of the run have made %d rounds; at most that many fit into one run", maxRounds)
	}
	if err := r.room(ctx); err != nil {
		return nil, err
	}
	f := *r
	f.path = fmt.Sprintf("%s[%d].", r.name(s), number)
	f.rows = map[string]*StepStatus{}
	return &f, nil
}

// room reports a history that is too long for another round.
func (r *run) room(ctx workflow.Context) error {
	info := workflow.GetInfo(ctx)
	if events, size := info.GetCurrentHistoryLength(), info.GetCurrentHistorySize(); events > maxHistory || size > maxHistorySize {
		return fmt.Errorf("the run's history has %d events and %d bytes, which leaves no room for another round; give the rest to another run", events, size)
	}
	return nil
}

// name is a step's id, after the rounds around it: unique in the run, where an id alone is not.
func (r *run) name(s *playbook.Step) string { return r.path + s.ID }

// row is where the story of a step is written. A round has its own, so that items side by side do
// not mix theirs; the status, which has one row a step, counts them and shows the last.
func (r *run) row(s *playbook.Step) *StepStatus {
	shown := r.status.Step(s.ID)
	if r.rows == nil {
		return shown
	}
	row, ok := r.rows[s.ID]
	if !ok {
		row = &StepStatus{
			ID: shown.ID, Verb: shown.Verb, Title: shown.Title, Activity: shown.Activity, Effect: shown.Effect, Calls: shown.Calls,
			Status: playbook.StatusPending, shown: shown,
		}
		r.rows[s.ID] = row
	}
	return row
}

// mark moves a step to another state.
func (r *run) mark(row *StepStatus, status playbook.Status) {
	before := row.Status
	row.Status = status
	out := row.shown
	if out == nil {
		return
	}
	if out.Rounds == nil {
		out.Rounds = &Rounds{}
	}
	out.Rounds.add(before, -1)
	out.Rounds.add(status, 1)
	out.Status, out.Title, out.Run = out.Rounds.status(), row.Title, row.Run
	if out.Case = row.Case; out.Case != nil && !slices.Contains(out.Rounds.Cases, *out.Case) {
		out.Rounds.Cases = append(out.Rounds.Cases, *out.Case)
	}
	if out.Started == nil {
		out.Started = row.Started
	}
	if out.Rounds.Running+out.Rounds.Waiting > 0 {
		out.Ended = nil
	} else if row.Ended != nil {
		out.Ended = row.Ended
	}
	if row.Error != "" {
		out.Error = row.Error
	}
	out.Part, out.Waits, out.Loop = row.Part, row.Waits, row.Loop
	if row.Input != nil && row.Ended != nil {
		r.status.shown -= len(out.Input) + len(out.Output)
		out.Input, out.Output = row.Input, row.Output
	}
}

// take counts the rounds of a part with those of the run.
func (s *StepStatus) take(part Rounds) {
	if s.Rounds == nil {
		s.Rounds = &Rounds{}
	}
	s.Rounds.take(part)
	s.Status = s.Rounds.status()
}

func (c *Rounds) take(part Rounds) {
	c.Done += part.Done
	c.Failed += part.Failed
	c.Skipped += part.Skipped
	for _, n := range part.Cases {
		if !slices.Contains(c.Cases, n) {
			c.Cases = append(c.Cases, n)
		}
	}
}

func (c *Rounds) add(status playbook.Status, n int) {
	switch status {
	case playbook.StatusRunning:
		c.Running += n
	case playbook.StatusWaiting:
		c.Waiting += n
	case playbook.StatusDone:
		c.Done += n
	case playbook.StatusSkipped:
		c.Skipped += n
	case playbook.StatusFailed:
		c.Failed += n
	}
}

// status is that of a step whose rounds these are.
func (c *Rounds) status() playbook.Status {
	switch {
	case c.Waiting > 0:
		return playbook.StatusWaiting
	case c.Running > 0:
		return playbook.StatusRunning
	case c.Failed > 0:
		return playbook.StatusFailed
	case c.Done > 0:
		return playbook.StatusDone
	case c.Skipped > 0:
		return playbook.StatusSkipped
	default:
		return playbook.StatusPending
	}
}
