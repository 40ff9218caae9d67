package workflows

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
)

// maxKeepRefused bounds how many words an expiry looks at that are not believed: anybody may send
// them, and each look stands in its history.
const maxKeepRefused = 50

// admit is the update's validator: what it refuses leaves no trace in the history.
func (e *expiry) admit(s grant.Signed) error {
	var claimed grant.Keep
	if err := read(s, grant.KindKeep, &claimed); err != nil {
		return err
	}
	switch {
	case e.status.State.Over():
		return refusal("what %s did is %s already", e.status.Step, e.status.State)
	case claimed.Run != e.status.Run || claimed.Step != e.status.Step || claimed.Execution != e.status.Execution:
		return refusal("it is about something else than what %s of the run %s did", e.status.Step, e.status.Run)
	case e.refused >= maxKeepRefused:
		return refusal("%d that were forged have come before it; no more are looked at", e.refused)
	default:
		return nil
	}
}

// kept takes the word of a person, once the worker has checked who signed it, and answers when what
// comes of it is known: it may come too late.
func (e *expiry) kept(ctx workflow.Context, s grant.Signed) (ExpiryStatus, error) {
	var k grant.Keep
	e.hearing++
	err := verified(ctx, s, grant.KindKeep, &k)
	e.hearing--
	if err != nil {
		e.refused++
		return ExpiryStatus{}, err
	}
	if e.keep == nil {
		e.keep = &k
	}
	if err := workflow.Await(ctx, func() bool { return e.status.State.Over() }); err != nil {
		return ExpiryStatus{}, err
	}
	if e.status.State != ExpiryKept {
		return ExpiryStatus{}, refusal("it comes too late: what %s did is %s", e.status.Step, e.status.State)
	}
	return e.status, nil
}

// Expiry asks what became of something that is put back by itself: whether it is, and who kept it.
func (c Client) Expiry(ctx context.Context, until Until) (ExpiryStatus, error) {
	bounded, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var status ExpiryStatus
	value, err := c.Temporal.QueryWorkflow(bounded, until.Workflow, until.Execution, ExpiryQuery)
	if err != nil {
		return status, c.explain("ask "+until.Workflow+" what it puts back", err)
	}
	if err := value.Get(&status); err != nil {
		return status, fmt.Errorf("read what %s puts back: %w", until.Workflow, err)
	}
	return status, nil
}

// Keep brings the word of a person, which the gateway has signed, to what would be put back by
// itself at that time. One that does not count, or comes too late, is an error that wraps
// approval.ErrRefused. To bring the same word again is safe.
func (c Client) Keep(ctx context.Context, until Until, s grant.Signed) (ExpiryStatus, error) {
	var status ExpiryStatus
	err := c.update(ctx, until.Workflow, KeepUpdate, s, &status)
	return status, err
}

// AskExpiring fills in what became of all that a run did for a while, as far as it can be told: each
// has a workflow of its own that knows.
func (c Client) AskExpiring(ctx context.Context, st *Status) {
	for _, act := range st.Expiring {
		if act == nil || act.Until == nil {
			continue
		}
		became, err := c.Expiry(ctx, *act.Until)
		if errors.Is(err, ErrNoWorker) || ctx.Err() != nil {
			return
		}
		if err == nil {
			act.Until.State, act.Until.Ended = became.State, became.Ended
			act.Until.KeptBy, act.Until.Reason, act.Until.Error = became.KeptBy, became.Reason, became.Error
		}
	}
}
