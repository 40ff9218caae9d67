package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

func TestAdmit(t *testing.T) {
	const input = `{"lamp":"desk"}`
	person := Permit{Approval: "ap-1", By: []string{"ada@example.com"}}
	for name, tc := range map[string]struct {
		effect Effect
		input  string
		permit *Permit
		want   string // "" admits
	}{
		"read without permit":          {Read, input, nil, ""},
		"read of nothing":              {Read, `{"lamp":""}`, nil, `the target "lamp" is empty`},
		"change without permit":        {Change, input, nil, "no permit"},
		"change by itself":             {Change, input, covering(t, "lamp.act", input, Permit{}), ""},
		"change approved":              {Change, input, covering(t, "lamp.act", input, person), ""},
		"change approved by nobody":    {Change, input, covering(t, "lamp.act", input, Permit{Approval: "ap-1"}), `approval "ap-1" names nobody`},
		"permit that covers nothing":   {Change, input, &Permit{Approval: "ap-1", By: person.By}, "does not cover"},
		"permit for other input":       {Change, input, covering(t, "lamp.act", `{"lamp":"hall"}`, person), "does not cover"},
		"permit for other activity":    {Change, input, covering(t, "lamp.light", input, person), "does not cover"},
		"same input spelled otherwise": {Change, `{ "lamp" : "desk" }`, covering(t, "lamp.act", input, person), ""},
		"empty target":                 {Change, `{"lamp":""}`, covering(t, "lamp.act", `{"lamp":""}`, person), `the target "lamp" is empty`},
		"missing target":               {Change, `{}`, covering(t, "lamp.act", `{}`, person), `the target "lamp" is empty`},
		"null target":                  {Change, `{"lamp":null}`, covering(t, "lamp.act", `{"lamp":null}`, person), `the target "lamp" is empty`},
		"empty list":                   {Change, `{"lamp":[]}`, covering(t, "lamp.act", `{"lamp":[]}`, person), `the target "lamp" is empty`},
		"empty entry in a list":        {Change, `{"lamp":["a",""]}`, covering(t, "lamp.act", `{"lamp":["a",""]}`, person), `the target "lamp" is empty`},
		"empty object":                 {Change, `{"lamp":{}}`, covering(t, "lamp.act", `{"lamp":{}}`, person), `the target "lamp" is empty`},
		"destroy by itself":            {Destroy, input, covering(t, "lamp.act", input, Permit{}), "people must approve it"},
		"destroy approved":             {Destroy, input, covering(t, "lamp.act", input, person), ""},
		"destroy approved by nobody":   {Destroy, input, covering(t, "lamp.act", input, Permit{Approval: "ap-1"}), "names nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			err := admit(lampSpec("lamp.act", tc.effect), Call{Activity: "lamp.act", Version: 1, Input: json.RawMessage(tc.input)}, tc.permit)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrNotPermitted)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// A raised version is another call: what was approved before the change does not cover it.
func TestAdmitNoticesTheVersion(t *testing.T) {
	permit := covering(t, "lamp.act", `{"lamp":"desk"}`, Permit{})
	call := Call{Activity: "lamp.act", Version: 2, Input: json.RawMessage(`{"lamp":"desk"}`)}
	require.ErrorIs(t, admit(lampSpec("lamp.act", Change), call, permit), ErrNotPermitted)
}

func TestToTemporal(t *testing.T) {
	plain := errors.New("plain")
	require.Same(t, plain, toTemporal(plain))

	var app *temporal.ApplicationError
	require.ErrorAs(t, toTemporal(fmt.Errorf("wrapped: %w", Permanent("AccessDenied", plain))), &app)
	require.True(t, app.NonRetryable())
	require.Equal(t, "AccessDenied", app.Type())
	require.Equal(t, "wrapped: plain", app.Message())

	require.ErrorAs(t, toTemporal(Passing("Throttling", 7*time.Second, plain)), &app)
	require.False(t, app.NonRetryable())
	require.Equal(t, "Throttling", app.Type())
	require.Equal(t, 7*time.Second, app.NextRetryDelay())

	require.ErrorIs(t, Permanent("Kind", plain), plain)
}
