package receive_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
)

// Whatever byte of a request is changed, it does not count; and nobody learns what would have.
func TestEveryByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, nil)
		mux := h.mux(t)
		body := form(file(t, "block_actions_message.json"))
		right := request(receive.PathInteractions, body)
		at, signature := right.Header.Get("X-Slack-Request-Timestamp"), right.Header.Get("X-Slack-Signature")
		try := func(body, at, signature string) {
			t.Helper()
			r := request(receive.PathInteractions, body)
			r.Header.Set("X-Slack-Request-Timestamp", at)
			r.Header.Set("X-Slack-Signature", signature)
			w := send(mux, r)
			require.Equal(t, http.StatusUnauthorized, w.Code)
			require.Equal(t, "not signed\n", w.Body.String(), "the same for everybody")
			if seconds, err := strconv.ParseInt(at, 10, 64); err == nil {
				would := strings.TrimPrefix(sign(body, secret, seconds), "v0=")
				require.NotContains(t, w.Body.String(), would)
				for _, all := range w.Header() {
					require.NotContains(t, strings.Join(all, ""), would)
				}
				require.NotContains(t, h.log.String(), would)
			}
			time.Sleep(2 * time.Minute / time.Duration(len(body))) // of the bubble: it is logged more than once
		}
		for i := range body {
			try(body[:i]+string(body[i]^1)+body[i+1:], at, signature)
		}
		for i := range at {
			try(body, at[:i]+string(at[i]^1)+at[i+1:], signature)
		}
		for i := range signature {
			try(body, at, signature[:i]+string(signature[i]^1)+signature[i+1:])
		}
		try(body+" ", at, signature)
		try(body[1:], at, signature)
		require.Zero(t, h.desk.told())
		require.NotContains(t, h.log.String(), secret)
		require.Contains(t, h.log.String(), "told once a minute")

		require.Equal(t, http.StatusOK, send(mux, right).Code, "as it was sent, it counts")
		require.Equal(t, 1, h.desk.told())
	})
}

func TestSignatures(t *testing.T) {
	body := file(t, "slash_command.form")
	old := "the secret that is going"
	set := func(key, value string) func(*http.Request, int64) {
		return func(r *http.Request, _ int64) { r.Header.Set(key, value) }
	}
	at := func(ago time.Duration, key string) func(*http.Request, int64) {
		return func(r *http.Request, now int64) {
			then := now - int64(ago/time.Second)
			r.Header.Set("X-Slack-Request-Timestamp", strconv.FormatInt(then, 10))
			r.Header.Set("X-Slack-Signature", sign(body, key, then))
		}
	}
	for name, tc := range map[string]struct {
		change func(*http.Request, int64)
		status int
	}{
		"current secret":    {at(0, secret), 200},
		"old secret":        {at(0, old), 200},
		"another secret":    {at(0, "another"), 401},
		"no secret":         {at(0, ""), 401},
		"almost too old":    {at(5*time.Minute, secret), 200},
		"too old":           {at(5*time.Minute+time.Second, secret), 401},
		"almost too new":    {at(-5*time.Minute, secret), 200},
		"too new":           {at(-5*time.Minute-time.Second, secret), 401},
		"of the year 2286":  {at(-300000*time.Hour, secret), 401},
		"before this began": {at(2*time.Minute, secret), 401},
		"no signature":      {set("X-Slack-Signature", ""), 401},
		"no time":           {set("X-Slack-Request-Timestamp", ""), 401},
		"another version": {func(r *http.Request, _ int64) {
			r.Header["X-Slack-Signature"][0] = "v1" + r.Header["X-Slack-Signature"][0][2:]
		}, 401},
		"no version": {func(r *http.Request, _ int64) {
			r.Header["X-Slack-Signature"][0] = r.Header["X-Slack-Signature"][0][3:]
		}, 401},
		"cut": {func(r *http.Request, _ int64) {
			r.Header["X-Slack-Signature"][0] = r.Header["X-Slack-Signature"][0][:65]
		}, 401},
		"in capitals": {func(r *http.Request, _ int64) {
			r.Header["X-Slack-Signature"][0] = "v0=" + strings.ToUpper(r.Header["X-Slack-Signature"][0][3:])
		}, 401},
		"two signatures":           {func(r *http.Request, _ int64) { r.Header.Add("X-Slack-Signature", "v0=00") }, 401},
		"two times":                {func(r *http.Request, _ int64) { r.Header.Add("X-Slack-Request-Timestamp", "0") }, 401},
		"the time is no number":    {set("X-Slack-Request-Timestamp", "now"), 401},
		"the time is out of range": {set("X-Slack-Request-Timestamp", "99999999999999999999"), 401},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := build(t, nil)
				mux := h.mux(t, secret, old, "")
				switch name {
				case "before this began":
				default:
					time.Sleep(10 * time.Minute) // of the bubble: so long it has been up
				}
				r := request(receive.PathCommands, body)
				tc.change(r, time.Now().Unix())
				w := send(mux, r)
				require.Equal(t, tc.status, w.Code, "%s", h.log)
				require.Equal(t, tc.status == 200, h.desk.told() == 1)
			})
		})
	}
}

