package workflows

import (
	"encoding/json"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
)

// Relay makes one call of an activity of another program's worker, once: the guard that admitted it
// decides about other attempts.
func Relay(ctx workflow.Context, in activities.Relay) (json.RawMessage, error) {
	var output json.RawMessage
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID:             in.Step,
		TaskQueue:              in.TaskQueue,
		StartToCloseTimeout:    in.Timeout,
		ScheduleToCloseTimeout: in.Timeout,
		HeartbeatTimeout:       in.Heartbeat,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		WaitForCancellation:    true,
		Summary:                in.Step,
	}), in.Activity, in.Input, in.Permit).Get(ctx, &output)
	return output, err
}
