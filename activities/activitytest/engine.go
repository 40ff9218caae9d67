package activitytest

import (
	"context"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
)

// WithoutEngine are the options of a test environment in which activities are called that keep what they
// have begun: the environment has no engine to tell.
func WithoutEngine() worker.Options {
	return worker.Options{Interceptors: []interceptor.WorkerInterceptor{&apart{}}}
}

type apart struct {
	interceptor.WorkerInterceptorBase
	interceptor.ActivityInboundInterceptorBase
}

func (*apart) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &apart{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}}
}

func (a *apart) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	return a.Next.ExecuteActivity(activities.WithoutEngine(ctx), in)
}
