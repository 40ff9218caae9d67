package workflows_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
)

// A call that is handed on is made once, with the permit, under the name of the step.
func TestRelay(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		says string
	}{
		"done":        {nil, ""},
		"not in time": {temporal.NewApplicationError("the door is stuck", "Stuck"), "the door is stuck"},
	} {
		t.Run(name, func(t *testing.T) {
			env := newEnvironment()
			workflows.Bind(env)
			calls := 0
			env.RegisterActivityWithOptions(func(ctx context.Context, input json.RawMessage, permit *activities.Permit) (map[string]any, error) {
				calls++
				require.Equal(t, "lock", activity.GetInfo(ctx).ActivityID)
				require.JSONEq(t, `{"badge":"7"}`, string(input))
				require.Equal(t, "ask", permit.Approval)
				return map[string]any{"doors": 12}, tc.err
			}, activity.RegisterOptions{Name: "acme.badge.disable"})
			env.ExecuteWorkflow(activities.RelayWorkflow, activities.Relay{
				Activity: "acme.badge.disable", TaskQueue: "acme", Step: "lock", Input: json.RawMessage(`{"badge":"7"}`),
				Permit: &activities.Permit{Approval: "ask"}, Timeout: time.Minute,
			})
			require.Equal(t, 1, calls)
			if tc.says != "" {
				require.ErrorContains(t, env.GetWorkflowError(), tc.says)
				return
			}
			var output json.RawMessage
			require.NoError(t, env.GetWorkflowResult(&output))
			require.JSONEq(t, `{"doors":12}`, string(output))
		})
	}
}
