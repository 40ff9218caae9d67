package activities

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.uber.org/goleak"
)

// engine stands between the guard and Temporal's test environment: it hears every heartbeat that
// an activity records, held back or not, and may cancel at one.
type engine struct {
	interceptor.WorkerInterceptorBase

	mu       sync.Mutex
	recorded []memo // in order
	pushed   []memo // past the SDK's throttle
	cancelAt int    // which heartbeat brings word of a cancellation; 0 is none
	reason   error
	cancel   context.CancelCauseFunc
}

func (e *engine) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &engineIn{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, engine: e}
}

type engineIn struct {
	interceptor.ActivityInboundInterceptorBase
	engine *engine
}

func (i *engineIn) Init(out interceptor.ActivityOutboundInterceptor) error {
	return i.Next.Init(&engineOut{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: out}, engine: i.engine})
}

func (i *engineIn) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	ctx, i.engine.cancel = context.WithCancelCause(ctx)
	return i.Next.ExecuteActivity(ctx, in)
}

type engineOut struct {
	interceptor.ActivityOutboundInterceptorBase
	engine *engine
}

func (o *engineOut) RecordHeartbeat(_ context.Context, details ...any) {
	o.engine.mu.Lock()
	defer o.engine.mu.Unlock()
	o.engine.recorded = append(o.engine.recorded, details[0].(memo))
	if len(o.engine.recorded) == o.engine.cancelAt {
		o.engine.cancel(o.engine.reason)
	}
}

func (e *engine) push(_ context.Context, heartbeat client.RecordActivityHeartbeatOptions) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pushed = append(e.pushed, heartbeat.Details[0].(memo))
	return nil
}

func (e *engine) env(r *Registry) *testsuite.TestActivityEnvironment {
	return temporalEnv(r).SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{e}})
}

// douse runs fn as the change lamp.douse, with time that flies.
func (e *engine) douse(t *testing.T, left any, fn func(ctx context.Context) error) error {
	t.Helper()
	const input = `{"lamp":"desk"}`
	r := NewRegistry()
	Register(r, lampSpec("lamp.douse", Change), func(ctx context.Context, _ lampInput) (lampOutput, error) {
		return lampOutput{}, fn(ctx)
	})
	defer func(real func(context.Context, client.RecordActivityHeartbeatOptions) error) { record = real }(record)
	record = e.push
	env := e.env(r)
	if left != nil {
		env.SetHeartbeatDetails(left)
	}
	_, err := env.ExecuteActivity("lamp.douse", json.RawMessage(input), covering(t, "lamp.douse", input, Permit{}))
	return err
}

func found(v string) memo { return memo{Found: json.RawMessage(v)} }

func TestDefaultHeartbeat(t *testing.T) {
	for effect, want := range map[Effect]time.Duration{Read: 0, Change: DefaultHeartbeat, Destroy: DefaultHeartbeat} {
		require.Equal(t, want, lampSpec("lamp.act", effect).withDefaults().Heartbeat, effect)
	}
	require.Equal(t, time.Minute, Spec{Effect: Change, Heartbeat: time.Minute}.withDefaults().Heartbeat)
}

// A call that takes long and says nothing is alive all the same, and ends with its goroutine: a
// bubble does not end while one is left.
func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		require.NoError(t, e.douse(t, nil, func(context.Context) error {
			time.Sleep(25 * time.Second)
			return nil
		}))
		require.Len(t, e.recorded, 7) // every 3.3 s
		time.Sleep(time.Minute)
		require.Len(t, e.recorded, 7, "the call is over")
	})
}

