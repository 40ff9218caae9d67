package receive_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
)

func TestHTTP(t *testing.T) {
	h := build(t, nil)
	h.desk.reply = receive.Reply{Private: "recorded"}
	mux := h.mux(t)

	w := send(mux, request(receive.PathInteractions, form(file(t, "block_actions_message.json"))))
	require.Equal(t, 200, w.Code, "%s", w.Body)
	require.Empty(t, w.Body.String(), "a click is acknowledged without a word")
	w = send(mux, request(receive.PathCommands, file(t, "slash_command.form")))
	require.Equal(t, 200, w.Code)
	require.JSONEq(t, `{"response_type":"ephemeral","text":"recorded"}`, w.Body.String())
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	h.desk.formReply = receive.FormReply{Errors: map[string]string{"reason": "say more"}}
	w = send(mux, request(receive.PathInteractions, form(file(t, "view_submission.json"))))
	require.JSONEq(t, `{"response_action":"errors","errors":{"reason":"say more"}}`, w.Body.String())
	w = send(mux, request(receive.PathEvents, file(t, "app_home_opened.json")))
	require.Equal(t, 200, w.Code)
	require.NoError(t, h.Wait(t.Context()))

	require.Equal(t, []string{"U0ALICE: recorded"}, h.whispers.all())
	require.Equal(t, 4, h.desk.told())
	require.Empty(t, cmp.Diff(receive.Opened{From: receive.From{App: "A0123", Team: "T0123", User: "U0ALICE"}, EventID: "Ev08MFMKH6"}, h.desk.opened[0]))
}

