package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/policy"
)

// house is a gateway whose runs do not exist.
type house struct {
	server.Options

	signer grant.Signer
	ledger *ledger.Ledger
	people string
}

type everyRun = desk.Runs

type noRuns struct{ everyRun }

func (noRuns) Status(context.Context, string) (*workflows.Status, error) {
	return nil, workflows.ErrNoRun
}
func (noRuns) Deliver(context.Context, event.Event) (bool, error) { return true, nil }

func build(t *testing.T) *house {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	pem, err := grant.NewKey(true)
	require.NoError(t, err)
	h := &house{ledger: ledgertest.Open(t), people: "groups: {oncall: [alice@example.com]}\nsources: [ci]"}
	h.signer, err = grant.ParseSigner(pem, true)
	require.NoError(t, err)
	d, err := desk.New(desk.Options{
		Signer: h.signer, Ledger: h.ledger, Runs: noRuns{},
		Directory: func() (directory.Directory, error) { return directory.Parse([]byte(h.people)) },
		Policy:    func() (desk.Policy, error) { return policy.Default(), nil },
		Library:   func() (*library.Library, error) { return &library.Library{}, nil },
	})
	require.NoError(t, err)
	h.Options = server.Options{Desk: d, Auth: &server.Auth{Keys: h.signer.Keys(), Ledger: h.ledger, Audience: grant.Gateway}}
	return h
}

func (h *house) token(t *testing.T, person string) string {
	t.Helper()
	text, err := server.Issue(t.Context(), h.signer, h.ledger, grant.NewToken(person, grant.Gateway, time.Now(), time.Hour), "operator")
	require.NoError(t, err)
	return text
}

// serve answers on a loopback address until the test ends.
func (h *house) serve(t *testing.T) string {
	t.Helper()
	s, err := server.New(h.Options, server.Listen{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return s.URL()
}

// Whoever has no token that counts learns nothing, and nothing is read of what is sent.
func TestTokens(t *testing.T) {
	h := build(t)
	now := time.Now()
	good := h.token(t, "alice@example.com")
	revoked := grant.NewToken("alice@example.com", grant.Gateway, now, time.Hour)
	text, err := server.Issue(t.Context(), h.signer, h.ledger, revoked, "operator")
	require.NoError(t, err)
	_, err = server.Revoke(t.Context(), h.ledger, "none", "operator")
	require.ErrorIs(t, err, grant.ErrToken)
	person, err := server.Revoke(t.Context(), h.ledger, revoked.ID, "operator")
	require.NoError(t, err)
	require.Equal(t, "alice@example.com", person)
	elsewhere, err := server.Issue(t.Context(), h.signer, h.ledger, grant.NewToken("alice@example.com", grant.LocalGateway, now, time.Hour), "operator")
	require.NoError(t, err)
	unissued, err := h.signer.Token(grant.NewToken("alice@example.com", grant.Gateway, now, time.Hour))
	require.NoError(t, err)
	handler := server.Handler(h.Options)
	for name, tc := range map[string]struct {
		header string
		status int
	}{
		"good":       {"Bearer " + good, 200},
		"none":       {"", 401},
		"no bearer":  {good, 401},
		"basic":      {"Basic " + good, 401},
		"cut":        {"Bearer " + good[:len(good)-2], 401},
		"revoked":    {"Bearer " + text, 401},
		"elsewhere":  {"Bearer " + elsewhere, 401},
		"not issued": {"Bearer " + unissued, 401},
	} {
		request := httptest.NewRequest(http.MethodGet, "/v1/switch", http.NoBody)
		if tc.header != "" {
			request.Header.Set("Authorization", tc.header)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request)
		require.Equal(t, tc.status, w.Code, "%s: %s", name, w.Body)
		if tc.status != 200 {
			require.NotContains(t, w.Body.String(), good[10:])
		}
	}
}

func TestBodies(t *testing.T) {
	h := build(t)
	url, token := h.serve(t), h.token(t, "alice@example.com")
	for name, tc := range map[string]struct {
		path, kind, body string
		status           int
		says             string
	}{
		"good":            {"/v1/halt", "application/json", `{"reason":"smoke"}`, 200, `"halted":true`},
		"an order":        {"/v1/schedules/orders", "application/json", `{"playbook":"keys"}`, 409, `no playbook \"keys\"`},
		"with a charset":  {"/v1/halt", "application/json; charset=utf-8", `{"reason":"smoke"}`, 200, ""},
		"no type":         {"/v1/halt", "", `{"reason":"smoke"}`, 400, "Content-Type"},
		"a form":          {"/v1/halt", "application/x-www-form-urlencoded", `reason=smoke`, 400, "Content-Type"},
		"text":            {"/v1/halt", "text/plain", `{"reason":"smoke"}`, 400, "Content-Type"},
		"unknown":         {"/v1/halt", "application/json", `{"reason":"smoke","by":"bob"}`, 400, `unknown field \"by\"`},
		"two":             {"/v1/halt", "application/json", `{"reason":"smoke"}{}`, 400, "read the request"},
		"large":           {"/v1/halt", "application/json", `{"reason":"` + strings.Repeat("x", 70<<10) + `"}`, 400, "too large"},
		"no reason":       {"/v1/halt", "application/json", `{}`, 409, "takes a reason"},
		"no run":          {"/v1/runs/a%2Fb/votes", "application/json", `{"approval":"x","digest":"y","verdict":"approve"}`, 404, "no such run"},
		"an event":        {"/v1/events", "application/cloudevents+json", `{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-11-20T21:14:00Z","data":{}}`, 200, `"waited":true`},
		"no event":        {"/v1/events", "application/json", `{"x":1}`, 400, "unknown shape"},
		"no such path":    {"/v1/run", "application/json", `{}`, 404, `"code":"bad_request"`},
		"no such method":  {"/v1/switch", "application/json", `{}`, 404, "there is no such request"},
		"another's words": {"/v1/runs/a%2Fb/votes", "application/json", `{"person":"bob"}`, 400, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+tc.path, strings.NewReader(tc.body))
			require.NoError(t, err)
			request.Header.Set("Authorization", "Bearer "+token)
			request.Header.Set("Content-Type", tc.kind)
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			raw, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, tc.status, response.StatusCode, "%s", raw)
			require.Contains(t, string(raw), tc.says)
		})
	}
}