// The example that Slack publishes, at its time. Its body is of a time before commands named their app,
// so it is understood to be signed, and then not understood.
// https://docs.slack.dev/authentication/verifying-requests-from-slack
func TestPublishedExample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at = 1531420618
		time.Sleep(time.Until(time.Unix(at-60, 0)))
		mux := build(t, nil).mux(t)
		time.Sleep(time.Minute)
		body := "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
		r := request(receive.PathCommands, body)
		r.Header.Set("X-Slack-Request-Timestamp", strconv.Itoa(at))
		r.Header.Set("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503")
		require.Equal(t, http.StatusBadRequest, send(mux, r).Code)
	})
}

func TestSecrets(t *testing.T) {
	h := build(t, nil)
	for name, secrets := range map[string][]string{"none": nil, "empty": {"", ""}, "three": {"a", "b", "c"}} {
		_, err := h.HTTP(receive.HTTPOptions{Secrets: secrets})
		require.ErrorContains(t, err, "want the signing secret", name)
	}
}

// A request that is sent again does not count, for as long as its signature would, be it after a
// restart or at another replica.
func TestReplay(t *testing.T) {
	for name, later := range map[string]time.Duration{"at once": 0, "1 s": time.Second, "4 min": 4 * time.Minute, "9 min": 9 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := receive.NewMemory(0)
				share := func(c *receive.Config) { c.Seen = memory }
				here, there := build(t, share), build(t, share)
				mux, other := here.mux(t), there.mux(t)
				// Slack's clock is ahead, so that it would count for nine minutes and more.
				time.Sleep(time.Second)
				body := form(file(t, "block_actions_message.json"))
				at := time.Now().Add(4*time.Minute + 59*time.Second).Unix()
				again := func() *http.Request {
					r := request(receive.PathInteractions, body)
					r.Header.Set("X-Slack-Request-Timestamp", strconv.FormatInt(at, 10))
					r.Header.Set("X-Slack-Signature", sign(body, secret, at))
					return r
				}
				require.Equal(t, 200, send(mux, again()).Code)
				time.Sleep(later)
				require.Equal(t, 401, send(mux, again()).Code)
				require.Contains(t, here.log.String(), "came before")
				require.Equal(t, 401, send(other, again()).Code, "at another replica")
				require.Equal(t, 1, here.desk.told())
				require.Zero(t, there.desk.told())
			})
		})
	}
	t.Run("after a restart", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := build(t, nil)
			body := file(t, "slash_command.form")
			r, same := request(receive.PathCommands, body), request(receive.PathCommands, body)
			require.Equal(t, 200, send(h.mux(t), r).Code)
			time.Sleep(time.Second)
			after := build(t, nil)
			require.Equal(t, 401, send(after.mux(t), same).Code)
			require.Contains(t, after.log.String(), "before this gateway began")
		})
	})
}

// What cannot be remembered is not taken.
func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t, func(c *receive.Config) { c.Seen = receive.NewMemory(2) })
		mux := h.mux(t)
		press := func() int {
			time.Sleep(time.Second)
			return send(mux, request(receive.PathCommands, file(t, "slash_command.form"))).Code
		}
		require.Equal(t, 200, press())
		require.Equal(t, 200, press())
		require.Equal(t, 503, press(), "to forget one would let it in again")
		require.Contains(t, h.log.String(), "is full")
		time.Sleep(10 * time.Minute)
		require.Equal(t, 200, press(), "what does not count any more is forgotten")
		require.Equal(t, 3, h.desk.told())
	})
}
