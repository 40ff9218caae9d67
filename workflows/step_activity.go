package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// activity resolves a call and makes it: a read at once, an effect as policy has it.
func (r *run) activity(ctx workflow.Context, s *playbook.Step, v *playbook.Activity, row *StepStatus) (map[string]any, error) {
	call, name, err := r.resolve(ctx, v)
	if err != nil {
		return nil, err
	}
	if v.Signature.Effect == playbook.EffectRead {
		return r.call(ctx, s, v, row, call, nil)
	}
	return r.effect(ctx, s, v, row, call, name)
}

// resolve gives a call its input, held against the type the activity takes, and its name.
func (r *run) resolve(ctx workflow.Context, v *playbook.Activity) (activities.Call, digest.Digest, error) {
	input, err := r.given(ctx, v.With, v.Signature.Input)
	if err != nil {
		return activities.Call{}, "", err
	}
	call := activities.Call{Activity: v.Name, Version: v.Signature.Version, Input: input}
	name, err := call.Digest()
	return call, name, err
}

// given evaluates a with, and holds it against the type that is taken.
func (r *run) given(ctx workflow.Context, with *playbook.Value, takes *expr.Type) (json.RawMessage, error) {
	given, err := record(ctx, with.Stable(), func() (json.RawMessage, error) { return with.Eval(r.values) })
	if err == nil {
		_, err = takes.Decode(given)
	}
	if err != nil {
		return nil, fmt.Errorf("with: %w", err)
	}
	return given, nil
}

// call makes a resolved call and reads its output.
func (r *run) call(ctx workflow.Context, s *playbook.Step, v *playbook.Activity, row *StepStatus, call activities.Call, permit *activities.Permit) (map[string]any, error) {
	row.Input = r.show(call.Input)
	under := 0
	if v.Signature.Effect != playbook.EffectRead {
		if err := r.trail.room(); err != nil {
			return nil, err
		}
		under = len(call.Input)
	}
	var output json.RawMessage
	r.trail.ahead += under
	err := execute(ctx, r.name(s), s, v, call, permit).Get(ctx, &output)
	r.trail.ahead -= under
	if err = r.note(ctx, s, v, call, output, err); err != nil {
		return nil, err
	}
	decoded, err := v.Signature.Output.Decode(output)
	if err != nil {
		return nil, fmt.Errorf("%s answered what it should not: %w", v.Name, err)
	}
	row.Output = r.show(output)
	return map[string]any{"output": decoded}, nil
}

// maxLocal is the longest attempt of a read that runs inside the workflow task, which costs no
// round trip to the server. Longer ones, and every effect, are ordinary activities.
const maxLocal = 30 * time.Second

func execute(ctx workflow.Context, name string, s *playbook.Step, v *playbook.Activity, call activities.Call, permit *activities.Permit) workflow.Future {
	retry := retryPolicy(s.Retry)
	args := []any{call.Input}
	if permit != nil {
		args = append(args, permit)
	}
	// A step that may take less than one attempt ends with its own time.
	attempt, overall := min(v.Signature.Timeout, s.Timeout), s.Timeout
	if v.Signature.TaskQueue != "" {
		// Our guard does not stand before a worker that is not ours.
		if err := call.RefuseEmpty(v.Signature.Targets); err != nil {
			refused, settle := workflow.NewFuture(ctx)
			settle.SetError(err)
			return refused
		}
	} else if v.Signature.Effect == playbook.EffectRead && attempt <= maxLocal {
		return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
			StartToCloseTimeout:    attempt,
			ScheduleToCloseTimeout: overall,
			RetryPolicy:            retry,
			Summary:                name,
		}), v.Name, args...)
	}
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:             name,
		TaskQueue:              v.Signature.TaskQueue,
		StartToCloseTimeout:    attempt,
		ScheduleToCloseTimeout: overall,
		HeartbeatTimeout:       v.Signature.Heartbeat,
		RetryPolicy:            retry,
		WaitForCancellation:    true,
		Summary:                name,
	}), v.Name, args...)
}

func retryPolicy(r playbook.Retry) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:    r.Every,
		BackoffCoefficient: float64(r.Backoff),
		MaximumInterval:    r.MaxEvery,
		MaximumAttempts:    int32(r.Times), //nolint:gosec // the checker bounds it to 100
	}
}
