package receive_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
)

// Whatever is sent, only what carries the right signature is taken, and every answer is one that is
// meant.
func FuzzVerify(f *testing.F) {
	f.Add("/slack/interactions", formType, "v0="+strings.Repeat("0", 64), "1548261231", "payload=%7B%7D")
	f.Add("/slack/commands", "application/x-www-form-urlencoded;charset=utf-8", "v0=", "0", "")
	f.Add("/slack/events", "application/json", "v1="+strings.Repeat("f", 64), "-9223372036854775808", `{"type":"url_verification","challenge":"x"}`)
	f.Add("/slack/events", "application/json; charset=\"utf-8\"", strings.Repeat("0", 67), "99999999999999999999", `{`)
	f.Fuzz(func(t *testing.T, path, kind, signature, at, body string) {
		if path != receive.PathInteractions && path != receive.PathCommands && path != receive.PathEvents {
			path = receive.PathEvents
		}
		d := &desk{}
		in, err := receive.New(d, receive.Config{App: "A0123", Team: "T0123"})
		require.NoError(t, err)
		way := (&house{Intake: in}).mux(t)
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header["Content-Type"] = []string{kind}
		r.Header["X-Slack-Signature"] = []string{signature}
		r.Header["X-Slack-Request-Timestamp"] = []string{at}
		w := send(way, r)
		require.Contains(t, []int{401, 413, 415}, w.Code)
		require.Zero(t, d.told())
	})
}

// Whatever Slack signs, what is handed over is of our app and workspace, and nothing panics.
func FuzzSigned(f *testing.F) {
	for _, name := range []string{
		"block_actions_message.json", "block_actions_view.json", "block_actions_home.json", "view_submission.json", "view_closed.json",
		"shortcut.json", "app_home_opened.json", "message_event.json", "url_verification.json",
	} {
		f.Add(0, form(file(f, name)))
		f.Add(2, file(f, name))
	}
	f.Add(1, file(f, "slash_command.form"))
	f.Fuzz(func(t *testing.T, path int, body string) {
		paths := []string{receive.PathInteractions, receive.PathCommands, receive.PathEvents}
		d := &desk{}
		log := &logged{}
		in, err := receive.New(d, receive.Config{App: "A0123", Team: "T0123"})
		require.NoError(t, err)
		h := &house{Intake: in, log: log}
		w := send(h.mux(t), request(paths[(path%3+3)%3], body))
		require.NoError(t, in.Wait(t.Context()))
		require.Contains(t, []int{200, 400, 403, 413}, w.Code)
		require.LessOrEqual(t, d.told(), 1)
		for _, c := range d.clicks {
			require.Equal(t, [2]string{"A0123", "T0123"}, [2]string{c.App, c.Team})
			require.NotEmpty(t, c.User)
			require.NotEmpty(t, c.Action)
		}
		for _, s := range d.forms {
			require.Equal(t, [2]string{"A0123", "T0123"}, [2]string{s.App, s.Team})
			require.NotEmpty(t, s.View.ID)
		}
	})
}
