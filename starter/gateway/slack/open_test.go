package slack_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/library"
)

// env is an environment.
func env(all map[string]string) func(string) string {
	return func(name string) string { return all[name] }
}

func TestReadTokens(t *testing.T) {
	for name, tc := range map[string]struct {
		env   map[string]string
		wants []string // in the error; none: it is fine
		given string
	}{
		"nothing":       {env: nil},
		"all":           {env: map[string]string{slack.EnvBot: "xoxb-1-verysecret", slack.EnvApp: "xapp-1-verysecret", slack.EnvSigning: "0123verysecret"}, given: "$SLACK_APP_TOKEN $SLACK_BOT_TOKEN $SLACK_SIGNING_SECRET"},
		"another token": {env: map[string]string{slack.EnvBot: "xoxp-1-verysecret", slack.EnvApp: "xoxb-1-verysecret"}, wants: []string{"$SLACK_BOT_TOKEN is no token of a bot", "$SLACK_APP_TOKEN is no token of an app"}},
		"old alone":     {env: map[string]string{slack.EnvSigningOld: "0123verysecret"}, wants: []string{"without $SLACK_SIGNING_SECRET"}},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := slack.ReadTokens(env(tc.env))
			if len(tc.wants) == 0 {
				require.NoError(t, err)
				require.Equal(t, tc.given, strings.Join(tokens.Given(), " "))
				return
			}
			for _, want := range tc.wants {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "verysecret")
		})
	}
}

// setup is what opens a front to the office's stand-in.
func (o *office) setup(tokens map[string]string) slack.Setup {
	o.t.Helper()
	file := filepath.Join(o.t.TempDir(), "slack.yaml")
	require.NoError(o.t, os.WriteFile(file, []byte(o.routes), 0o600))
	tokens[slack.EnvAPI] = o.api
	read, err := slack.ReadTokens(env(tokens))
	require.NoError(o.t, err)
	return slack.Setup{
		File: file, Tokens: read, Desk: o.Desk, Ledger: o.ledger, Runs: fakeRuns{o}, Directory: o.directory,
		Library: func() (*library.Library, error) { return shipped(), nil },
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	o := open(t)
	for name, tc := range map[string]struct {
		tokens map[string]string
		routes string
		want   string
	}{
		"no token to post": {map[string]string{slack.EnvApp: standin.SampleAppToken}, routes, "set $SLACK_BOT_TOKEN"},
		"no way in":        {map[string]string{slack.EnvBot: standin.SampleBotToken}, routes, "without one of them no click arrives"},
		"a mistake":        {map[string]string{slack.EnvBot: standin.SampleBotToken, slack.EnvApp: standin.SampleAppToken}, routes + "  - {name: a, stage: prod, channel: C0SECOPS, mention: [nobody]}\n", `no group "nobody"`},
	} {
		t.Run(name, func(t *testing.T) {
			o.routes = tc.routes
			_, err := slack.Open(o.setup(tc.tokens))
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), standin.SampleBotToken)
		})
	}
}

// Opened of a file and tokens it serves over HTTP and over Socket Mode, and says whether it is ready.
func TestOpen(t *testing.T) {
	for name, tokens := range map[string]map[string]string{
		"socket": {slack.EnvBot: standin.SampleBotToken, slack.EnvApp: standin.SampleAppToken},
		"http":   {slack.EnvBot: standin.SampleBotToken, slack.EnvSigning: standin.SampleSecret, slack.EnvSigningOld: "older-secret"},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			defer server.Close()
			o := open(t, func(s *standin.Options) { s.RequestURL = server.URL + receive.PathInteractions })
			f, err := slack.Open(o.setup(tokens))
			require.NoError(t, err)
			f.Mount(mux)
			o.Notifier = f
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- f.Run(ctx) }()
			o.until(func() bool { return f.Ready(ctx) == nil })
			o.asks()
			m := o.card(secops)
			o.until(func() bool { // what is signed with the second in which this process began does not count
				got, err := o.slack.Press("U0ALICE", m.Channel, m.TS, blocks.ActApprove)
				require.NoError(t, err)
				return got.Acked
			})
			o.reads(m, "Approved, running")
			require.Empty(t, f.Trouble())
			stop()
			require.NoError(t, <-ended)
		})
	}
}

// A token of another app, or none that counts, is said to the operator.
func TestOpenNotReady(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.routes = strings.Replace(routes, "T0TEAM", "T0ANOTHER", 1)
	f, err := slack.Open(o.setup(map[string]string{slack.EnvBot: standin.SampleBotToken, slack.EnvSigning: standin.SampleSecret}))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	o.until(func() bool { err := f.Ready(ctx); return err != nil && strings.Contains(err.Error(), "T0ANOTHER") })
	stop()
	require.NoError(t, <-ended)
}
