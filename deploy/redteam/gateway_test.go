package redteam

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/workflows/approval"
)

// What somebody can do who reaches the gateway's port.

// serve runs the gateway by its command line, and returns where it answers.
func (w *world) serve() (url string) {
	w.Helper()
	private, err := grant.NewKey(false)
	require.NoError(w, err)
	w.write("production.key", string(private))
	w.signer, err = grant.LoadSigner(w.file("production.key"), false)
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan int, 1)
	logs := &buffer{}
	go func() {
		ended <- cli.Main(ctx, []string{
			"serve", "--key", w.file("production.key"), "--directory", w.file("people.yaml"), "--policy", w.file("policy.yaml"),
			"--ledger", w.url, "--address", w.address, "--listen", "127.0.0.1:0",
		}, cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: logs, Env: []string{"TEMPORAL_CONFIG_FILE=" + os.DevNull}})
	}()
	w.Cleanup(func() {
		cancel()
		require.Zero(w, <-ended, "%s", logs)
		require.NotRegexp(w, `cst_[\w-]{8}|PRIVATE KEY`, logs.String())
	})
	at := regexp.MustCompile(`"url":"(http://[^"]+)"`)
	require.Eventually(w, func() bool { return at.MatchString(logs.String()) }, longest, 20*time.Millisecond, "the gateway does not answer:\n%s", logs)
	return at.FindStringSubmatch(logs.String())[1]
}

// token is one of a person, on record as issued unless it is not.
func (w *world) token(signer grant.Signer, t grant.Token, issued bool) string {
	w.Helper()
	text, err := signer.Token(t)
	require.NoError(w, err)
	if issued {
		require.NoError(w, w.ledger.Do(w.Context(), func(tx ledger.Tx) error {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Token, Body: ledger.TokenBody{ID: t.ID, Person: t.Person, Issued: t.Issued, Expires: t.Expires}})
			return err
		}))
	}
	return text
}

// send sends the sample event as the source does.
func (w *world) send(url, token string) {
	w.Helper()
	raw, err := os.ReadFile(sampleEvent)
	require.NoError(w, err)
	request, err := http.NewRequestWithContext(w.Context(), http.MethodPost, url+"/v1/events", bytes.NewReader(raw))
	require.NoError(w, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(w, err)
	require.NoError(w, answer.Body.Close())
	require.Equal(w, http.StatusOK, answer.StatusCode)
}

// post sends a vote as it could come from anywhere.
func post(t *testing.T, url string, r approval.Request, change func(*http.Request)) int {
	t.Helper()
	body, err := json.Marshal(vote(r, approval.Approve))
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/runs/"+strings.ReplaceAll(r.Run, "/", "%2F")+"/votes", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	change(request)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	require.NoError(t, err)
	require.NotRegexp(t, `cst_[\w-]{8}`, string(text), "an answer repeats no token")
	return answer.StatusCode
}

func forgesToken(t *testing.T) {
	w := newWorld(t)
	url := w.serve()
	now := time.Now()
	w.send(url, w.token(w.signer, grant.NewToken("pipeline", grant.Gateway, now, time.Hour), true))
	r := w.asked(sampleRun)
	alice := grant.NewToken("alice", grant.Gateway, now, time.Hour)
	with := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	good := w.token(w.signer, alice, true)
	gone := grant.NewToken("zoe", grant.Gateway, now, time.Hour)
	revoked := grant.NewToken("alice", grant.Gateway, now, time.Hour)
	revokedText := w.token(w.signer, revoked, true)
	require.NoError(t, w.ledger.Do(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Token, Body: ledger.TokenBody{ID: revoked.ID, Person: "alice", Revoked: true, By: "carol"}})
		return err
	}))
	for name, change := range map[string]func(*http.Request){
		"none":                 func(*http.Request) {},
		"another scheme":       func(r *http.Request) { r.SetBasicAuth("alice", good) },
		"two at once":          func(r *http.Request) { r.Header["Authorization"] = []string{"Bearer " + good, "Bearer " + good} },
		"in the address":       func(r *http.Request) { r.URL.RawQuery = "token=" + good },
		"no token":             with("alice"),
		"a stranger's":         with(w.token(stranger(t), grant.NewToken("alice", grant.Gateway, now, time.Hour), true)),
		"never issued":         with(w.token(w.signer, grant.NewToken("alice", grant.Gateway, now, time.Hour), false)),
		"revoked":              with(revokedText),
		"of yesterday":         with(w.token(w.signer, grant.NewToken("alice", grant.Gateway, now.Add(-48*time.Hour), time.Hour), true)),
		"for another gateway":  with(w.token(w.signer, grant.NewToken("alice", grant.LocalGateway, now, time.Hour), true)),
		"of nobody we know":    with(w.token(w.signer, gone, true)),
		"of a source":          with(w.token(w.signer, grant.NewToken("pipeline", grant.Gateway, now, time.Hour), true)),
		"of nobody asked":      with(w.token(w.signer, grant.NewToken("carol", grant.Gateway, now, time.Hour), true)),
		"changed in one place": with(good[:len(good)-6] + "AAAA" + good[len(good)-2:]),
		"a page's request": func(r *http.Request) {
			with(good)(r)
			r.Host = "evil.example.com"
		},
		"another content type": func(r *http.Request) {
			with(good)(r)
			r.Header.Set("Content-Type", "text/plain")
		},
	} {
		status := post(t, url, r, change)
		require.True(t, status >= 400 && status < 500, "%s: %d", name, status)
	}
	require.Empty(t, w.records(ledger.Vote, ledger.Decision))
	w.untouched()
	require.Equal(t, http.StatusOK, post(t, url, r, with(good)), "and the real one counts")
	require.Len(t, w.records(ledger.Decision), 1)
}
