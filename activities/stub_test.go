package activities

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

func TestStub(t *testing.T) {
	const input = `{"lamp":"desk"}`
	real := NewRegistry()
	Register(real, lampSpec("lamp.douse", Change), func(context.Context, lampInput) (lampOutput, error) {
		require.Fail(t, "the world was touched")
		return lampOutput{}, nil
	})
	answer := `{"previous":"lit","changed":true}`
	var seen []string
	env := temporalEnv(real.Stub(func(_ context.Context, name string, input json.RawMessage) (json.RawMessage, error) {
		seen = append(seen, name+" "+string(input))
		return json.RawMessage(answer), nil
	}))

	_, err := env.ExecuteActivity("lamp.douse", json.RawMessage(input), (*Permit)(nil))
	require.ErrorContains(t, err, "not permitted", "the guard is the real one")
	require.Empty(t, seen)

	got, err := env.ExecuteActivity("lamp.douse", json.RawMessage(input), covering(t, "lamp.douse", input, Permit{}))
	require.NoError(t, err)
	var out lampOutput
	require.NoError(t, got.Get(&out))
	require.Equal(t, lampOutput{Previous: "lit", Changed: true}, out)
	require.Equal(t, []string{"lamp.douse " + input}, seen)

	answer = `{"previous":"lit"}`
	_, err = env.ExecuteActivity("lamp.douse", json.RawMessage(input), covering(t, "lamp.douse", input, Permit{}))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, "BadOutput", app.Type())
}
