package receive_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// opener opens a form when something is pressed, while Slack waits.
type opener struct {
	*desk

	api *slack.Client
	t   *testing.T
}

func (o opener) Click(ctx context.Context, c receive.Click) receive.Reply {
	if c.Action == "reject" {
		_, err := o.api.OpenViewContext(ctx, c.Trigger, slack.ModalViewRequest{
			Type: slack.VTModal, CallbackID: "reject_form", PrivateMetadata: c.Value,
			Title: slack.NewTextBlockObject(slack.PlainTextType, "Reject", false, false), Submit: slack.NewTextBlockObject(slack.PlainTextType, "Send", false, false),
			Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("reason", slack.NewTextBlockObject(slack.PlainTextType, "Why", false, false), nil, slack.NewPlainTextInputBlockElement(nil, "text"))}},
		})
		if err != nil {
			o.t.Errorf("open a view: %s", err)
		}
	}
	return o.desk.Click(ctx, c)
}

// workspace is a stand-in for Slack to which one way in listens.
type workspace struct {
	*standin.Server

	desk   *desk
	socket *receive.Socket
	ts     string // of a message with buttons
}

func join(t *testing.T, way string) *workspace {
	t.Helper()
	before := goleak.IgnoreCurrent()
	web := &http.Client{Transport: &http.Transport{}}
	var mux http.ServeMux
	// Slack is told one path for each kind; the stand-in knows one for all.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(raw)))
		switch {
		case r.Header.Get("Content-Type") == "application/json":
			r.URL.Path = receive.PathEvents
		case strings.HasPrefix(string(raw), "payload="):
			r.URL.Path = receive.PathInteractions
		default:
			r.URL.Path = receive.PathCommands
		}
		mux.ServeHTTP(w, r)
	}))
	w := &workspace{desk: &desk{}}
	w.Server = standin.New(standin.Options{RequestURL: front.URL})
	url, err := w.Listen()
	require.NoError(t, err)
	api := slack.New(standin.SampleBotToken, slack.OptionAppLevelToken(standin.SampleAppToken), slack.OptionAPIURL(url), slack.OptionHTTPClient(web))
	in, err := receive.New(opener{w.desk, api, t}, receive.Config{App: standin.SampleApp, Team: standin.SampleTeam, Private: teller{api}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	if way == "socket" {
		w.socket, err = in.Socket(receive.SocketOptions{API: api})
		require.NoError(t, err)
		running.Go(func() { _ = w.socket.Run(ctx) })
		up(t, w.socket, 2)
	} else {
		h, err := in.HTTP(receive.HTTPOptions{Secrets: []string{standin.SampleSecret}})
		require.NoError(t, err)
		h.Mount(&mux)
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
		bounded, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		require.NoError(t, in.Wait(bounded))
		w.Close()
		front.Close()
		web.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	button := func(id string) slack.BlockElement {
		return slack.NewButtonBlockElement(id, "sha256:39fc", slack.NewTextBlockObject(slack.PlainTextType, id, false, false))
	}
	_, w.ts, err = api.PostMessage("C0SECOPS", slack.MsgOptionText("May I?", false), slack.MsgOptionBlocks(slack.NewActionBlock("decide", button("approve"), button("reject"))))
	require.NoError(t, err)
	return w
}

// teller tells people in the channel.
type teller struct{ api *slack.Client }

func (p teller) Private(ctx context.Context, to receive.From, r receive.Reply) error {
	_, err := p.api.PostEphemeralContext(ctx, to.Channel, to.User, slack.MsgOptionText(r.Private, false))
	return err
}

// What people press, fill in, type and look at arrives the same by both ways.
func TestBothWays(t *testing.T) {
	for _, way := range []string{"socket", "http"} {
		t.Run(way, func(t *testing.T) {
			w := join(t, way)
			w.desk.reply = receive.Reply{Private: "recorded"}
			got, err := w.Press("U0ALICE", "C0SECOPS", w.ts, "approve")
			require.NoError(t, err)
			require.True(t, got.Acked)
			require.NoError(t, w.Wait(t.Context(), func() bool { return len(w.Ephemeral("U0ALICE")) == 1 }))
			require.Equal(t, "recorded", w.Ephemeral("U0ALICE")[0].Text)

			got, err = w.Press("U0ALICE", "C0SECOPS", w.ts, "reject")
			require.NoError(t, err)
			require.Equal(t, "reject_form", got.View.Callback)
			w.desk.formReply = receive.FormReply{Errors: map[string]string{"reason": "say more"}}
			got, err = w.Submit("U0ALICE", standin.Fill{"reason": {"text": "no"}})
			require.NoError(t, err)
			require.Equal(t, map[string]string{"reason": "say more"}, got.Errors)
			w.desk.formReply = receive.FormReply{}
			_, err = w.Submit("U0ALICE", standin.Fill{"reason": {"text": "it is mine"}})
			require.NoError(t, err)
			require.Zero(t, w.Depth("U0ALICE"))

			got, err = w.Command("U0BOB", "C0SECOPS", "/playbook runs")
			require.NoError(t, err)
			require.True(t, got.Acked)
			require.Equal(t, "recorded", got.Private[0].Text)
			got, err = w.OpenHome("U0BOB")
			require.NoError(t, err)
			require.True(t, got.Acked)
			require.Eventually(t, func() bool { return w.desk.told() == 6 }, 10*time.Second, 5*time.Millisecond)

			require.Equal(t, "U0ALICE", w.desk.clicks[0].User)
			require.Equal(t, [3]string{"C0SECOPS", w.ts, "sha256:39fc"}, [3]string{w.desk.clicks[0].Channel, w.desk.clicks[0].Message, w.desk.clicks[0].Value})
			require.Equal(t, receive.Values{"reason": {"text": {Type: "plain_text_input", Text: "it is mine"}}}, w.desk.forms[1].View.Values)
			require.Equal(t, "sha256:39fc", w.desk.forms[1].View.Meta)
			require.Equal(t, [2]string{"/playbook", "runs"}, [2]string{w.desk.commands[0].Name, w.desk.commands[0].Text})
			require.Equal(t, "U0BOB", w.desk.opened[0].User)
		})
	}
}

// A stand-in that loses sockets and answers, as Slack does: people see a warning, press again, and are
// heard; what is delivered twice is done once.
func TestMisbehaviour(t *testing.T) {
	w := join(t, "socket")
	w.Inject(standin.Fault{Method: "socket", Kind: standin.DropAfter, Times: 1})
	got, err := w.Press("U0ALICE", "C0SECOPS", w.ts, "approve")
	require.NoError(t, err)
	require.True(t, got.Warning())
	require.Eventually(t, func() bool { return w.Sockets() == 1 }, 10*time.Second, 5*time.Millisecond)
	got, err = w.Press("U0ALICE", "C0SECOPS", w.ts, "approve")
	require.NoError(t, err)
	require.True(t, got.Acked, "over the connection that is left")
	require.Eventually(t, func() bool { return w.desk.told() == 2 }, 10*time.Second, 5*time.Millisecond)
	up(t, w.socket, 2)

	w.Inject(standin.Fault{Method: "socket", Kind: standin.Twice, Times: 1})
	got, err = w.Command("U0ALICE", "C0SECOPS", "/playbook runs")
	require.NoError(t, err)
	require.True(t, got.Acked)
	got, err = w.Command("U0ALICE", "C0SECOPS", "/playbook help")
	require.NoError(t, err)
	require.True(t, got.Acked)
	require.Equal(t, 4, w.desk.told())

	before := w.socket.Status().Reconnects
	w.DropSockets("refresh_requested")
	require.Eventually(t, func() bool { return w.socket.Status().Reconnects == before+2 && w.Sockets() == 2 }, 10*time.Second, 5*time.Millisecond)
	got, err = w.Press("U0ALICE", "C0SECOPS", w.ts, "approve")
	require.NoError(t, err)
	require.True(t, got.Acked)

	w.DisableSocketMode(true)
	require.Eventually(t, func() bool { return w.socket.Status().Fatal != nil }, 10*time.Second, 5*time.Millisecond)
	require.False(t, w.socket.Ready())
	require.ErrorIs(t, w.socket.Check(t.Context()), receive.ErrFatal)

	// An operator switches it on, and the gateway runs again.
	w.DisableSocketMode(false)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.socket.Run(ctx) }()
	up(t, w.socket, 2)
	require.NoError(t, w.socket.Check(t.Context()))
	cancel()
	require.NoError(t, <-ended)
}
