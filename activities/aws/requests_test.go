package aws

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/digest"
)

// recorder is an authority that admits everything and keeps how it ended.
type recorder struct{ outcome activities.Outcome }

func (r *recorder) Begin(context.Context, activities.Attempt) (activities.Turn, error) { return r, nil }
func (r *recorder) Earlier() (json.RawMessage, bool)                                   { return nil, false }
func (r *recorder) Behind() (string, []string)                                         { return "", nil }
func (r *recorder) End(_ context.Context, o activities.Outcome) error {
	r.outcome = o
	return nil
}

// onSchedule gives calls the time of these tests, where the test environment gives that of the machine.
type onSchedule struct {
	interceptor.WorkerInterceptorBase
	interceptor.ActivityInboundInterceptorBase
}

func (*onSchedule) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &onSchedule{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}}
}

func (o *onSchedule) Init(out interceptor.ActivityOutboundInterceptor) error {
	return o.Next.Init(&scheduledInfo{interceptor.ActivityOutboundInterceptorBase{Next: out}})
}

type scheduledInfo struct {
	interceptor.ActivityOutboundInterceptorBase
}

func (s *scheduledInfo) GetInfo(ctx context.Context) activity.Info {
	info := s.Next.GetInfo(ctx)
	info.ScheduledTime = scheduled
	return info
}

// The record of an effect names every request that AWS answered, the refused and the repeated ones
// too, by AWS's own ids, of every service and its way to tell them; and how the world was left.
func TestOutcomeNamesRequests(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.prepare(t, w)
			if !c.once() { // which the SDK must not repeat
				w.Inject(standin.Fault{Service: c.service, Action: c.act, Kind: standin.Throttle, Times: 1})
			}
			call := activities.Call{Activity: c.name, Version: 1, Input: json.RawMessage(c.input)}
			covered, err := call.Digest()
			require.NoError(t, err)
			r, env := &recorder{}, (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&onSchedule{}}})
			w.registry.Guard(r)
			w.registry.Bind(env)
			already := len(w.Calls())
			_, err = env.ExecuteActivity(c.name, call.Input, &activities.Permit{Covers: []digest.Digest{covered}})
			require.NoError(t, err)

			var made []string
			for _, call := range w.Calls()[already:] {
				made = append(made, call.RequestID)
			}
			require.NotEmpty(t, r.outcome.Requests)
			require.Equal(t, r.outcome.Requests, made[:len(r.outcome.Requests)], "what follows are the reads of the undo's preview")
			for _, m := range w.Mutations()[len(w.Mutations())-1:] {
				require.Contains(t, r.outcome.Requests, m.RequestID)
			}

			require.NotNil(t, r.outcome.Undo)
			left := w.look(t, r.outcome.Undo.Activity, string(r.outcome.Undo.Input))
			require.NotEmpty(t, left.Changes)
			require.Equal(t, digestOf(t, left), r.outcome.LeftAs)
		})
	}
}
