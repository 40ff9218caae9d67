package activities

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
)

// header is a header of Temporal outside of Temporal.
type header map[string]*commonpb.Payload

func (h header) Set(key string, value *commonpb.Payload) { h[key] = value }
func (h header) Get(key string) (*commonpb.Payload, bool) {
	p, ok := h[key]
	return p, ok
}

func (h header) ForEachKey(f func(string, *commonpb.Payload) error) error {
	for key, value := range maps.All(h) {
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

var signedTicket = &grant.Signed{Kind: grant.KindTicket, Key: "0123456789abcdef", Body: []byte(`{"run":"leak/1"}`), Signature: []byte{1, 2, 3}}

// What whoever starts the run has in hand comes out in its activities, and in those of the workflows
// that it calls.
func TestTicketTravels(t *testing.T) {
	for name, tc := range map[string]struct{ given, want *grant.Signed }{
		"a ticket": {signedTicket, signedTicket},
		"none":     {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if tc.given != nil {
				ctx = WithTicket(ctx, tc.given)
			}
			require.Equal(t, tc.want, TicketFrom(ctx))
			h := header{}
			require.NoError(t, Tickets().Inject(ctx, h))

			var suite testsuite.WorkflowTestSuite
			suite.SetContextPropagators([]workflow.ContextPropagator{Tickets()})
			suite.SetHeader(&commonpb.Header{Fields: h})
			env := suite.NewTestWorkflowEnvironment()
			seen := map[string]*grant.Signed{}
			env.RegisterActivityWithOptions(func(ctx context.Context, where string) error {
				seen[where] = TicketFrom(ctx)
				return nil
			}, activity.RegisterOptions{Name: "look"})
			look := func(ctx workflow.Context, where string) error {
				ordinary := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
				if err := workflow.ExecuteActivity(ordinary, "look", where).Get(ctx, nil); err != nil {
					return err
				}
				local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: time.Minute})
				return workflow.ExecuteLocalActivity(local, "look", where+", at once").Get(ctx, nil)
			}
			env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error { return look(ctx, "child") }, workflow.RegisterOptions{Name: "child"})
			env.ExecuteWorkflow(func(ctx workflow.Context) error {
				if err := look(ctx, "run"); err != nil {
					return err
				}
				return workflow.ExecuteChildWorkflow(ctx, "child").Get(ctx, nil)
			})
			require.NoError(t, env.GetWorkflowError())
			require.Equal(t, map[string]*grant.Signed{"run": tc.want, "run, at once": tc.want, "child": tc.want, "child, at once": tc.want}, seen)
		})
	}
}

// A header that is no ticket is none: it stops nothing, and permits nothing.
func TestTicketThatCannotBeRead(t *testing.T) {
	for name, value := range map[string]any{"text": "let me in", "a list": []int{1}, "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			payload, err := converter.GetDefaultDataConverter().ToPayload(value)
			require.NoError(t, err)
			ctx, err := Tickets().Extract(t.Context(), header{ticketHeader: payload})
			require.NoError(t, err)
			if got := TicketFrom(ctx); got != nil { // empty, which no key has signed
				require.Equal(t, grant.Signed{}, *got)
			}
		})
	}
	ctx, err := Tickets().Extract(WithTicket(t.Context(), signedTicket), header{})
	require.NoError(t, err)
	require.Equal(t, signedTicket, TicketFrom(ctx), "no header takes no ticket away")
}
