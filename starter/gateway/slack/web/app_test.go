package web_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// app is what the stand-in delivers to: it is called with what was clicked, in the click's time.
type app func(slack.InteractionCallback)

func (a app) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, err
	}
	var in slack.InteractionCallback
	if err := json.Unmarshal([]byte(form.Get("payload")), &in); err != nil {
		return nil, err
	}
	a(in)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// clicked posts a card, presses its button, and lets the app do something with the click.
func clicked(t *testing.T, do func(t *testing.T, s *standin.Server, c *web.Client, in slack.InteractionCallback)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var s *standin.Server
		var c *web.Client
		s, c = start(t, standin.Options{
			RequestURL: "https://app.test/slack",
			HTTP:       &http.Client{Transport: app(func(in slack.InteractionCallback) { do(t, s, c, in) })},
		})
		ts, err := c.Post(t.Context(), channel, "", false, card, meta)
		require.NoError(t, err)
		got, err := s.Press("U0ALICE", channel, ts, blocks.ActApprove)
		require.NoError(t, err)
		require.True(t, got.Acked)
	})
}

func TestViews(t *testing.T) {
	clicked(t, func(t *testing.T, s *standin.Server, c *web.Client, in slack.InteractionCallback) {
		id, hash, err := c.Open(t.Context(), in.TriggerID, modal("first"))
		require.NoError(t, err)
		require.NotEmpty(t, hash)
		_, _, err = c.Open(t.Context(), in.TriggerID, modal("again"))
		require.Equal(t, "exchanged_trigger_id", failed(t, err).Code)
		_, _, err = c.Push(t.Context(), in.TriggerID, modal("on top"))
		require.True(t, web.Is(err, web.Gone))

		require.NoError(t, c.UpdateView(t.Context(), id, hash, modal("second")))
		v, ok := s.View("U0ALICE")
		require.True(t, ok)
		require.Equal(t, "second", v.Callback)
		err = c.UpdateView(t.Context(), id, hash, modal("third"))
		require.Equal(t, []any{"hash_conflict", web.Gone}, []any{failed(t, err).Code, failed(t, err).Kind})
		require.NoError(t, c.UpdateView(t.Context(), id, "", modal("fourth")))
		s.CloseView("U0ALICE")
		require.True(t, web.Is(c.UpdateView(t.Context(), id, "", modal("fifth")), web.Gone))
	})
}

func TestTriggersExpire(t *testing.T) {
	clicked(t, func(t *testing.T, _ *standin.Server, c *web.Client, in slack.InteractionCallback) {
		time.Sleep(3*time.Second + time.Millisecond)
		_, _, err := c.Open(t.Context(), in.TriggerID, modal("late"))
		e := failed(t, err)
		require.Equal(t, []any{"expired_trigger_id", web.Gone}, []any{e.Code, e.Kind})
	})
}

func TestRespond(t *testing.T) {
	clicked(t, func(t *testing.T, s *standin.Server, c *web.Client, in slack.InteractionCallback) {
		ctx := t.Context()
		require.NoError(t, c.Respond(ctx, in.ResponseURL, blocks.Message{Text: "for you"}, false))
		require.Equal(t, "for you", s.Ephemeral("U0ALICE")[0].Text)
		require.NoError(t, c.Respond(ctx, in.ResponseURL, blocks.Message{Text: "recorded"}, true))
		require.Equal(t, "recorded", s.Messages(channel)[0].Text)
		require.Empty(t, s.Messages(channel)[0].Buttons())
		s.Inject(standin.Fault{Method: "response_url", Kind: standin.ServerError, Times: 1})
		require.True(t, web.Is(c.Respond(ctx, in.ResponseURL, blocks.Message{Text: "x"}, false), web.Ambiguous))
		s.Inject(standin.Fault{Method: "response_url", Kind: standin.Throttle, Times: 1})
		for range 3 {
			require.NoError(t, c.Respond(ctx, in.ResponseURL, card, false))
		}
		e := failed(t, c.Respond(ctx, in.ResponseURL, card, false))
		require.Equal(t, []any{"used_url", web.Gone}, []any{e.Code, e.Kind})
	})
	clicked(t, func(t *testing.T, _ *standin.Server, c *web.Client, in slack.InteractionCallback) {
		time.Sleep(31 * time.Minute)
		require.Equal(t, "expired_url", failed(t, c.Respond(t.Context(), in.ResponseURL, card, false)).Code)
	})
}

// refuser fails the test when anything is sent.
type refuser struct{ t *testing.T }

func (r refuser) RoundTrip(req *http.Request) (*http.Response, error) {
	r.t.Errorf("sent to %s", req.URL.Host)
	return nil, errors.New("refused")
}

// An address that is not Slack's is not called, whoever says that it is a response_url.
func TestForeignResponseURLs(t *testing.T) {
	for _, api := range []string{"", "https://standin.test/api/"} {
		c, err := web.New(web.Options{Token: secret.New("xoxb-canary"), API: api, Transport: refuser{t}})
		require.NoError(t, err)
		for _, at := range []string{
			"", "hooks.slack.com/actions/1", "http://hooks.slack.com/actions/1", "https://hooks.slack.com:8443/actions/1",
			"https://hooks.slack.com@evil.example/1", "https://evil.example/hooks.slack.com", "https://hooks.slack.com.evil.example/1",
			"https://xhooks.slack.com/1", "http://169.254.169.254/latest/meta-data/", "http://standin.test/1", "https://standin.test:1/1",
			"https://slack.com/api/chat.delete", "file:///etc/passwd", "https:hooks.slack.com", "https://user@hooks.slack.com/1", "https://hooks.slack.com\x00/1",
		} {
			e := failed(t, c.Respond(t.Context(), at, card, false))
			require.Equal(t, []any{"foreign_url", web.Bug}, []any{e.Code, e.Kind}, at)
			require.NotContains(t, e.Error(), "slack.com")
		}
	}
}

// seen says where requests go, and answers them.
type seen struct {
	at     *[]string
	answer string
}

func (s seen) RoundTrip(r *http.Request) (*http.Response, error) {
	*s.at = append(*s.at, r.URL.String()+" "+r.Header.Get("Authorization"))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(s.answer)), Request: r}, nil
}

func TestSlacksResponseURL(t *testing.T) {
	var at []string
	c, err := web.New(web.Options{Token: secret.New("xoxb-canary"), Transport: seen{&at, ""}})
	require.NoError(t, err)
	require.NoError(t, c.Respond(t.Context(), "https://hooks.slack.com/actions/T1/2/3", card, true), "200 is success, whatever it says")
	require.Equal(t, []string{"https://hooks.slack.com/actions/T1/2/3 "}, at, "the token stays here")
}
