package redteam

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/logs"
	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/starter/gateway/server"
)

// gate is the gateway's HTTP API in front of the desk of a world, and the commands beside it.
type gate struct {
	*world

	at     string            // its URL
	tokens map[string]string // by person
	said   buffer            // every answer, as it came
}

// openGate lets people and sources in by tokens.
func (w *world) openGate() *gate {
	w.Helper()
	g := &gate{world: w, tokens: map[string]string{}}
	for _, person := range []string{"alice", "bob", "carol", "pipeline"} {
		text, err := server.Issue(w.Context(), w.signer, w.ledger, grant.NewToken(person, grant.Gateway, time.Now(), time.Hour), "operator")
		require.NoError(w, err)
		g.tokens[person] = text
	}
	log := logs.New(w.logs)
	s, err := server.New(server.Options{
		Desk: w.desk, Log: log, Auth: &server.Auth{Keys: w.signer.Keys(), Ledger: w.ledger, Audience: grant.Gateway},
	}, server.Listen{Address: "127.0.0.1:0"})
	require.NoError(w, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	w.Cleanup(func() {
		cancel()
		require.NoError(w, <-ended)
	})
	g.at = s.URL()
	return g
}

// ask makes one request as somebody, and returns what came.
func (g *gate) ask(person, method, path, body string) (status int, text string) {
	g.Helper()
	request, err := http.NewRequestWithContext(g.Context(), method, g.at+path, strings.NewReader(body))
	require.NoError(g, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+g.tokens[person])
	response, err := http.DefaultClient.Do(request)
	require.NoError(g, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(g, err)
	_, _ = g.said.Write(append(raw, '\n'))
	return response.StatusCode, string(raw)
}

// ofRun is a path below a run.
func ofRun(run, what string) string { return "/v1/runs/" + url.PathEscape(run) + "/" + what }

// printed is what a command wrote.
type printed struct {
	out, err string
	code     int
}

// starter runs a command of the starter in this world.
func (g *gate) starter(args ...string) printed {
	g.Helper()
	var p printed
	var out, errs bytes.Buffer
	p.code = cli.Main(g.Context(), append(args, "--address", g.address), cli.Streams{
		In: strings.NewReader(""), Out: &out, Err: &errs, Env: append(os.Environ(), "COUNTERSIGN_LEDGER="+g.url),
	}, g.setting.extensions...)
	p.out, p.err = out.String(), errs.String()
	return p
}

// views are all commands that show a run, by what was called.
func (g *gate) views(run string) map[string]printed {
	g.Helper()
	out := map[string]printed{}
	for _, args := range [][]string{
		{"show", run}, {"show", "-o", "json", run}, {"approvals"}, {"approvals", "-o", "json"}, {"runs"}, {"runs", "-o", "json"},
		{"evidence", run}, {"evidence", "-o", "json", run}, {"evidence", "--status", "-o", "json", run}, {"ledger", "export"},
	} {
		out[strings.Join(args, " ")] = g.starter(args...)
	}
	return out
}
