package workflows

import (
	"encoding/json"
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/playbook"
)

// FlowReport is what a workflow that was registered with [Register] gives to the run that waits for
// it. One that failed or was cancelled after it had changed something reports too, in the details of
// its error.
type FlowReport struct {
	Output json.RawMessage `json:"output,omitempty"`
	// Trail is what it changed, with the calls that put it back.
	Trail []*Trace `json:"trail,omitempty"`
}

// flowFailed is the type of the error with which a workflow fails that had changed something.
const flowFailed = "FlowFailed"

// caller is a workflow written in Go, while it runs.
type caller struct {
	flow       Spec
	activities playbook.Table[playbook.Signature]
	calls      int
	trail      *trail
	under      []*Trace // calls of changes that are under way
}

// do makes a call, and keeps what it changed.
func (c *caller) do(ctx workflow.Context, v *called, call activities.Call) (json.RawMessage, error) {
	c.calls++
	step := fmt.Sprintf("%s-%d", v.Name, c.calls)
	s := &playbook.Step{Timeout: max(playbook.DefaultTimeout, v.Signature.Timeout), Retry: playbook.DefaultRetry}
	var output json.RawMessage
	if v.Signature.Effect == playbook.EffectRead {
		err := execute(ctx, step, s, &v.Activity, call, nil).Get(ctx, &output)
		return output, err
	}
	if err := c.trail.room(); err != nil {
		return nil, fmt.Errorf("call %s: %w", v.Name, err)
	}
	name, err := byItself(ctx, &v.Activity, call)
	if err != nil {
		return nil, err
	}
	begun := acted(ctx, step, &v.Activity, call, nil)
	begun.Act.Unsure = true
	c.under, c.trail.ahead = append(c.under, begun), c.trail.ahead+len(call.Input)
	err = execute(ctx, step, s, &v.Activity, call, &activities.Permit{Covers: []digest.Digest{name}}).Get(ctx, &output)
	c.under = slices.DeleteFunc(c.under, func(t *Trace) bool { return t == begun })
	c.trail.ahead -= len(call.Input)
	if t := acted(ctx, step, &v.Activity, call, err); t != nil {
		if err == nil && v.Back != nil {
			// What cannot be resolved is told as left: whether it is to be put back only the step knows.
			if err := t.byItself(v.Back, call.Input, output); err != nil {
				workflow.GetLogger(ctx).Error("what was done could not be put back", "step", step, "activity", v.Name, "error", err)
			}
		}
		c.trail.add(t)
	}
	return output, err
}

// report gives the run that waits what the workflow has come to, and what it changed, also where it
// failed. A change that it began and did not wait for may be made or not.
func (c *caller) report(output json.RawMessage, err error) (FlowReport, error) {
	c.trail.add(c.under...)
	report := FlowReport{Trail: c.trail.traces}
	switch {
	case err == nil:
		report.Output = output
		return report, nil
	case len(report.Trail) == 0:
		return FlowReport{}, err
	case temporal.IsCanceledError(err):
		return FlowReport{}, temporal.NewCanceledError(report)
	}
	says := reason(err)
	if workflow.IsContinueAsNewError(err) {
		says = c.flow.Name + " continues as new after it has changed something: of that nothing would be known any more"
		err = nil // else the engine takes it at its word
	}
	return FlowReport{}, temporal.NewApplicationErrorWithOptions(says, flowFailed, temporal.ApplicationErrorOptions{
		NonRetryable: true, Cause: err, Details: []any{report},
	})
}