// What is not exactly what Slack sends is not read, however well it is signed.
func TestRequests(t *testing.T) {
	click, command, home := form(file(t, "block_actions_message.json")), file(t, "slash_command.form"), file(t, "app_home_opened.json")
	change := func(f func(*http.Request)) func(*http.Request) { return f }
	kind := func(k string) func(*http.Request) {
		return change(func(r *http.Request) { r.Header.Set("Content-Type", k) })
	}
	for name, tc := range map[string]struct {
		path, body string
		change     func(*http.Request)
		status     int
		told       int
	}{
		"with a charset":          {receive.PathInteractions, click, kind("application/x-www-form-urlencoded; charset=UTF-8"), 200, 1},
		"another charset":         {receive.PathInteractions, click, kind("application/x-www-form-urlencoded; charset=utf-16"), 415, 0},
		"another parameter":       {receive.PathInteractions, click, kind("application/x-www-form-urlencoded; a=b"), 415, 0},
		"no type":                 {receive.PathInteractions, click, kind(""), 415, 0},
		"two types":               {receive.PathInteractions, click, change(func(r *http.Request) { r.Header.Add("Content-Type", "text/html") }), 415, 0},
		"compressed":              {receive.PathInteractions, click, change(func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }), 415, 0},
		"a form as JSON":          {receive.PathInteractions, click, kind("application/json"), 415, 0},
		"an event as a form":      {receive.PathEvents, home, kind(formType), 415, 0},
		"many parts":              {receive.PathInteractions, click, kind("multipart/form-data; boundary=x"), 415, 0},
		"GET":                     {receive.PathInteractions, click, change(func(r *http.Request) { r.Method = http.MethodGet }), 405, 0},
		"PUT":                     {receive.PathCommands, command, change(func(r *http.Request) { r.Method = http.MethodPut }), 405, 0},
		"payload in the query":    {receive.PathInteractions + "?" + click, "", nil, 400, 0},
		"another in the query":    {receive.PathInteractions + "?" + strings.ReplaceAll(click, "U0ALICE", "U0MALLORY"), click, nil, 200, 1},
		"two payloads":            {receive.PathInteractions, click + "&" + click, nil, 400, 0},
		"no payload":              {receive.PathInteractions, "a=b", nil, 400, 0},
		"no form":                 {receive.PathInteractions, "payload=%zz", nil, 400, 0},
		"with semicolons":         {receive.PathInteractions, "a;" + click, nil, 400, 0},
		"a key twice":             {receive.PathInteractions, form(strings.Replace(file(t, "block_actions_message.json"), `"user":`, `"user": {"id": "U0MALLORY"}, "user":`, 1)), nil, 400, 0},
		"a key in capitals":       {receive.PathInteractions, form(strings.Replace(file(t, "block_actions_message.json"), `"api_app_id":`, `"API_APP_ID":`, 1)), nil, 400, 0},
		"an entry twice":          {receive.PathCommands, command + "&user_id=U0MALLORY", nil, 400, 0},
		"more after the payload":  {receive.PathInteractions, form(file(t, "block_actions_message.json") + "{}"), nil, 400, 0},
		"no UTF-8":                {receive.PathInteractions, form(strings.Replace(file(t, "block_actions_message.json"), "alice", "\xff", 1)), nil, 400, 0},
		"deep":                    {receive.PathEvents, `{"type":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}", nil, 400, 0},
		"no command":              {receive.PathCommands, strings.Replace(command, "%2F", "", 1), nil, 400, 0},
		"1 MiB":                   {receive.PathCommands, command + "&x=" + strings.Repeat("x", 1<<20-len(command)-3), nil, 200, 1},
		"more than 1 MiB":         {receive.PathCommands, command + "&x=" + strings.Repeat("x", 1<<20-len(command)-2), nil, 413, 0},
		"another app":             {receive.PathInteractions, strings.Replace(click, "A0123", "A0999", 1), nil, 403, 0},
		"another workspace":       {receive.PathInteractions, form(strings.Replace(file(t, "block_actions_message.json"), `"team": {"id": "T0123"`, `"team": {"id": "T0999"`, 1)), nil, 403, 0},
		"another one's command":   {receive.PathCommands, strings.Replace(command, "team_id=T0123", "team_id=T0999", 1), nil, 403, 0},
		"another one's event":     {receive.PathEvents, strings.Replace(home, `"team_id": "T0123"`, `"team_id": "T0999"`, 1), nil, 403, 0},
		"a visitor":               {receive.PathInteractions, strings.Replace(click, url.QueryEscape(`"team_id": "T0123"`), url.QueryEscape(`"team_id": "T0999"`), 1), nil, 200, 1},
		"view closed":             {receive.PathInteractions, form(file(t, "view_closed.json")), nil, 200, 0},
		"shortcut":                {receive.PathInteractions, form(file(t, "shortcut.json")), nil, 200, 0},
		"another event":           {receive.PathEvents, file(t, "message_event.json"), nil, 200, 0},
		"is the certificate good": {receive.PathCommands, "ssl_check=1&token=x", nil, 200, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, nil)
			mux := h.mux(t)
			r := request(tc.path, tc.body)
			if strings.HasPrefix(tc.path, receive.PathEvents) {
				r.Header.Set("Content-Type", "application/json")
			}
			if tc.change != nil {
				tc.change(r)
			}
			w := send(mux, r)
			require.NoError(t, h.Wait(t.Context()))
			require.Equal(t, tc.status, w.Code, "%s %s", w.Body, h.log)
			require.Equal(t, tc.told, h.desk.told())
			require.Equal(t, tc.status == 400 || tc.status == 403, w.Header().Get("X-Slack-No-Retry") == "1")
			if tc.status != 200 {
				require.NotContains(t, w.Body.String(), "U0", "nothing of a request is in a refusal")
			}
			for _, c := range h.desk.clicks {
				require.Equal(t, "U0ALICE", c.User)
			}
		})
	}
}

// Nothing is read, or answered, before the signature is checked.
func TestUnsigned(t *testing.T) {
	h := build(t, nil)
	mux := h.mux(t)
	for _, path := range []string{receive.PathInteractions, receive.PathCommands, receive.PathEvents} {
		for name, body := range map[string]string{"good": form(file(t, "block_actions_message.json")), "handshake": file(t, "url_verification.json"), "nonsense": "{", "nothing": ""} {
			r := request(path, body)
			r.Header.Set("X-Slack-Signature", "v0="+strings.Repeat("0", 64))
			w := send(mux, r)
			require.Equal(t, 401, w.Code, "%s %s", path, name)
			require.NotContains(t, w.Body.String(), "3eZbrw1a")
		}
	}
	w := send(mux, request(receive.PathEvents, file(t, "url_verification.json")))
	require.Equal(t, 200, w.Code)
	require.Equal(t, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", w.Body.String())
	require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
}

// endless is a body without an end that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
}

func TestEndless(t *testing.T) {
	h := build(t, nil)
	body := &endless{} // and unsigned
	r := httptest.NewRequest(http.MethodPost, receive.PathCommands, body)
	r.Header.Set("Content-Type", formType)
	require.Equal(t, 413, send(h.mux(t), r).Code)
	require.Less(t, body.read, 3<<20)
}

// An event that is delivered again counts once; one that could not be told apart comes again.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, nil)
		mux := h.mux(t)
		for retry, after := range []time.Duration{0, time.Second, time.Minute, 5 * time.Minute} {
			time.Sleep(after)
			r := request(receive.PathEvents, file(t, "app_home_opened.json"))
			if retry > 0 {
				r.Header.Set("X-Slack-Retry-Num", "1")
				r.Header.Set("X-Slack-Retry-Reason", "http_timeout")
			}
			require.Equal(t, 200, send(mux, r).Code)
		}
		require.NoError(t, h.Wait(t.Context()))
		require.Equal(t, 1, h.desk.told())
	})
	h := build(t, func(c *receive.Config) { c.Seen = forgetful{} })
	w := send(h.mux(t), request(receive.PathEvents, file(t, "app_home_opened.json")))
	require.Equal(t, 503, w.Code)
	require.Empty(t, w.Header().Get("X-Slack-No-Retry"))
	require.Zero(t, h.desk.told())
}

// Slack says that it held back events, and for which minute.
func TestRateLimited(t *testing.T) {
	h := build(t, nil)
	mux := h.mux(t)
	w := send(mux, request(receive.PathEvents, `{"token":"x","type":"app_rate_limited","team_id":"T0123","minute_rate_limited":1518467820,"api_app_id":"A0123"}`))
	require.Equal(t, 200, w.Code)
	require.Contains(t, h.log.String(), "Slack holds back events of this app")
}

// forgetful cannot tell of events.
type forgetful struct{}

func (forgetful) Seen(_ context.Context, key string, _ time.Time) (bool, error) {
	if strings.HasPrefix(key, "event ") {
		return false, errors.New("no memory")
	}
	return false, nil
}

// A way in belongs to an enterprise where one is named.
func TestEnterprise(t *testing.T) {
	for enterprise, status := range map[string]int{"": 200, "E0123": 200, "E0999": 403} {
		h := build(t, func(c *receive.Config) { c.Enterprise = enterprise })
		w := send(h.mux(t), request(receive.PathInteractions, form(file(t, "block_actions_view.json"))))
		require.Equal(t, status, w.Code, enterprise)
	}
}

func TestConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		handler receive.Handler
		config  receive.Config
	}{
		"no handler":   {nil, receive.Config{App: "A0123", Team: "T0123"}},
		"no app":       {&desk{}, receive.Config{Team: "T0123"}},
		"no workspace": {&desk{}, receive.Config{App: "A0123"}},
		"a name":       {&desk{}, receive.Config{App: "A0123", Team: "example"}},
		"no time":      {&desk{}, receive.Config{App: "A0123", Team: "T0123", Budget: -1}},
	} {
		_, err := receive.New(tc.handler, tc.config)
		require.ErrorContains(t, err, "want", name)
	}
}
