package activities

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
)

// temporalEnv registers what the registry holds with Temporal's own test environment.
func temporalEnv(r *Registry) *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	r.Guard(allow{})
	r.Bind(env)
	return env
}

func TestBindRunsBehindTheGuard(t *testing.T) {
	const input = `{"lamp":"desk"}`
	calls := 0
	var seen Info
	r := NewRegistry()
	Register(r, lampSpec("lamp.douse", Change), func(ctx context.Context, in lampInput) (lampOutput, error) {
		calls++
		seen = InfoFrom(ctx)
		require.Equal(t, "desk", in.Lamp)
		return lampOutput{Previous: "lit", Changed: true}, nil
	})
	env := temporalEnv(r)

	got, err := env.ExecuteActivity("lamp.douse", json.RawMessage(input), covering(t, "lamp.douse", input, Permit{}))
	require.NoError(t, err)
	var out lampOutput
	require.NoError(t, got.Get(&out))
	require.Equal(t, lampOutput{Previous: "lit", Changed: true}, out)
	require.Equal(t, 1, calls)
	require.NotEmpty(t, seen.Run)
	require.Equal(t, 1, seen.Attempt)
	require.False(t, seen.Scheduled.IsZero())

	// A workflow written in Go gives a struct.
	got, err = env.ExecuteActivity("lamp.douse", lampInput{Lamp: "desk"}, covering(t, "lamp.douse", input, Permit{}))
	require.NoError(t, err)
	require.NoError(t, got.Get(&out))
	require.Equal(t, 2, calls)

	for name, args := range map[string][]any{
		"without permit":       {json.RawMessage(input)},
		"with nil permit":      {json.RawMessage(input), (*Permit)(nil)},
		"with another's":       {json.RawMessage(input), covering(t, "lamp.douse", `{"lamp":"hall"}`, Permit{})},
		"with an unknown key":  {json.RawMessage(`{"lamp":"desk","all":true}`), covering(t, "lamp.douse", input, Permit{})},
		"with an empty target": {json.RawMessage(`{"lamp":""}`), covering(t, "lamp.douse", `{"lamp":""}`, Permit{})},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := env.ExecuteActivity("lamp.douse", args...)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.True(t, app.NonRetryable())
			require.Contains(t, []string{"NotPermitted", "BadInput"}, app.Type())
			require.Equal(t, 2, calls)
		})
	}
}

func TestBindTellsTemporalOfErrors(t *testing.T) {
	r := NewRegistry()
	Register(r, Spec{Name: "lamp.look", Title: "Look at a lamp", Effect: Read}, func(context.Context, lampInput) (lampOutput, error) {
		return lampOutput{}, Passing("Dark", time.Minute, errors.New("too dark to see"))
	})
	_, err := temporalEnv(r).ExecuteActivity("lamp.look", json.RawMessage(`{"lamp":"desk"}`))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable())
	require.Equal(t, "Dark", app.Type())
	require.Equal(t, time.Minute, app.NextRetryDelay())
}

// The attempt that follows a crash must see what the first found, not what the first did.
func TestRememberCrossesAttempts(t *testing.T) {
	const input = `{"lamp":"desk"}`
	state := "lit"
	r := NewRegistry()
	Register(r, lampSpec("lamp.douse", Change), func(ctx context.Context, _ lampInput) (lampOutput, error) {
		first, err := Remember(ctx, state)
		Heartbeat(ctx, "halfway")
		state = "dark"
		return lampOutput{Previous: first, Changed: first != "dark"}, err
	})
	douse := func(env *testsuite.TestActivityEnvironment) lampOutput {
		got, err := env.ExecuteActivity("lamp.douse", json.RawMessage(input), covering(t, "lamp.douse", input, Permit{}))
		require.NoError(t, err)
		var out lampOutput
		require.NoError(t, got.Get(&out))
		return out
	}

	var sent memo
	env := temporalEnv(r)
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		require.NoError(t, details.Get(&sent))
	})
	require.Equal(t, lampOutput{Previous: "lit", Changed: true}, douse(env))
	require.JSONEq(t, `"lit"`, string(sent.Found))

	env = temporalEnv(r)
	env.SetHeartbeatDetails(sent)
	require.Equal(t, lampOutput{Previous: "lit", Changed: true}, douse(env))

	env = temporalEnv(r)
	env.SetHeartbeatDetails("of another version")
	require.Equal(t, lampOutput{Previous: "dark", Changed: false}, douse(env))
}

func TestRememberWithoutWorker(t *testing.T) {
	ctx := t.Context()
	got, err := Remember(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, 1, got)
	Heartbeat(ctx, "nobody hears it")

	ctx = WithMemory(ctx, &Memory{})
	for _, found := range []int{1, 2} {
		got, err := Remember(ctx, found)
		require.NoError(t, err)
		require.Equal(t, 1, got)
	}
	_, err = Remember(ctx, "another type")
	var kind *Error
	require.ErrorAs(t, err, &kind)
	require.True(t, kind.Permanent)
}

func TestInfoFrom(t *testing.T) {
	require.Zero(t, InfoFrom(t.Context()))
	want := Info{Run: "run", Step: "step", Attempt: 2, Scheduled: time.Unix(1, 0)}
	require.Equal(t, want, InfoFrom(WithInfo(t.Context(), want)))
}
