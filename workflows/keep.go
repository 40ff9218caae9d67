package workflows

import (
	"context"
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/playbook"
)

// Bounds on what an expiry takes from outside: anybody may send it.
const (
	maxKeepBytes   = 16 << 10
	maxKeepRefused = 50
)

// admit is the update's validator: what it refuses leaves no trace in the history.
func (e *expiry) admit(_ workflow.Context, s grant.Signed) error {
	switch {
	case e.status.State.Over():
		return e.refuse("it is %s already", e.status.State)
	case s.Kind != grant.KindKeep:
		return e.refuse("want the word of a person, signed by the gateway")
	case len(s.Body) > maxKeepBytes:
		return e.refuse("the word has %d bytes; at most %d are read", len(s.Body), maxKeepBytes)
	case e.refused >= maxKeepRefused:
		return e.refuse("too many that were not believed; no more are looked at")
	default:
		return nil
	}
}

// kept takes the word of a person, once the worker has checked who signed it, and answers when what
// comes of it is known: it may come too late.
func (e *expiry) kept(ctx workflow.Context, s grant.Signed) (ExpiryStatus, error) {
	var k grant.Keep
	if err := opened(ctx, s, grant.KindKeep, &k); err != nil {
		e.refused++
		return ExpiryStatus{}, e.refuse("%s", reason(err))
	}
	if k.Run != e.status.Run || k.Step != e.status.Step || k.Execution != e.status.Execution {
		e.refused++
		return ExpiryStatus{}, e.refuse("the word is about another one")
	}
	if e.keep == nil {
		e.keep = &k
	}
	if err := workflow.Await(ctx, func() bool { return e.status.State.Over() }); err != nil {
		return ExpiryStatus{}, err
	}
	if e.status.State != ExpiryKept {
		return ExpiryStatus{}, e.refuse("it comes too late: it is %s", e.status.State)
	}
	return e.status, nil
}

func (e *expiry) refuse(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf("what %s of the run %s did cannot be kept: %s", e.status.Step, e.status.Run, fmt.Sprintf(format, args...)), RefusedType, nil)
}

// opened asks the worker whether it trusts who signed something, and reads its body.
func opened(ctx workflow.Context, s grant.Signed, kind grant.Kind, body any) error {
	var checked Checked
	err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: playbook.DefaultTimeout,
		StartToCloseTimeout:    activities.DefaultTimeout,
		RetryPolicy:            retryPolicy(playbook.DefaultRetry),
	}), CheckActivity, s).Get(ctx, &checked)
	if err != nil {
		return err
	}
	if checked.Kind != kind {
		return fmt.Errorf("a %s stands where a %s should", clip(string(checked.Kind)), kind)
	}
	if err := json.Unmarshal(checked.Body, body); err != nil {
		return fmt.Errorf("read the %s: %w", kind, err)
	}
	return nil
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
	name, err := digest.Of(s) // so that nobody else's word is taken for this one
	if err != nil {
		return status, err
	}
	err = c.update(ctx, until.Workflow, client.UpdateWorkflowOptions{
		RunID: until.Execution, UpdateID: "keep/" + string(name), UpdateName: KeepUpdate, Args: []any{s},
	}, &status, fmt.Sprintf("keep what %s of the run %s did", until.Step, until.Run))
	return status, err
}
