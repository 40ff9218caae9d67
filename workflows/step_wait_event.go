package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// candidates are events that have arrived for a step that waits for one, and that it has not looked
// at yet.
type candidates struct {
	subscription Subscription
	eventType    string
	events       []event.Event
	size         int
	full         bool // nothing more will come
}

// Bounds on what may lie there at once. Few lie there long: a step looks at them in the task that
// brings them.
const (
	maxCandidates     = 1000
	maxCandidateBytes = 16 << 20
)

// errCrowded ends a wait that cannot see every event that it ought to.
var errCrowded = errors.New("more events of the type, or more steps that wait for them, than can be held; narrow what is waited for")

// offer gives an event to every step that waits for its type. The event that the run answers is not
// news to it.
func (r *run) offer(ev event.Event) {
	if ev.ID == r.in.Event.ID && ev.Source == r.in.Event.Source && ev.Type == r.in.Event.Type {
		return
	}
	for _, c := range r.waits.open {
		switch {
		case c.eventType != ev.Type:
		case len(c.events) >= maxCandidates || c.size+weight(ev) > maxCandidateBytes:
			c.full = true
		default:
			c.events, c.size = append(c.events, ev), c.size+weight(ev)
		}
	}
}

// turnedAway ends the wait of a step whose subscription could not be taken.
func (r *run) turnedAway(s Subscription) {
	for _, c := range r.waits.open {
		if c.subscription.key() == s.key() {
			c.full = true
		}
	}
}

// waits are the steps of a run that wait for events.
type waits struct {
	open []*candidates
	made int
}

// waitForEvent waits until an event arrives for which the condition holds, or until its time ends.
// What the last task brings together with the end of the time is still looked at.
func (r *run) waitForEvent(ctx workflow.Context, s *playbook.Step, v *playbook.Wait, row *StepStatus) (map[string]any, error) {
	until := workflow.Now(ctx).Add(v.Expires)
	r.waits.made++
	c := &candidates{eventType: v.Event, subscription: Subscription{
		ID: fmt.Sprintf("%s#%d", r.name(s), r.waits.made), Run: r.status.Run, Execution: r.status.Execution, Until: until,
	}}
	r.waits.open = append(r.waits.open, c)
	defer r.unsubscribe(ctx, c)
	if err := switchboardCall(ctx, SubscribeActivity, playbook.DefaultTimeout, c); err != nil {
		return nil, err
	}
	row.Waits = &EventWait{Event: v.Event, Until: until}
	r.mark(row, playbook.StatusRunning)
	defer func() { row.Waits = nil }()
	timed, stop := workflow.WithCancel(ctx)
	defer stop()
	timer := workflow.NewTimer(timed, max(until.Sub(workflow.Now(ctx)), time.Millisecond))
	for {
		err := workflow.Await(ctx, func() bool { return len(c.events) > 0 || c.full || timer.IsReady() })
		if err != nil {
			return nil, err
		}
		late := timer.IsReady()
		if err := settle(ctx); err != nil { // so that no look at many events takes all the time of a task
			return nil, err
		}
		switch {
		case len(c.events) > 0:
			ev := c.events[0]
			c.events, c.size = c.events[1:], c.size-weight(ev)
			value, holds, err := r.holds(ctx, v, ev)
			if err != nil {
				return nil, err
			}
			if holds {
				row.Case = way(1)
				return map[string]any{"arrived": true, "event": value}, nil
			}
		case c.full:
			return nil, errCrowded
		case late:
			row.Case = way(0)
			return map[string]any{"arrived": false}, nil
		}
	}
}

// holds looks at one event. One of which the condition cannot be evaluated is not the one: what
// strangers send must not fail the step.
func (r *run) holds(ctx workflow.Context, v *playbook.Wait, ev event.Event) (any, bool, error) {
	if err := r.room(ctx); err != nil {
		return nil, false, err
	}
	value, err := v.Candidate(ev)
	if err == nil && v.If != nil {
		see := r.fork()
		see.values["candidate"] = value
		var holds bool
		holds, err = record(ctx, v.If.Stable(), func() (bool, error) { return v.If.Holds(see.values) })
		if err == nil && !holds {
			return nil, false, nil
		}
	}
	if err != nil {
		workflow.GetLogger(ctx).Warn("an event is passed over", "event", clip(ev.ID), "error", clip(err.Error()))
		return nil, false, nil
	}
	return value, true, nil
}

// unsubscribe ends a wait, also of a run that is cancelled. Where it fails the switchboard forgets
// the step by itself.
func (r *run) unsubscribe(ctx workflow.Context, c *candidates) {
	r.waits.open = slices.DeleteFunc(r.waits.open, func(one *candidates) bool { return one == c })
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	if err := switchboardCall(apart, UnsubscribeActivity, activities.DefaultTimeout, c); err != nil {
		workflow.GetLogger(ctx).Warn("a step that waits no more is still subscribed", "error", err)
	}
}

func switchboardCall(ctx workflow.Context, name string, within time.Duration, c *candidates) error {
	return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: within,
		StartToCloseTimeout:    min(within, activities.DefaultTimeout),
		RetryPolicy:            retryPolicy(playbook.DefaultRetry),
	}), name, c.eventType, c.subscription).Get(ctx, nil)
}

// way is a StepStatus.Case.
func way(n int) *int { return &n }
