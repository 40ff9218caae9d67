package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

type callerKey struct{}

// caller is a workflow written in Go, while it runs.
type caller struct {
	activities playbook.Table[playbook.Signature]
	calls      int
}

// Call calls a registered activity from a workflow that was registered with [Register], as a step
// with activity: does: it is tried 5 times, a short read runs as a local activity, and a change that
// policy lets run by itself gets the permit for exactly this call. What policy asks people about, and
// what cannot be undone, is refused: it needs an approval, which a playbook asks for.
func Call[In, Out any](ctx workflow.Context, name string, in In) (Out, error) {
	var out Out
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return out, errors.New("call " + name + ": only a workflow that was registered with workflows.Register can")
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("call %s: %w", name, err)
	}
	v, err := c.lookup(ctx, name)
	if err != nil {
		return out, err
	}
	call := activities.Call{Activity: name, Version: v.Signature.Version, Input: raw}
	var permit *activities.Permit
	if v.Signature.Effect != playbook.EffectRead {
		if permit, err = byItself(ctx, v, call); err != nil {
			return out, err
		}
	}
	c.calls++
	s := &playbook.Step{Timeout: max(playbook.DefaultTimeout, v.Signature.Timeout), Retry: playbook.DefaultRetry}
	var output json.RawMessage
	if err := execute(ctx, fmt.Sprintf("%s-%d", name, c.calls), s, v, call, permit).Get(ctx, &output); err != nil {
		return out, err
	}
	if err := json.Unmarshal(output, &out); err != nil {
		return out, fmt.Errorf("call %s: read its output: %w", name, err)
	}
	return out, nil
}

// lookup finds an activity. What it finds is recorded, as it decides how the call is made: a worker
// with another version of the activity goes on with a workflow as it began.
func (c *caller) lookup(ctx workflow.Context, name string) (*playbook.Activity, error) {
	found, err := record(ctx, false, func() (playbook.Signature, error) {
		s, ok := c.activities.Lookup(name)
		if !ok {
			return s, fmt.Errorf("there is no activity %q%s", name, expr.DidYouMean(name, c.activities.Names()))
		}
		s.Input, s.Output = nil, nil // its own, in Go, are known
		return s, nil
	})
	switch {
	case err != nil:
		return nil, temporal.NewNonRetryableApplicationError(err.Error(), "UnknownActivity", nil)
	case found.Effect == playbook.EffectDestroy:
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("%s cannot be undone, so people must approve it: call it under an approve of a playbook", name), "NotPermitted", nil)
	}
	return &playbook.Activity{Name: name, Signature: found}, nil
}

// byItself is the permit of a call that policy lets run by itself.
func byItself(ctx workflow.Context, v *playbook.Activity, call activities.Call) (*activities.Permit, error) {
	name, err := call.Digest()
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", v.Name, err)
	}
	// Of which playbook the workflow is a step only the ticket knows.
	j, err := judge(ctx, "", []*covered{{verb: v, call: call, name: name}})
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", v.Name, err)
	}
	verdict := j.verdicts[0]
	if err := forbids(verdict, v.Name); err != nil {
		return nil, err
	}
	if verdict.Mode != policy.Automatic {
		return nil, notPermitted("%s wants people for %s, and a workflow written in Go asks nobody: call it under an approve of a playbook", ruled(verdict), v.Name)
	}
	return &activities.Permit{Covers: []digest.Digest{name}}, nil
}
