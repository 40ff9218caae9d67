package standin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// What each kind answers, and whether the message stands there afterwards.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault  standin.Fault
		status int // 0: no answer
		body   string
		posted bool
	}{
		"throttle":     {standin.Fault{Kind: standin.Throttle, After: 7 * time.Second}, 429, "ratelimited", false},
		"server error": {standin.Fault{Kind: standin.ServerError}, 500, "<title>", false},
		"refuse":       {standin.Fault{Kind: standin.Refuse, Code: "edit_window_closed"}, 200, "edit_window_closed", false},
		"bad blocks":   {standin.Fault{Kind: standin.Refuse, Code: "invalid_blocks"}, 200, "json-pointer", false},
		"hang":         {standin.Fault{Kind: standin.Hang}, 0, "", false},
		"lose answer":  {standin.Fault{Kind: standin.LoseAnswer}, 0, "", true},
		"hang after":   {standin.Fault{Kind: standin.HangAfter}, 0, "", true},
		"error after":  {standin.Fault{Kind: standin.ErrorAfter}, 500, "<title>", true},
		"truncate":     {standin.Fault{Kind: standin.Truncate}, 200, "{", true},
		"wrong type":   {standin.Fault{Kind: standin.WrongType}, 200, "<title>", true},
		"empty":        {standin.Fault{Kind: standin.Empty}, 200, "{}", true},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := start(t, standin.Options{})
			c.http.Timeout = 200 * time.Millisecond
			test.fault.Times, test.fault.Skip, test.fault.Method = 1, 1, "chat.postMessage"
			s.Inject(test.fault)
			c.post("C0OTHER") // left alone
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.api+"chat.postMessage", strings.NewReader(`{"channel":"C0SECOPS","text":"x"}`))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+c.token)
			resp, err := c.http.Do(req)
			if test.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				defer resp.Body.Close()
				raw := make([]byte, 4096)
				n, _ := resp.Body.Read(raw) // ends with EOF, or does not
				require.Equal(t, test.status, resp.StatusCode)
				require.Contains(t, string(raw[:n]), test.body)
				if test.fault.After > 0 {
					require.Equal(t, "7", resp.Header.Get("Retry-After"))
				}
			}
			require.Equal(t, test.posted, len(s.Messages("C0SECOPS")) == 1)
			c.post("C0OTHER") // once is over
		})
	}
}

func TestFaultsEnd(t *testing.T) {
	s, c := start(t, standin.Options{})
	s.Inject(standin.Fault{Kind: standin.Refuse, Code: "fatal_error"})
	require.Equal(t, "fatal_error", c.form("auth.test", nil)["error"])
	require.Equal(t, "fatal_error", c.form("users.info", object{"user": "U0ALICE"})["error"], "always, and any method")
	s.ClearFaults()
	require.Equal(t, true, c.form("auth.test", nil)["ok"])
}
