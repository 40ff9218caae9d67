package receive_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
)

// run keeps sockets up until the test ends, or stop is called.
func (h *house) run(t *testing.T, e *exchange, o receive.SocketOptions) (s *receive.Socket, stop func() error) {
	t.Helper()
	o.API = slack.New("xoxb-1", slack.OptionAppLevelToken("xapp-1"), slack.OptionAPIURL(e.URL+"/api/"))
	s, err := h.Socket(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

func up(t *testing.T, s *receive.Socket, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.Status().Connected == n }, 10*time.Second, 5*time.Millisecond, "%d sockets are up", n)
}

func TestSocket(t *testing.T) {
	e := open(t)
	h := build(t, nil)
	h.desk.reply = receive.Reply{Private: "recorded"}
	s, stop := h.run(t, e, receive.SocketOptions{})
	up(t, s, 2)
	require.NoError(t, s.Check(t.Context()))

	e.say(t, 0, envelope("1", "interactive", file(t, "block_actions_message.json")))
	require.Equal(t, ack{ID: "1", conn: 1}, e.ack(t))
	e.say(t, 1, envelope("2", "slash_commands", file(t, "slash_command.json")))
	got := e.ack(t)
	require.Equal(t, 2, got.conn, "by the connection that it came by")
	require.JSONEq(t, `{"response_type":"ephemeral","text":"recorded"}`, string(got.Payload))
	e.say(t, 0, envelope("3", "events_api", file(t, "app_home_opened.json")))
	require.Equal(t, ack{ID: "3", conn: 1}, e.ack(t))
	h.desk.formReply = receive.FormReply{All: true}
	e.say(t, 0, envelope("4", "interactive", file(t, "view_submission.json")))
	require.JSONEq(t, `{"response_action":"clear"}`, string(e.ack(t).Payload))

	require.NoError(t, stop())
	require.NoError(t, h.Wait(t.Context()))
	require.Equal(t, 4, h.desk.told())
	require.Equal(t, []string{"U0ALICE: recorded"}, h.whispers.all())
	require.False(t, s.Ready())
	require.Eventually(t, func() bool { open, _ := e.count(); return open == 0 }, 10*time.Second, 5*time.Millisecond)
}

// A connection that Slack wants replaced is replaced before it is closed, and what came in over it is
// still answered there.
func TestRefresh(t *testing.T) {
	for _, reason := range []string{"warning", "refresh_requested"} {
		t.Run(reason, func(t *testing.T) {
			e := open(t)
			h := build(t, nil)
			release, entered := make(chan struct{}), make(chan struct{}, 1)
			h.desk.first = func(context.Context) {
				entered <- struct{}{}
				<-release
			}
			s, _ := h.run(t, e, receive.SocketOptions{Connections: 1, Drain: time.Second})
			up(t, s, 1)
			require.Eventually(t, func() bool { return time.Since(s.Status().LastHello) > 1100*time.Millisecond }, 10*time.Second, 50*time.Millisecond)
			e.say(t, 0, envelope("1", "interactive", file(t, "block_actions_message.json")))
			<-entered
			e.say(t, 0, `{"type":"disconnect","reason":"`+reason+`","debug_info":{"host":"applink-1"}}`)
			up(t, s, 2)
			open, dialled := e.count()
			require.Equal(t, [2]int{2, 2}, [2]int{open, dialled}, "both are up")
			require.Equal(t, 1, s.Status().Reconnects)
			require.False(t, s.Status().Strangers, "both are ours")
			close(release)
			require.Equal(t, ack{ID: "1", conn: 1}, e.ack(t))
			e.say(t, 1, envelope("2", "interactive", file(t, "block_actions_message.json")))
			require.Equal(t, ack{ID: "2", conn: 2}, e.ack(t))
			up(t, s, 1)
			require.NotContains(t, h.log.String(), "level=WARN")
		})
	}
}

// A connection that breaks between a click and its answer comes again, and the person who presses
// again is answered.
func TestDrop(t *testing.T) {
	e := open(t)
	h := build(t, nil)
	s, _ := h.run(t, e, receive.SocketOptions{Connections: 1})
	up(t, s, 1)
	h.desk.first = func(context.Context) { e.drop() }
	e.say(t, 0, envelope("1", "interactive", file(t, "block_actions_message.json")))
	require.Eventually(t, func() bool { return h.desk.told() == 1 && s.Status().Reconnects == 1 && s.Ready() }, 10*time.Second, 5*time.Millisecond)
	require.Contains(t, h.log.String(), "a socket to Slack is not up; trying again")
	h.desk.mu.Lock()
	h.desk.first = nil
	h.desk.mu.Unlock()
	e.say(t, 0, envelope("2", "interactive", file(t, "block_actions_message.json")))
	require.Equal(t, "2", e.ack(t).ID)
	require.Equal(t, 2, h.desk.told())
}

