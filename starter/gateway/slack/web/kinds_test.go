package web_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// What Slack says, and what can be done about it, for a post and for an update. Posting twice is seen.
func TestCodes(t *testing.T) {
	for _, test := range []struct {
		codes        string
		post, update web.Kind
		tries        int // at the update
	}{
		{"ratelimited service_unavailable request_timeout team_added_to_org", web.Later, web.Later, 3},
		{"internal_error fatal_error", web.Ambiguous, web.Later, 3},
		{"invalid_auth not_authed token_revoked token_expired account_inactive", web.Operator, web.Operator, 1},
		{"not_in_channel channel_not_found is_archived restricted_action restricted_action_read_only_channel", web.Operator, web.Operator, 1},
		{"missing_scope no_permission org_login_required ekm_access_denied", web.Operator, web.Operator, 1},
		{"message_not_found edit_window_closed is_inactive cant_update_message", web.Gone, web.Gone, 1},
		{"invalid_blocks invalid_blocks_format msg_too_long view_too_large metadata_too_large duplicate_external_id never_heard_of", web.Bug, web.Bug, 1},
	} {
		for code := range strings.FieldsSeq(test.codes) {
			t.Run(code, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, c := start(t, standin.Options{})
					ts, err := c.Post(t.Context(), channel, "", false, card, meta)
					require.NoError(t, err)
					s.Inject(standin.Fault{Kind: standin.Refuse, Code: code})
					_, err = c.Post(t.Context(), channel, "", false, card, meta)
					e := failed(t, err)
					require.Equal(t, []any{code, test.post, "chat.postMessage"}, []any{e.Code, e.Kind, e.Method})
					before := len(s.Calls())
					e = failed(t, c.Update(t.Context(), channel, ts, card))
					require.Equal(t, []any{code, test.update, "chat.update"}, []any{e.Code, e.Kind, e.Method})
					require.Len(t, s.Calls()[before:], test.tries)
				})
			})
		}
	}
}

// What comes of an exchange that goes wrong: what the caller hears, and what was really done.
func TestExchanges(t *testing.T) {
	for name, test := range map[string]struct {
		fault        standin.Fault
		code         string
		post, update web.Kind
		posted       int // how often the message stands there
	}{
		"throttled":         {standin.Fault{Kind: standin.Throttle, After: 2 * time.Second}, "ratelimited", web.Later, web.Later, 0},
		"server error":      {standin.Fault{Kind: standin.ServerError}, "http_500", web.Ambiguous, web.Later, 0},
		"hangs":             {standin.Fault{Kind: standin.Hang}, "network", web.Ambiguous, web.Later, 0},
		"answer lost":       {standin.Fault{Kind: standin.LoseAnswer}, "network", web.Ambiguous, web.Later, 1},
		"done, then hangs":  {standin.Fault{Kind: standin.HangAfter}, "network", web.Ambiguous, web.Later, 1},
		"done, then errs":   {standin.Fault{Kind: standin.ErrorAfter}, "http_500", web.Ambiguous, web.Later, 1},
		"answer cut":        {standin.Fault{Kind: standin.Truncate}, "answer", web.Ambiguous, web.Later, 1},
		"another kind":      {standin.Fault{Kind: standin.WrongType}, "answer", web.Ambiguous, web.Later, 1},
		"an empty answer":   {standin.Fault{Kind: standin.Empty}, "answer", web.Ambiguous, web.Later, 1},
		"a code with spite": {standin.Fault{Kind: standin.Refuse, Code: "<!channel> " + strings.Repeat("x", 500)}, "unknown_error", web.Bug, web.Bug, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := start(t, standin.Options{})
				ts, err := c.Post(t.Context(), "C0OTHER", "", false, card, meta)
				require.NoError(t, err)
				s.Inject(test.fault)
				_, err = c.Post(t.Context(), channel, "", false, card, meta)
				e := failed(t, err)
				require.Equal(t, []any{test.code, test.post}, []any{e.Code, e.Kind}, err)
				require.Len(t, s.Messages(channel), test.posted)
				e = failed(t, c.Update(t.Context(), "C0OTHER", ts, card))
				require.Equal(t, []any{test.code, test.update}, []any{e.Code, e.Kind}, err)
			})
		})
	}
}

