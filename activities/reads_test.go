package activities

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is asked of them, reads make no effect.
func TestReadsOnlyLook(t *testing.T) {
	t.Parallel()
	r := NewRegistry()
	for name, effect := range map[string]Effect{"lamp.look": Read, "lamp.light": Change, "lamp.break": Destroy} {
		Register(r, lampSpec(name, effect), noop)
	}
	reads := r.Reads()
	got, err := reads.Call(t.Context(), "lamp.look", json.RawMessage(`{"lamp":"desk"}`))
	require.NoError(t, err)
	require.JSONEq(t, `{"previous":"lit","changed":true}`, string(got))
	for name, why := range map[string]string{"lamp.light": "is no read", "lamp.break": "is no read", "lamp.none": "is no read"} {
		_, err := reads.Call(t.Context(), name, json.RawMessage(`{"lamp":"desk"}`))
		require.ErrorContains(t, err, why)
	}
	for input, why := range map[string]string{`{}`: "does not fit", `{"lamp":7}`: "does not fit", `{"lamp":""}`: ""} {
		_, err := reads.Call(t.Context(), "lamp.look", json.RawMessage(input))
		require.ErrorContains(t, err, why)
	}
}