// What does not pass by itself ends all sockets, and says what to do.
func TestFatal(t *testing.T) {
	for code, remedy := range map[string]string{
		"invalid_auth": "SLACK_APP_TOKEN is not a token", "token_revoked": "make another", "not_allowed_token_type": "begins with xapp-",
		"missing_scope": "connections:write", "account_inactive": "administrator",
	} {
		t.Run(code, func(t *testing.T) {
			e := open(t)
			e.refuse = code
			h := build(t, nil)
			s, stop := h.run(t, e, receive.SocketOptions{})
			require.Eventually(t, func() bool { return s.Status().Fatal != nil }, 10*time.Second, 5*time.Millisecond)
			require.ErrorContains(t, s.Check(t.Context()), remedy)
			require.False(t, s.Ready())
			require.ErrorIs(t, stop(), receive.ErrFatal)
			require.Equal(t, 1, strings.Count(h.log.String(), remedy), "told once")
			require.NotContains(t, h.log.String(), "xapp-1")
		})
	}
	t.Run("link_disabled on a connection that is being replaced", func(t *testing.T) {
		e := open(t)
		h := build(t, nil)
		s, stop := h.run(t, e, receive.SocketOptions{Connections: 1})
		up(t, s, 1)
		e.say(t, 0, `{"type":"disconnect","reason":"warning"}`)
		up(t, s, 2)
		e.say(t, 0, `{"type":"disconnect","reason":"link_disabled"}`)
		require.Eventually(t, func() bool { return s.Status().Fatal != nil }, 10*time.Second, 5*time.Millisecond)
		require.ErrorIs(t, stop(), receive.ErrFatal)
	})
	t.Run("link_disabled", func(t *testing.T) {
		e := open(t)
		h := build(t, nil)
		s, stop := h.run(t, e, receive.SocketOptions{})
		up(t, s, 2)
		e.say(t, 0, `{"type":"disconnect","reason":"link_disabled","debug_info":{"host":"applink-1"}}`)
		require.Eventually(t, func() bool { return s.Status().Fatal != nil }, 10*time.Second, 5*time.Millisecond)
		require.ErrorIs(t, stop(), receive.ErrFatal)
		require.False(t, s.Ready())
		require.Contains(t, h.log.String(), "Socket Mode was switched off")
		_, dialled := e.count()
		require.Equal(t, 2, dialled, "nothing more is tried")
	})
}

// Everything else passes: it is tried again.
func TestPasses(t *testing.T) {
	for _, code := range []string{"internal_error", "ratelimited"} {
		t.Run(code, func(t *testing.T) {
			e := open(t)
			e.refuse = code
			h := build(t, nil)
			s, _ := h.run(t, e, receive.SocketOptions{Connections: 1})
			require.Eventually(t, func() bool { return strings.Contains(h.log.String(), "trying again") }, 10*time.Second, 5*time.Millisecond)
			require.ErrorContains(t, s.Check(t.Context()), "no socket to Slack is up")
			e.mu.Lock()
			e.refuse = ""
			e.mu.Unlock()
			up(t, s, 1)
			require.NoError(t, s.Status().Fatal)
		})
	}
}

// Connections that are not ours are told of once, and again when they come again.
func TestStrangers(t *testing.T) {
	e := open(t)
	h := build(t, nil)
	e.extra = 1
	s, _ := h.run(t, e, receive.SocketOptions{Connections: 1, Renew: 100 * time.Millisecond, Drain: time.Millisecond})
	require.Eventually(t, func() bool { return s.Status().Reconnects > 1 }, 20*time.Second, 5*time.Millisecond)
	require.True(t, s.Status().Strangers)
	require.Positive(t, s.Status().Connections)
	require.Equal(t, 1, strings.Count(h.log.String(), "somebody else may hold SLACK_APP_TOKEN"))
	e.mu.Lock()
	e.extra = 0
	e.mu.Unlock()
	require.Eventually(t, func() bool { return !s.Status().Strangers }, 20*time.Second, 5*time.Millisecond)
	e.mu.Lock()
	e.extra = 3
	e.mu.Unlock()
	require.Eventually(t, func() bool { return s.Status().Strangers }, 20*time.Second, 5*time.Millisecond)
	require.Equal(t, 2, strings.Count(h.log.String(), "somebody else may hold SLACK_APP_TOKEN"))

	t.Run("of other replicas", func(t *testing.T) {
		e := open(t)
		e.extra = 4
		h := build(t, nil)
		s, _ := h.run(t, e, receive.SocketOptions{Replicas: 3})
		up(t, s, 2)
		require.False(t, s.Status().Strangers)
	})
}

