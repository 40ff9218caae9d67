package standin_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

func TestSocketClick(t *testing.T) {
	s, c := start(t, standin.Options{})
	ts := c.post("C0SECOPS", "approve", "reject")
	a, err := dial(c, func(e object) (any, bool) {
		p := e["payload"].(object)
		c.json("chat.postEphemeral", object{"channel": "C0SECOPS", "user": "U0ALICE", "text": "recorded"})
		c.json("views.open", object{"trigger_id": p["trigger_id"], "view": modal("shown", input("reason", "text"))})
		return nil, true
	})
	require.NoError(t, err)
	require.Equal(t, 1.0, a.hello["num_connections"])
	got, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
	require.NoError(t, err)
	require.True(t, got.Acked)
	require.Equal(t, "recorded", got.Private[0].Text)
	require.Equal(t, "shown", got.View.Callback)

	e := <-a.got
	require.Equal(t, "interactive", e["type"])
	p := e["payload"].(object)
	require.Equal(t, object{"id": "U0ALICE", "username": "alice", "name": "alice", "team_id": standin.SampleTeam}, p["user"])
	require.Equal(t, object{"type": "message", "message_ts": ts, "channel_id": "C0SECOPS", "is_ephemeral": false}, p["container"])
	pressed := p["actions"].([]any)[0].(object)
	require.Equal(t, []any{"approve", "row", "of approve", "button"}, []any{pressed["action_id"], pressed["block_id"], pressed["value"], pressed["type"]})
	require.Equal(t, ts, p["message"].(object)["ts"])

	_, err = s.Press("U0ALICE", "C0SECOPS", ts, "delete everything")
	require.ErrorContains(t, err, "approve, reject")
	_, err = s.Press("U0CAROL", "C0PRIVATE", ts, "approve")
	require.Error(t, err)
}

func TestAcks(t *testing.T) {
	gaveUp := make(chan struct{})
	for name, test := range map[string]struct {
		answer func(object) (any, bool)
		acked  bool
	}{
		"in time":  {ok, true},
		"missing":  {func(object) (any, bool) { return nil, false }, false},
		"too big":  {func(object) (any, bool) { return strings.Repeat("x", 20<<10), true }, false},
		"just fit": {func(object) (any, bool) { return strings.Repeat("x", 20<<10-3), true }, true},
		"late": {func(object) (any, bool) {
			<-gaveUp
			return nil, true
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := start(t, standin.Options{Patience: 200 * time.Millisecond})
			ts := c.post("C0SECOPS", "approve")
			a, err := dial(c, test.answer)
			require.NoError(t, err)
			got, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
			require.NoError(t, err)
			require.Equal(t, test.acked, got.Acked)
			require.Equal(t, !test.acked, got.Warning())
			if name == "late" {
				close(gaveUp)
			}
			<-a.got
			require.Empty(t, a.got, "an interaction is delivered once")
		})
	}
}

func TestNobodyListens(t *testing.T) {
	s, c := start(t, standin.Options{})
	got, err := s.Press("U0ALICE", "C0SECOPS", c.post("C0SECOPS", "approve"), "approve")
	require.NoError(t, err)
	require.True(t, got.Warning())
}

func TestSockets(t *testing.T) {
	s, c := start(t, standin.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var apps []*app
	for n := range 10 {
		a, err := dial(c, ok)
		require.NoError(t, err)
		require.Equal(t, float64(n+1), a.hello["num_connections"])
		apps = append(apps, a)
	}
	one, err := dial(c, ok)
	require.NoError(t, err)
	require.Equal(t, "too_many_websockets", one.hello["reason"])

	// Each envelope goes to one of them.
	ts := c.post("C0SECOPS", "approve")
	for range apps {
		_, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
		require.NoError(t, err)
	}
	for _, a := range apps {
		require.Len(t, a.got, 1)
	}
	s.Warn()
	for _, a := range apps {
		<-a.got
		require.Equal(t, "warning", (<-a.got)["reason"])
	}
	s.DropSockets("refresh_requested")
	require.Equal(t, "refresh_requested", (<-apps[0].got)["reason"])
	require.NoError(t, s.Wait(ctx, func() bool { return s.Sockets() == 0 }))

	s.RefuseSockets(true)
	_, err = dial(c, ok)
	require.Error(t, err)
	s.RefuseSockets(false)
	last, err := dial(c, ok)
	require.NoError(t, err)
	s.DisableSocketMode(true)
	require.Equal(t, "link_disabled", (<-last.got)["reason"])
	c.token = standin.SampleAppToken
	require.Equal(t, false, c.json("apps.connections.open", object{})["ok"])
}

func TestSocketFaults(t *testing.T) {
	for name, test := range map[string]struct {
		kind      standin.FaultKind
		acked     bool
		envelopes int
	}{
		"drop before": {standin.DropBefore, false, 0},
		"drop after":  {standin.DropAfter, false, 1},
		"twice":       {standin.Twice, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := start(t, standin.Options{})
			ts := c.post("C0SECOPS", "approve")
			a, err := dial(c, ok)
			require.NoError(t, err)
			s.Inject(standin.Fault{Method: "socket", Kind: test.kind, Times: 1})
			got, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
			require.NoError(t, err)
			require.Equal(t, test.acked, got.Acked)
			s.DropSockets("")
			var ids []any
			for e := range a.got {
				ids = append(ids, e["envelope_id"])
			}
			require.Len(t, ids, test.envelopes)
			if test.envelopes == 2 {
				require.Equal(t, ids[0], ids[1])
			}
		})
	}
}

func TestEventsComeAgain(t *testing.T) {
	s, c := start(t, standin.Options{Patience: 100 * time.Millisecond})
	a, err := dial(c, func(e object) (any, bool) { return nil, e["retry_attempt"] == 1.0 })
	require.NoError(t, err)
	got, err := s.OpenHome("U0ALICE")
	require.NoError(t, err)
	require.True(t, got.Acked)
	first, second := <-a.got, <-a.got
	require.Equal(t, first["payload"].(object)["event_id"], second["payload"].(object)["event_id"])
	require.Equal(t, "http_timeout", second["retry_reason"])
	require.Equal(t, "app_home_opened", first["payload"].(object)["event"].(object)["type"])
}

func TestCommandAnswer(t *testing.T) {
	s, c := start(t, standin.Options{})
	a, err := dial(c, func(object) (any, bool) { return json.RawMessage(`{"text":"two wait"}`), true })
	require.NoError(t, err)
	got, err := s.Command("U0BOB", "C0SECOPS", "/playbook list mine")
	require.NoError(t, err)
	require.Equal(t, "two wait", got.Private[0].Text)
	require.Equal(t, "U0BOB", got.Private[0].For)
	p := (<-a.got)["payload"].(object)
	require.Equal(t, []any{"/playbook", "list mine"}, []any{p["command"], p["text"]})
}