// What goes wrong once does not reach the caller, where repeating is harmless.
func TestTriedAgain(t *testing.T) {
	for _, kind := range []standin.FaultKind{standin.Throttle, standin.ServerError, standin.Hang, standin.LoseAnswer, standin.Truncate, standin.Empty} {
		synctest.Test(t, func(t *testing.T) {
			s, c := start(t, standin.Options{})
			ts, err := c.Post(t.Context(), channel, "", false, card, meta)
			require.NoError(t, err)
			s.Inject(standin.Fault{Kind: kind, Times: 1})
			require.NoError(t, c.Update(t.Context(), channel, ts, card))
		})
	}
}

// What never left did not happen, whatever it was.
func TestNotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c, err := web.New(web.Options{Token: secret.New("xoxb-canary"), API: "http://" + l.Addr().String() + "/api/"})
	require.NoError(t, err)
	_, err = c.Post(within(t, 2*time.Second), channel, "", false, card, meta)
	e := failed(t, err)
	require.Equal(t, []any{"network", web.Later}, []any{e.Code, e.Kind})
}

// The client follows nobody elsewhere with the token, and reads no more than it bears.
func TestAnswersOfOthers(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		code   string
		kind   web.Kind
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, "http_307", web.Operator},
		"not found": {http.NotFound, "http_404", web.Operator},
		"flood": {func(w http.ResponseWriter, _ *http.Request) {
			junk := []byte(strings.Repeat(" ", 1<<20))
			for range 9 {
				_, _ = w.Write(junk) // the client goes away before the end
			}
		}, "answer", web.Ambiguous},
		"no reason": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":false}`) }, "answer", web.Ambiguous},
		"no ts":     {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":true}`) }, "answer", web.Ambiguous},
		"odd Retry-After": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "soon")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "ratelimited", web.Later},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			c, err := web.New(web.Options{Token: secret.New("xoxb-canary"), API: server.URL + "/api"})
			require.NoError(t, err)
			_, err = c.Post(within(t, 5*time.Second), channel, "", false, card, meta)
			e := failed(t, err)
			require.Equal(t, []any{test.code, test.kind}, []any{e.Code, e.Kind})
		})
	}
}

// Over a network, a click comes and goes, and nothing stays behind.
func TestOverNetwork(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := standin.New(standin.Options{})
	at, err := s.Listen()
	require.NoError(t, err)
	c, err := web.New(web.Options{Token: secret.New(standin.SampleBotToken), API: at})
	require.NoError(t, err)
	ts, err := c.Post(within(t, 5*time.Second), channel, "", false, card, meta)
	require.NoError(t, err)
	s.Inject(standin.Fault{Kind: standin.LoseAnswer, Times: 1})
	_, err = c.Post(within(t, 5*time.Second), channel, "", false, card, meta)
	require.True(t, web.Is(err, web.Ambiguous))
	require.NoError(t, c.Update(within(t, 5*time.Second), channel, ts, card))
	require.Len(t, s.Messages(channel), 2)
	c.Close()
	s.Close()
	goleak.VerifyNone(t, before)
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]web.Options{
		"no token":   {API: api},
		"no address": {Token: secret.New("x"), API: "slack.com/api"},
		"a login":    {Token: secret.New("x"), API: "https://me:you@slack.com/api"},
		"a file":     {Token: secret.New("x"), API: "file:///etc/passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := web.New(o)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "you")
		})
	}
}

func TestSentences(t *testing.T) {
	for want, e := range map[string]web.Error{
		"slack users.info: missing_scope; add the scope users:read to the app and install it again": {Method: "users.info", Code: "missing_scope", Needed: "users:read"},
		"slack chat.update: invalid_blocks at [/blocks/0]":                                          {Method: "chat.update", Code: "invalid_blocks", Where: []string{"/blocks/0"}},
		"slack chat.update: ratelimited; try again in 2s":                                           {Method: "chat.update", Code: "ratelimited", After: 2 * time.Second},
		"slack chat.update: network":                                                                {Method: "chat.update", Code: "network"},
	} {
		require.EqualError(t, &e, want)
	}
}
