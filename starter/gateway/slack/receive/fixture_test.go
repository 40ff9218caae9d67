package receive_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
)

const secret = "8f742231b10e8888abcd99yyyzzz85a5"

// desk is a handler that keeps what it is handed, and says what it is told to.
type desk struct {
	mu        sync.Mutex
	clicks    []receive.Click
	forms     []receive.Submission
	commands  []receive.Command
	opened    []receive.Opened
	reply     receive.Reply
	formReply receive.FormReply
	first     func(context.Context) // what each method does first
}

func (d *desk) note(ctx context.Context, f func()) {
	d.mu.Lock()
	f()
	d.mu.Unlock()
	if d.first != nil {
		d.first(ctx)
	}
}

func (d *desk) Click(ctx context.Context, c receive.Click) receive.Reply {
	d.note(ctx, func() { d.clicks = append(d.clicks, c) })
	return d.reply
}

func (d *desk) Submit(ctx context.Context, s receive.Submission) receive.FormReply {
	d.note(ctx, func() { d.forms = append(d.forms, s) })
	return d.formReply
}

func (d *desk) Command(ctx context.Context, c receive.Command) receive.Reply {
	d.note(ctx, func() { d.commands = append(d.commands, c) })
	return d.reply
}

func (d *desk) Opened(ctx context.Context, o receive.Opened) {
	d.note(ctx, func() { d.opened = append(d.opened, o) })
}

// told is how often the desk was asked anything.
func (d *desk) told() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.clicks) + len(d.forms) + len(d.commands) + len(d.opened)
}

// whispers keeps what people were told alone.
type whispers struct {
	mu   sync.Mutex
	said []string
	err  error
}

func (w *whispers) Private(_ context.Context, to receive.From, r receive.Reply) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, to.User+": "+r.Private)
	return w.err
}

func (w *whispers) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.said...)
}

// logged is a log that tests read.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// house is an intake with all that it leads to.
type house struct {
	*receive.Intake

	desk     *desk
	whispers *whispers
	log      *logged
}

func build(t *testing.T, change func(*receive.Config)) *house {
	t.Helper()
	h := &house{desk: &desk{}, whispers: &whispers{}, log: &logged{}}
	c := receive.Config{
		App: "A0123", Team: "T0123", Private: h.whispers,
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&c)
	}
	in, err := receive.New(h.desk, c)
	require.NoError(t, err)
	h.Intake = in
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, in.Wait(ctx))
	})
	return h
}

// mux is the house's way in over HTTP.
func (h *house) mux(t *testing.T, secrets ...string) *http.ServeMux {
	t.Helper()
	if secrets == nil {
		secrets = []string{secret}
	}
	way, err := h.HTTP(receive.HTTPOptions{Secrets: secrets})
	require.NoError(t, err)
	mux := http.NewServeMux()
	way.Mount(mux)
	return mux
}

func file(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(raw)
}

// form is the body of an interaction.
func form(payload string) string { return url.Values{"payload": {payload}}.Encode() }

func sign(body, key string, at int64) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "v0:%d:%s", at, body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

const formType = "application/x-www-form-urlencoded"

// request is signed as Slack signs, now.
func request(path, body string) *http.Request {
	at := time.Now().Unix()
	kind := formType
	if path == receive.PathEvents {
		kind = "application/json"
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-Slack-Request-Timestamp", strconv.FormatInt(at, 10))
	r.Header.Set("X-Slack-Signature", sign(body, secret, at))
	return r
}

func send(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
