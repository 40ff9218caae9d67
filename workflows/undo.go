package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/playbook"
)

// around is the run as the inside of a step sees it that is put back as a whole.
func (r *run) around(s *playbook.Step) *run {
	if s.Undo == nil || s.Undo.Automatic != nil {
		return r
	}
	f := *r
	f.within = append(slices.Clone(r.within), r.name(s))
	return &f
}

// byItself notes how a call is put back by the undo of its activity: that takes what the call found,
// and else what it was given.
func (t *Trace) byItself(back *playbook.Signature, input, output json.RawMessage) error {
	raw, err := activities.UndoFields(input, output, back.Input.FieldNames())
	if err == nil {
		_, err = back.Input.Decode(raw)
	}
	if err != nil {
		return fmt.Errorf("undo with %s: %w", t.Act.Undo, err)
	}
	t.Back = []UndoCall{undoCall(activities.Call{Activity: t.Act.Undo, Version: back.Version, Input: raw}, *back)}
	return nil
}

// byCalls resolves the calls that put back a step that was done.
func (r *run) byCalls(ctx workflow.Context, s *playbook.Step) error {
	if s.Undo == nil || s.Undo.Automatic != nil {
		return nil
	}
	t := &Trace{Step: r.name(s), Within: r.within}
	for i, a := range s.Undo.Calls {
		call, _, err := r.resolve(ctx, a)
		if err != nil {
			return fmt.Errorf("undo, call %d: %w", i+1, err)
		}
		t.Back = append(t.Back, undoCall(call, a.Signature))
	}
	r.trail.add(t)
	return nil
}

// UndoStatus is what became of one call that puts something back.
type UndoStatus struct {
	Step     string          `json:"step"` // what it puts back, with the rounds around it
	Activity string          `json:"activity"`
	Status   playbook.Status `json:"status"`
	Started  *time.Time      `json:"started,omitempty"`
	Ended    *time.Time      `json:"ended,omitempty"`
	Input    json.RawMessage `json:"input,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// Bounds on what a status tells of it.
const (
	maxUndone = 200 // calls; those that failed are told all the same
	maxLeft   = 100
)

// putBack makes the calls that take back what the run did, the newest first. It does so also for a
// run that was cancelled, and what cannot be put back keeps nothing else from it.
func (r *run) putBack(ctx workflow.Context) {
	r.withdraw(workflow.Now(ctx))
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	todo := slices.DeleteFunc(slices.Clone(r.trail.traces), func(t *Trace) bool { return len(t.Back) == 0 })
	for end := len(todo); end > 0; {
		first, fits := piece(todo[:end])
		if first == 0 && end == len(todo) || !fits {
			r.walk(apart, todo[first:end])
		} else {
			r.walkApart(apart, todo[first:end], first)
		}
		end = first
	}
	r.trail.close()
	r.status.expiringOf(r.trail.traces)
	for _, t := range r.trail.traces[:min(len(r.trail.traces), maxLeft)] {
		r.status.Left = append(r.status.Left, t.Act)
	}
	r.status.LeftUnlisted = len(r.trail.traces) - len(r.status.Left)
}

// walk puts back traces, from the last to the first.
func (r *run) walk(ctx workflow.Context, traces []*Trace) {
	for _, t := range slices.Backward(traces) {
		if t.PutBack { // with the step around it
			continue
		}
		if why := r.release(ctx, t); why != "" {
			r.leaveToExpiry(ctx, t, why)
			continue
		}
		all := true
		for i, call := range t.Back {
			name := t.Step + ".undo"
			if len(t.Back) > 1 {
				name += fmt.Sprintf("[%d]", i+1)
			}
			all = r.undo(ctx, name, t.Step, call) == nil && all
		}
		if all {
			r.isPutBack(ctx, t)
		}
	}
}

// isPutBack marks what was put back, and what was inside it: nothing of that need expire any more.
func (r *run) isPutBack(ctx workflow.Context, t *Trace) {
	for _, one := range r.trail.putBack(t) {
		r.release(ctx, one)
	}
}

// undo makes one call that puts something back, with a permit for exactly that, and tells it.
func (r *run) undo(ctx workflow.Context, name, step string, call UndoCall) error {
	now := workflow.Now(ctx)
	row := &UndoStatus{Step: step, Activity: call.Activity, Status: playbook.StatusRunning, Started: &now, Input: r.show(call.Input)}
	r.status.undone(row)
	s := &playbook.Step{Timeout: max(playbook.DefaultTimeout, call.Timeout), Retry: playbook.DefaultRetry}
	what, err := call.Digest()
	if err == nil {
		err = execute(ctx, name, s, call.verb(), call.Call, &activities.Permit{Covers: []digest.Digest{what}}).Get(ctx, nil)
	}
	ended := workflow.Now(ctx)
	row.Ended, row.Status = &ended, playbook.StatusDone
	if err != nil {
		row.Status, row.Error = playbook.StatusFailed, reason(err)
		workflow.GetLogger(ctx).Error("what was done could not be put back", "step", step, "activity", call.Activity, "error", row.Error)
	}
	return err
}

// verb is the call as a step would make it.
func (u UndoCall) verb() *playbook.Activity {
	return &playbook.Activity{Name: u.Activity, Signature: playbook.Signature{
		Effect: playbook.EffectChange, Version: u.Version, Timeout: u.Timeout, Heartbeat: u.Heartbeat, TaskQueue: u.TaskQueue, Targets: u.Targets,
	}}
}

// undone lists a call, and takes the oldest that is done off the list when that gets long.
func (s *Status) undone(row *UndoStatus) {
	s.Undone = append(s.Undone, row)
	if len(s.Undone) <= maxUndone {
		return
	}
	for i, earlier := range s.Undone {
		if earlier.Status == playbook.StatusDone {
			s.Undone = slices.Delete(s.Undone, i, i+1)
			s.UndoneUnlisted++
			return
		}
	}
}
