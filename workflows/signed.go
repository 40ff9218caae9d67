package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// RefusedType is the error type of what people said, or a standing of it, that does not count.
const RefusedType = "VoteRefused"

// maxSigned bounds a signed body, in bytes: anybody may send one.
const maxSigned = 512 << 10

// read reads a body without a look at its signature. What is meant for somebody else is turned away
// by that alone; nothing is believed.
func read(s grant.Signed, kind grant.Kind, body any) error {
	switch {
	case s.Kind != kind:
		return refusal("a %s stands where a %s should", clip(string(s.Kind)), kind)
	case len(s.Body) > maxSigned:
		return refusal("it has %d bytes; at most %d are read", len(s.Body), maxSigned)
	}
	if err := json.Unmarshal(s.Body, body); err != nil {
		return refusal("it is no %s", kind)
	}
	return nil
}

// verified reads a body that is signed by a key which the worker trusts. It goes on in a run that is
// cancelled: what a finally asks is answered as well.
func verified(ctx workflow.Context, s grant.Signed, kind grant.Kind, body any) error {
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	var found Checked
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(apart, workflow.LocalActivityOptions{
		StartToCloseTimeout:    checkTime,
		ScheduleToCloseTimeout: 3 * checkTime,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 3},
		Summary:                "check a " + string(kind),
	}), CheckActivity, s).Get(apart, &found)
	if err != nil {
		return refusal("%s", clip(reason(err)))
	}
	if found.Kind != kind {
		return refusal("a %s stands where a %s should", clip(string(found.Kind)), kind)
	}
	if err := json.Unmarshal(found.Body, body); err != nil {
		return refusal("it is no %s", kind)
	}
	return nil
}

// checkTime bounds one look at a signature, and one question to policy, which may read a file.
const checkTime = 10 * time.Second

func refusal(format string, args ...any) error {
	return fmt.Errorf("%w: %s", approval.ErrRefused, fmt.Sprintf(format, args...))
}

// refusedAs gives a refusal to whoever sent what is refused.
func refusedAs(err error) error {
	if err == nil {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(err.Error(), RefusedType, nil)
}

// mine refuses what was signed for another run, or for this one before it was reset or started anew.
func (r *run) mine(run, execution string) error {
	switch {
	case run != r.status.Run:
		return refusal("it is for the run %s, and this is %s", clip(run), r.status.Run)
	case execution != r.status.Execution:
		return refusal("it is for the execution %s of the run, and this is %s", clip(execution), r.status.Execution)
	default:
		return nil
	}
}

// hearing counts what has arrived and is being checked. A time that ends meanwhile waits for it: it
// came before.
func (r *run) hearing(ctx workflow.Context, hear func(arrived time.Time) error) error {
	r.status.hearing++
	defer func() { r.status.hearing-- }()
	return hear(workflow.Now(ctx))
}

// alarm is a time at which a run that waits for people notes something.
type alarm struct {
	at   time.Time
	ring func(now time.Time)
}

// forPeople waits until people have done their part, or until a time.
func (r *run) forPeople(ctx workflow.Context, row *StepStatus, until time.Time, alarms []alarm, done func() bool) error {
	r.mark(row, playbook.StatusWaiting)
	r.status.State = Waiting
	r.status.waiting++
	defer func() {
		if r.status.waiting--; r.status.waiting == 0 {
			r.status.State = Running
		}
	}()
	var err error
	inTime := false
	for _, a := range append(alarms, alarm{at: until, ring: func(time.Time) {}}) {
		if inTime, err = workflow.AwaitWithTimeout(ctx, a.at.Sub(workflow.Now(ctx)), done); err != nil || inTime {
			break
		}
		a.ring(workflow.Now(ctx))
	}
	if err == nil && !inTime {
		err = settle(ctx)
	}
	if err == nil {
		err = workflow.Await(ctx, func() bool { return done() || r.status.hearing == 0 })
	}
	if err == nil {
		r.mark(row, playbook.StatusRunning)
	}
	return err
}