// What is not understood, or is of another app or workspace, is not acknowledged, and harms nothing.
func TestSocketRefuses(t *testing.T) {
	click := file(t, "block_actions_message.json")
	for name, message := range map[string]string{
		"no JSON":           `{`,
		"a key twice":       `{"envelope_id":"1","type":"interactive","type":"interactive","payload":` + click + `}`,
		"a list":            `[]`,
		"another app":       envelope("1", "interactive", strings.Replace(click, "A0123", "A0999", 1)),
		"another workspace": envelope("1", "interactive", strings.Replace(click, `"team": {"id": "T0123"`, `"team": {"id": "T0999"`, 1)),
		"no envelope":       `{"type":"interactive","payload":` + click + `}`,
		"no payload":        `{"envelope_id":"1","type":"interactive"}`,
		"a text as payload": envelope("1", "interactive", `"x"`),
		"another event's":   envelope("1", "events_api", strings.Replace(file(t, "app_home_opened.json"), `"team_id": "T0123"`, `"team_id": "T0999"`, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			h := build(t, nil)
			s, stop := h.run(t, e, receive.SocketOptions{Connections: 1})
			up(t, s, 1)
			e.say(t, 0, message)
			e.say(t, 0, envelope("2", "something_new", `{}`))
			require.Equal(t, ack{ID: "2", conn: 1}, e.ack(t), "the first has no answer")
			require.NoError(t, stop())
			require.Empty(t, e.acks)
			require.Zero(t, h.desk.told())
			require.Contains(t, h.log.String(), "level=WARN")
			_, dialled := e.count()
			require.Equal(t, 1, dialled)
		})
	}
	t.Run("more than 1 MiB", func(t *testing.T) {
		e := open(t)
		h := build(t, nil)
		s, _ := h.run(t, e, receive.SocketOptions{Connections: 1})
		up(t, s, 1)
		e.force(0, envelope("1", "interactive", `{"x":"`+strings.Repeat("x", 1<<20)+`"}`))
		require.Eventually(t, func() bool { return s.Status().Reconnects == 1 }, 10*time.Second, 5*time.Millisecond)
		require.Zero(t, h.desk.told())
	})
}

// What is under way when the gateway stops is still answered.
func TestStop(t *testing.T) {
	e := open(t)
	h := build(t, nil)
	release, entered := make(chan struct{}), make(chan struct{}, 1)
	h.desk.first = func(ctx context.Context) {
		entered <- struct{}{}
		<-release
		if ctx.Err() != nil {
			panic("it had time")
		}
	}
	s, stop := h.run(t, e, receive.SocketOptions{Connections: 1})
	up(t, s, 1)
	e.say(t, 0, envelope("1", "slash_commands", file(t, "slash_command.json")))
	<-entered
	ended := make(chan error)
	go func() { ended <- stop() }()
	require.Eventually(t, func() bool { return !s.Ready() }, 10*time.Second, 5*time.Millisecond)
	close(release)
	require.Equal(t, ack{ID: "1", conn: 1}, e.ack(t))
	require.NoError(t, <-ended)
}

// A handler that takes too long over Socket Mode is answered for in time.
func TestSocketBudget(t *testing.T) {
	e := open(t)
	h := build(t, func(c *receive.Config) { c.Budget = 20 * time.Millisecond })
	release := make(chan struct{})
	h.desk.first = func(context.Context) { <-release }
	s, _ := h.run(t, e, receive.SocketOptions{Connections: 1})
	up(t, s, 1)
	e.say(t, 0, envelope("1", "slash_commands", file(t, "slash_command.json")))
	require.Contains(t, string(e.ack(t).Payload), receive.Unsure)
	close(release)
}

// An address that is no wss one of Slack is not dialled, and no ticket is logged.
func TestAddress(t *testing.T) {
	for name, address := range map[string]string{"plain": "ws://example.com/?ticket=secret-ticket", "http": "https://example.com", "none": "", "nonsense": ":", "nobody": "ws://127.0.0.1:1/?ticket=secret-ticket"} {
		t.Run(name, func(t *testing.T) {
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"ok":true,"url":%q}`, address)
			}))
			defer api.Close()
			h := build(t, nil)
			s, err := h.Socket(receive.SocketOptions{API: slack.New("xoxb-1", slack.OptionAppLevelToken("xapp-1"), slack.OptionAPIURL(api.URL+"/")), Connections: 1})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx) }()
			require.Eventually(t, func() bool { return strings.Contains(h.log.String(), "trying again") }, 10*time.Second, 5*time.Millisecond)
			cancel()
			require.NoError(t, <-ended)
			require.NotContains(t, h.log.String(), "secret-ticket")
			require.NotContains(t, h.log.String(), "xapp-1")
		})
	}
}

func TestSocketOptions(t *testing.T) {
	h := build(t, nil)
	for name, o := range map[string]receive.SocketOptions{"no client": {}, "too many": {API: slack.New("x"), Connections: 9}, "less than none": {API: slack.New("x"), Replicas: -1}} {
		_, err := h.Socket(o)
		require.ErrorContains(t, err, "want a client", name)
	}
}
