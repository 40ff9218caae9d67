package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/playbook"
)

// Act is a change or a destroy that a run made.
type Act struct {
	Step     string `json:"step"` // with the rounds around it
	Activity string `json:"activity"`
	Effect   string `json:"effect"`
	// Targets are the fields of the input that say what was acted on.
	Targets map[string]json.RawMessage `json:"targets,omitempty"`
	At      time.Time                  `json:"at"`
	// Undo is the activity that takes it back; none: nothing does.
	Undo string `json:"undo,omitempty"`
	// Unsure marks a call that was cut off: it may be done in part or in whole, or not at all.
	Unsure bool `json:"unsure,omitempty"`
	// Until is when it is put back by itself; nil: it is not.
	Until *Until `json:"until,omitempty"`
}

// Trace is one entry of the trail that a run leaves: an act, or a step that is put back as a whole.
// It travels as JSON: a part of a loop, and a run that another waits for, hand theirs up.
type Trace struct {
	Step string `json:"step"`
	Act  *Act   `json:"act,omitempty"` // nil: a step that has calls of its own to put it back
	// Within are the steps around an act that are put back as a whole.
	Within []string `json:"within,omitempty"`
	// Back are the calls that put it back, made when the run ends badly.
	Back    []UndoCall `json:"back,omitempty"`
	PutBack bool       `json:"put_back,omitempty"`
}

// UndoCall is a call that puts something back, resolved when that was done. It needs no plan.
type UndoCall struct {
	activities.Call

	Timeout   time.Duration `json:"timeout"` // of one attempt
	Heartbeat time.Duration `json:"heartbeat,omitempty"`
	TaskQueue string        `json:"task_queue,omitempty"` // of another program's worker
	Targets   []string      `json:"targets,omitempty"`    // then: what may not be empty
}

func undoCall(call activities.Call, s playbook.Signature) UndoCall {
	u := UndoCall{Call: call, Timeout: s.Timeout, Heartbeat: s.Heartbeat}
	if s.TaskQueue != "" {
		u.TaskQueue, u.Targets = s.TaskQueue, s.Targets
	}
	return u
}

// trail is what a run did, in that order. All branches of the run share it.
type trail struct {
	traces     []*Trace
	size, most int // bytes, about
	ahead      int // of the calls that are under way now
}

// Bounds on what a run remembers to have done, in bytes. One that hands it up hands up all at once,
// beside results of at most a MiB, and Temporal takes 2 MiB.
const (
	maxTrail   = 16 << 20
	maxTrailUp = 512 << 10
)

func newTrail(ctx workflow.Context) *trail {
	if workflow.GetInfo(ctx).ParentWorkflowExecution != nil {
		return &trail{most: maxTrailUp}
	}
	return &trail{most: maxTrail}
}

// room reports a trail that cannot take another call, before that is made.
func (t *trail) room() error {
	if t.size+t.ahead > t.most {
		return fmt.Errorf("the run has changed %d things, and can remember no more of them to put back or tell; give the rest to another run", len(t.traces))
	}
	return nil
}

func (t *trail) add(traces ...*Trace) {
	for _, one := range traces {
		t.traces = append(t.traces, one)
		t.size += weigh(one)
	}
}

// putBack marks what one trace was about, and the acts inside a step that was put back as a whole,
// which it returns.
func (t *trail) putBack(done *Trace) (inside []*Trace) {
	done.PutBack = true
	if done.Act != nil {
		return nil
	}
	for _, one := range t.traces {
		if one.Step == done.Step || slices.Contains(one.Within, done.Step) {
			one.PutBack = true
			inside = append(inside, one)
		}
	}
	return inside
}

// close leaves only the acts that nothing has put back, and nothing will.
func (t *trail) close() {
	t.traces = slices.DeleteFunc(t.traces, func(one *Trace) bool {
		one.Back = nil
		return one.Act == nil || one.PutBack
	})
}

// take adds the trail of another run, whose steps stand inside those of this place. Their names get
// what stands before them here.
func (r *run) take(before string, traces []*Trace) {
	for _, one := range traces {
		within := slices.Clone(r.within)
		for _, name := range one.Within {
			within = append(within, before+name)
		}
		one.Within, one.Step = within, before+one.Step
		if one.Act != nil {
			one.Act.Step = one.Step
			r.status.expiring(one.Act)
		}
		r.trail.add(one)
	}
}

// note keeps a call that was made, unless it only read, and how to put it back. A call that failed is
// kept where it may have done its work all the same.
func (r *run) note(ctx workflow.Context, s *playbook.Step, v *playbook.Activity, call activities.Call, output json.RawMessage, err error) error {
	t := acted(ctx, r.name(s), v, call, err)
	if t == nil {
		return err
	}
	t.Within = r.within
	if err == nil && s.Undo != nil && s.Undo.Automatic != nil {
		err = t.byItself(s.Undo.Automatic, call.Input, output)
		if err == nil && s.Undo.After > 0 {
			err = r.expires(ctx, s.Undo.After, t)
		}
	}
	r.trail.add(t)
	return err
}

// acted is what a call leaves that was made; nil: nothing, as it only read, or failed.
func acted(ctx workflow.Context, step string, v *playbook.Activity, call activities.Call, err error) *Trace {
	if v.Signature.Effect == playbook.EffectRead || err != nil && !cutOff(err) {
		return nil
	}
	return &Trace{Step: step, Act: &Act{
		Step: step, Activity: v.Name, Effect: string(v.Signature.Effect), At: workflow.Now(ctx),
		Targets: targets(v.Signature, call.Input), Undo: v.Signature.Undo, Unsure: err != nil,
	}}
}

// maxTarget bounds a target, in bytes, as people are shown it.
const maxTarget = 1 << 10

func targets(s playbook.Signature, input json.RawMessage) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(input, &fields) != nil {
		return nil
	}
	named := map[string]json.RawMessage{}
	for _, name := range s.Targets {
		value, ok := fields[name]
		if len(value) > maxTarget {
			value = json.RawMessage(fmt.Sprintf(`"%d bytes, not shown"`, len(value)))
		}
		if ok {
			named[name] = value
		}
	}
	return named
}

// cutOff reports a call of which nobody knows how it ended.
func cutOff(err error) bool {
	var app *temporal.ApplicationError
	var late *temporal.TimeoutError
	return errors.As(err, &app) && app.Type() == activities.Interrupted || errors.As(err, &late)
}