// A page in a browser that has its name lead to the loopback address is not heard.
func TestHost(t *testing.T) {
	h := build(t)
	url, token := h.serve(t), h.token(t, "alice@example.com")
	for host, status := range map[string]int{"": 200, "localhost": 200, "[::1]:80": 200, "evil.example.com": 421, "127.0.0.1.example.com": 421} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/switch", http.NoBody)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token)
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, status, response.StatusCode, host)
	}
}

func TestListen(t *testing.T) {
	h := build(t)
	_, err := server.New(h.Options, server.Listen{Address: "0.0.0.0:0"})
	require.ErrorContains(t, err, "it takes TLS")
	_, err = server.New(h.Options, server.Listen{Address: "127.0.0.1:0", Cert: "none.pem", Key: "none.pem"})
	require.ErrorContains(t, err, "read the certificate")
	_, err = server.New(h.Options, server.Listen{Address: "nowhere"})
	require.ErrorContains(t, err, "listen on nowhere")
}

// The client gives back the errors that the desk returns, and what it is told.
func TestClient(t *testing.T) {
	h := build(t)
	url := h.serve(t)
	alice := server.Client{URL: url, Token: h.token(t, "alice@example.com")}
	source := server.Client{URL: url, Token: h.token(t, "ci")}
	ctx := t.Context()

	_, err := server.Client{URL: url, Token: "x"}.Switch(ctx)
	require.ErrorIs(t, err, server.ErrUnauthorized)
	_, err = server.Client{URL: "http://127.0.0.1:1", Token: "x"}.Switch(ctx)
	require.ErrorIs(t, err, server.ErrUnreachable)
	_, err = alice.Vote(ctx, "a/b", desk.Vote{Verdict: approval.Approve})
	require.ErrorIs(t, err, workflows.ErrNoRun)
	_, err = source.Halt(ctx, "smoke")
	require.ErrorIs(t, err, desk.ErrForbidden)
	_, err = alice.Resume(ctx, "")
	require.ErrorIs(t, err, approval.ErrRefused)

	_, err = alice.Halt(ctx, "smoke")
	require.NoError(t, err)
	now, err := alice.Switch(ctx)
	require.NoError(t, err)
	require.True(t, now.Halted)
	require.Equal(t, "alice@example.com", now.By)
	now, err = alice.Resume(ctx, "it was toast")
	require.NoError(t, err)
	require.False(t, now.Halted)
	waited, err := alice.Deliver(ctx, event.Event{ID: "1", Source: "s", Type: "t", Time: time.Now(), Data: []byte(`{}`)})
	require.NoError(t, err)
	require.True(t, waited)
	open, err := alice.Reviews(ctx)
	require.NoError(t, err)
	require.Empty(t, open)
	require.ErrorIs(t, alice.CloseReview(ctx, "a/b", "seen"), approval.ErrRefused)

	h.people = "groups: {oncall: [bob@example.com]}"
	_, err = alice.Halt(ctx, "smoke")
	require.ErrorIs(t, err, desk.ErrForbidden, "who has left may do nothing")
}