// The beats of a call carry what it found, from the moment on in which it is known.
func TestBeatKeepsWhatWasFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		require.NoError(t, e.douse(t, nil, func(ctx context.Context) error {
			time.Sleep(4 * time.Second) // one beat, after which the SDK holds back
			_, err := Remember(ctx, "lit")
			require.Equal(t, []memo{found(`"lit"`)}, e.pushed, "before anything is changed")
			time.Sleep(4 * time.Second)
			return err
		}))
		require.Equal(t, []memo{{}, found(`"lit"`), found(`"lit"`), found(`"lit"`)}, e.recorded)
	})
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		require.NoError(t, e.douse(t, nil, func(ctx context.Context) error {
			_, err := Remember(ctx, "lit")
			return err
		}))
		require.Equal(t, []memo{found(`"lit"`)}, e.recorded)
		require.Empty(t, e.pushed, "the first of an attempt is never held back")
	})
	synctest.Test(t, func(t *testing.T) {
		e := &engine{}
		require.NoError(t, e.douse(t, found(`"lit"`), func(ctx context.Context) error {
			time.Sleep(4 * time.Second)
			first, err := Remember(ctx, "dark")
			require.Equal(t, "lit", first)
			return err
		}))
		require.Equal(t, []memo{found(`"lit"`)}, e.recorded, "an attempt does not forget what an earlier one found")
	})
}

// A cancellation is heard by a beat. Before the effect it is a cancellation; after, it must not
// look as if nothing had been done.
func TestBeatHearsOfCancellation(t *testing.T) {
	cancelled := temporal.NewCanceledError()
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	begin := func(ctx context.Context) error {
		if _, err := Remember(ctx, "lit"); err != nil {
			return err
		}
		return wait(ctx)
	}
	for name, tc := range map[string]struct {
		at     int
		reason error
		call   func(context.Context) error
		want   string // "" is a cancellation, or the end of this attempt alone
	}{
		"before it began":         {1, cancelled, wait, ""},
		"at the last moment":      {1, cancelled, begin, ""},
		"after it began":          {2, cancelled, begin, "lamp.douse was cancelled after it had begun, and may be done in part or in whole"},
		"the worker stops":        {2, errors.New("worker is shutting down"), begin, ""},
		"somebody else's attempt": {2, context.Canceled, begin, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := (&engine{cancelAt: tc.at, reason: tc.reason}).douse(t, nil, tc.call)
				var app *temporal.ApplicationError
				if tc.want == "" {
					require.Error(t, err)
					require.False(t, errors.As(err, &app) && app.NonRetryable(), err)
					return
				}
				require.ErrorAs(t, err, &app)
				require.True(t, app.NonRetryable())
				require.Contains(t, app.Message(), tc.want)
			})
		})
	}
}

// An effect that closes what it opened although it was cancelled is not taken for lost meanwhile.
func TestBeatGoesOnAfterCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{cancelAt: 1, reason: temporal.NewCanceledError()}
		require.NoError(t, e.douse(t, nil, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(20 * time.Second)
			return nil
		}))
		require.Len(t, e.recorded, 7)
	})
}

// With the real clock, the SDK's own throttle and a call that panics.
func TestBeatLeavesNothingBehind(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	r := NewRegistry()
	calls := map[string]func(context.Context){
		"lamp.douse":  func(ctx context.Context) { _, _ = Remember(ctx, "lit"); time.Sleep(10 * time.Millisecond) },
		"lamp.smash":  func(context.Context) { time.Sleep(10 * time.Millisecond); panic("glass everywhere") },
		"lamp.polish": func(context.Context) {},
	}
	for name, call := range calls {
		spec := lampSpec(name, Change)
		spec.Heartbeat = 3 * time.Millisecond
		Register(r, spec, func(ctx context.Context, _ lampInput) (lampOutput, error) {
			call(ctx)
			return lampOutput{}, nil
		})
	}
	const input = `{"lamp":"desk"}`
	for name := range calls {
		_, err := temporalEnv(r).ExecuteActivity(name, json.RawMessage(input), covering(t, name, input, Permit{}))
		require.Equal(t, name == "lamp.smash", err != nil, name)
	}
	goleak.VerifyNone(t, leaks)
}
