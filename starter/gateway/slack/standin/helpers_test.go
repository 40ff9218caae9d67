package standin_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

type object = map[string]any

// small is a client of the Web API that knows nothing of Slack's types.
type small struct {
	t   *testing.T
	api string
	// token goes into the form, as slack-go sends it.
	token string
	http  *http.Client
}

// start serves a stand-in until the test's end, and sees that nothing of it stays behind.
func start(t *testing.T, o standin.Options) (*standin.Server, small) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s := standin.New(o)
	api, err := s.Listen()
	require.NoError(t, err)
	c := small{t: t, api: api, token: standin.SampleBotToken, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(func() {
		s.Close()
		c.http.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return s, c
}

// form calls a method with a form; values that are no strings go as JSON.
func (c small) form(method string, args object) object {
	c.t.Helper()
	values := url.Values{"token": {c.token}}
	for k, v := range args {
		text, ok := v.(string)
		if !ok {
			raw, err := json.Marshal(v)
			require.NoError(c.t, err)
			text = string(raw)
		}
		values.Set(k, text)
	}
	return c.send(method, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()), "")
}

// json calls a method with JSON and the token in the header.
func (c small) json(method string, args object) object {
	c.t.Helper()
	raw, err := json.Marshal(args)
	require.NoError(c.t, err)
	return c.send(method, "application/json; charset=utf-8", bytes.NewReader(raw), c.token)
}

func (c small) send(method, contentType string, body io.Reader, bearer string) object {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.api+method, body)
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", contentType)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := c.http.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	var out object
	require.NoError(c.t, json.NewDecoder(resp.Body).Decode(&out))
	return out
}

// post posts a message with buttons of these action_ids, and returns its ts.
func (c small) post(channel string, actions ...string) string {
	c.t.Helper()
	args := object{"channel": channel, "text": "may I?"}
	if len(actions) > 0 {
		args["blocks"] = []any{actionsBlock(actions...)}
	}
	out := c.form("chat.postMessage", args)
	require.Equal(c.t, true, out["ok"], out)
	return out["ts"].(string)
}

func actionsBlock(actions ...string) object {
	var elements []any
	for _, a := range actions {
		elements = append(elements, object{"type": "button", "action_id": a, "value": "of " + a, "text": plain(a)})
	}
	return object{"type": "actions", "block_id": "row", "elements": elements}
}

func plain(said string) object { return object{"type": "plain_text", "text": said} }

func modal(callback string, blocks ...any) object {
	return object{"type": "modal", "title": plain("Title"), "submit": plain("Send"), "callback_id": callback, "blocks": append([]any{}, blocks...)}
}

func input(block, action string) object {
	return object{"type": "input", "block_id": block, "label": plain(block), "element": object{"type": "plain_text_input", "action_id": action}}
}

// app is an app on a socket that answers as it is told.
type app struct {
	conn  *websocket.Conn
	hello object
	got   chan object
}

// dial opens a socket. Answer makes of an envelope the payload of its answer; ok says whether there is
// one at all.
func dial(c small, answer func(envelope object) (payload any, ok bool)) (*app, error) {
	c.t.Helper()
	c.token = standin.SampleAppToken
	opened := c.json("apps.connections.open", object{})
	require.Equal(c.t, true, opened["ok"], opened)
	conn, resp, err := websocket.DefaultDialer.DialContext(c.t.Context(), opened["url"].(string), nil)
	if resp != nil {
		_ = resp.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	a := &app{conn: conn, got: make(chan object, 100)}
	require.NoError(c.t, conn.ReadJSON(&a.hello))
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(a.got)
		for {
			var envelope object
			if conn.ReadJSON(&envelope) != nil {
				return
			}
			a.got <- envelope
			id, acks := envelope["envelope_id"]
			if acks && answer != nil {
				if payload, ok := answer(envelope); ok {
					_ = conn.WriteJSON(object{"envelope_id": id, "payload": payload}) // the test sees that none came
				}
			}
		}
	}()
	c.t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return a, nil
}

// ok answers with nothing.
func ok(object) (any, bool) { return nil, true }

func clientOf(s *standin.Server) *http.Client { return &http.Client{Transport: s.Transport()} }

// soon is how long a test waits for something.
const soon = 5 * time.Second
