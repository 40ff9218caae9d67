package workflows

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// The names of the local activities by which a run talks to switchboards. They are part of every
// history: never change one.
const (
	SubscribeActivity   = "countersign.subscribe"
	UnsubscribeActivity = "countersign.unsubscribe"
)

// BindActivities registers with a worker what runs need of Temporal itself.
func BindActivities(w worker.ActivityRegistry) {
	w.RegisterActivityWithOptions(subscribe, activity.RegisterOptions{Name: SubscribeActivity})
	w.RegisterActivityWithOptions(unsubscribe, activity.RegisterOptions{Name: UnsubscribeActivity})
}

// subscribe makes a step known to the switchboard of a type of event, which it starts if nobody
// waited so far. To subscribe twice is to subscribe once.
func subscribe(ctx context.Context, eventType string, s Subscription) error {
	_, err := activity.GetClient(ctx).SignalWithStartWorkflow(ctx, switchboardID(eventType), SubscribeSignal, s, client.StartWorkflowOptions{
		TaskQueue:             activity.GetInfo(ctx).TaskQueue,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, SwitchboardType, SwitchboardInput{Type: eventType})
	if err != nil {
		return fmt.Errorf("subscribe to events of type %s: %w", eventType, err)
	}
	return nil
}

// unsubscribe takes a step that waits no more off its switchboard, if that still knows it.
func unsubscribe(ctx context.Context, eventType string, s Subscription) error {
	err := activity.GetClient(ctx).SignalWorkflow(ctx, switchboardID(eventType), "", UnsubscribeSignal, s)
	var gone *serviceerror.NotFound
	if err != nil && !errors.As(err, &gone) {
		return fmt.Errorf("unsubscribe from events of type %s: %w", eventType, err)
	}
	return nil
}

// MaxCandidate bounds an event that is delivered to runs that wait, in bytes: it stands in the
// history of each of them.
const MaxCandidate = 256 << 10

// weight is how much of that an event takes.
func weight(ev event.Event) int {
	return len(ev.Data) + len(ev.ID) + len(ev.Source) + len(ev.Type) + len(ev.Subject)
}

// ErrTooLarge is returned for an event that runs wait for and that is too large for them.
var ErrTooLarge = errors.New("the event is too large for the runs that wait for its type")

// Deliver brings an event to the runs that wait for one of its type, and says whether there are
// any. Whether it is the one that they wait for is theirs to decide. It asks no list of runs, so
// that whoever waits is found at once, and an event that nobody waits for costs one call.
func (c Client) Deliver(ctx context.Context, ev event.Event) (waited bool, err error) {
	if len(ev.Type) > playbook.MaxEventType { // no playbook waits for it
		return false, nil
	}
	bounded, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	id := switchboardID(ev.Type)
	if weight(ev) > MaxCandidate {
		var found *client.WorkflowExecutionDescription
		if found, err = c.Temporal.DescribeWorkflow(bounded, id, ""); err == nil {
			if found.Status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
				return false, nil
			}
			err = fmt.Errorf("%w: it has %d bytes; at most %d", ErrTooLarge, weight(ev), MaxCandidate)
		}
	} else {
		err = c.Temporal.SignalWorkflow(bounded, id, "", EventSignal, ev)
	}
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("deliver the event %.100q to the runs that wait for %s: %w", ev.ID, ev.Type, err)
	}
	return true, nil
}
