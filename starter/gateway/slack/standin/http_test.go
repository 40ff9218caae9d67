package standin_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// delivered is a request that came to the app.
type delivered struct {
	header http.Header
	body   []byte
}

func deliverTo(t *testing.T, handle http.HandlerFunc) (url string, got chan delivered) {
	t.Helper()
	got = make(chan delivered, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- delivered{r.Header, body}
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func good(http.ResponseWriter, *http.Request) {}

func TestSignedDelivery(t *testing.T) {
	at, got := deliverTo(t, good)
	s, c := start(t, standin.Options{RequestURL: at})
	ts := c.post("C0SECOPS", "approve")
	signed := func(d delivered, secret string) {
		t.Helper()
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("v0:" + d.header.Get("X-Slack-Request-Timestamp") + ":" + string(d.body)))
		require.Equal(t, "v0="+hex.EncodeToString(mac.Sum(nil)), d.header.Get("X-Slack-Signature"))
	}
	result, err := s.Press("U0STRANGER", "C0SECOPS", ts, "approve")
	require.NoError(t, err)
	require.Equal(t, []any{true, 200}, []any{result.Acked, result.Status})
	d := <-got
	signed(d, standin.SampleSecret)
	require.Equal(t, "application/x-www-form-urlencoded", d.header.Get("Content-Type"))
	form, err := url.ParseQuery(string(d.body))
	require.NoError(t, err)
	var p object
	require.NoError(t, json.Unmarshal([]byte(form.Get("payload")), &p))
	require.Equal(t, []any{"T0OTHER", standin.SampleTeam, standin.SampleApp}, []any{p["user"].(object)["team_id"], p["team"].(object)["id"], p["api_app_id"]})

	s.Rotate("next secret")
	_, err = s.Command("U0ALICE", "C0SECOPS", "/playbook")
	require.NoError(t, err)
	d = <-got
	signed(d, "next secret")
	form, err = url.ParseQuery(string(d.body))
	require.NoError(t, err)
	require.Equal(t, "/playbook", form.Get("command"))

	_, err = s.OpenHome("U0ALICE")
	require.NoError(t, err)
	d = <-got
	signed(d, "next secret")
	require.Equal(t, "application/json", d.header.Get("Content-Type"))
	require.NoError(t, json.Unmarshal(d.body, &p))
	require.Equal(t, "event_callback", p["type"])
}

// The vector that Slack publishes.
func TestSignatureVector(t *testing.T) {
	const body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	h := standin.Sign("8f742231b10e8888abcd99yyyzzz85a5", time.Unix(1531420618, 0), []byte(body))
	require.Equal(t, "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", h.Get("X-Slack-Signature"))
}

func TestHTTPRefusals(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, test := range map[string]struct {
		handle http.HandlerFunc
		status int
		events int // how often an event comes
	}{
		"unauthorised": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, 401, 2},
		"unavailable":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 503, 2},
		"no more": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Slack-No-Retry", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, 503, 1},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			at, got := deliverTo(t, test.handle)
			s, c := start(t, standin.Options{RequestURL: at, Patience: 200 * time.Millisecond})
			result, err := s.Press("U0ALICE", "C0SECOPS", c.post("C0SECOPS", "approve"), "approve")
			require.NoError(t, err)
			require.Equal(t, []any{true, test.status}, []any{result.Warning(), result.Status})
			require.Len(t, got, 1, "an interaction is delivered once")
			<-got
			_, err = s.OpenHome("U0ALICE")
			require.NoError(t, err)
			require.Len(t, got, test.events)
			<-got
			if test.events == 2 {
				require.Equal(t, "1", (<-got).header.Get("X-Slack-Retry-Num"))
			}
		})
	}
}
