package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows"
)

// slackPeople are people.yaml's, as a workspace of the stand-in knows them.
const slackPeople = `
people:
  alice: {name: Alice Ames, email: alice@example.com, slack: U0ALICE}
  bob: {name: Bob Burns, email: bob@example.com, slack: U0BOB}
  carol: {name: Carol Cruz, email: carol@example.com, slack: U0CAROL}
groups:
  secops-oncall: [alice, bob]
`

const secops = "C0SECOPS"

// workspace is a deployment that asks in a stand-in for Slack.
type workspace struct {
	*standin.Server

	t     testing.TB
	d     *deployment
	state string
}

// inSlack starts both. Clicks arrive over Socket Mode, or over HTTP.
func inSlack(t testing.TB, overHTTP bool) *workspace {
	t.Helper()
	w := &workspace{t: t, state: t.TempDir()}
	gate := &sender{}
	sample := standin.Sample()
	if overHTTP {
		sample.RequestURL, sample.HTTP = "http://gateway.example.com", &http.Client{Transport: gate}
		t.Setenv(slack.EnvSigning, standin.SampleSecret)
	} else {
		t.Setenv(slack.EnvApp, standin.SampleAppToken)
	}
	w.Server = standin.New(sample)
	t.Cleanup(w.Close)
	api, err := w.Listen()
	require.NoError(t, err)
	t.Setenv(slack.EnvAPI, api)
	t.Setenv(slack.EnvBot, standin.SampleBotToken)
	t.Setenv(envChannel, secops)
	o := options{state: w.state, directory: filepath.Join(w.state, "people.yaml")}
	require.NoError(t, os.WriteFile(o.directory, []byte(slackPeople), 0o600))
	o.chat, err = o.readChat()
	require.NoError(t, err)
	w.d, err = deploy(t.Context(), o, nil)
	require.NoError(t, err)
	t.Cleanup(w.d.stop)
	gate.to.Store(&w.d.gateway)
	plan, err := o.plan()
	require.NoError(t, err)
	w.wait("a way in", func() bool { return overHTTP || w.Sockets() > 0 })
	_, _, err = plan.send(t.Context(), w.d)
	require.NoError(t, err)
	return w
}

// sender brings what the stand-in delivers to the gateway, which has a path for each kind.
type sender struct{ to atomic.Pointer[string] }

func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	path := "/slack/events"
	if values, err := url.ParseQuery(string(body)); err == nil && values.Has("payload") {
		path = "/slack/interactions"
	} else if err == nil && values.Has("command") {
		path = "/slack/commands"
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, *s.to.Load()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	again.Header = r.Header
	return http.DefaultTransport.RoundTrip(again)
}

// wait waits until something holds in the workspace.
func (w *workspace) wait(what string, holds func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Wait(ctx, holds); err != nil {
		var seen []string
		for _, m := range w.Messages(secops) {
			seen = append(seen, w.Plain(m))
		}
		w.t.Fatalf("no %s:\n%s", what, strings.Join(seen, "\n---\n"))
	}
}

// card waits for the card that asks, with a button to approve.
func (w *workspace) card() standin.Message {
	w.t.Helper()
	var card standin.Message
	w.wait("card", func() bool {
		for _, m := range w.Messages(secops) {
			if slices.ContainsFunc(m.Buttons(), func(b standin.Button) bool { return b.Action == blocks.ActApprove }) {
				card = m
				return true
			}
		}
		return false
	})
	require.Eventually(w.t, func() bool { // only then it takes clicks
		return slices.ContainsFunc(bodies[ledger.MessageBody](w.t, w.d.desk.Ledger, ledger.Message), func(m ledger.MessageBody) bool { return m.TS == card.TS })
	}, 10*time.Second, 5*time.Millisecond)
	return card
}

// bodies are those of all records of a kind.
func bodies[T any](t testing.TB, l *ledger.Ledger, kind ledger.Kind) (all []T) {
	t.Helper()
	require.NoError(t, l.View(t.Context(), func(tx ledger.Tx) error {
		records, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{kind}})
		for _, r := range records {
			var body T
			require.NoError(t, json.Unmarshal(r.Body, &body))
			all = append(all, body)
		}
		return err
	}))
	return all
}

// says waits until a message says something.
func (w *workspace) says(ts, text string) standin.Message {
	w.t.Helper()
	var last standin.Message
	w.wait(text, func() bool {
		last, _ = w.Message(secops, ts)
		return strings.Contains(w.Plain(last), text)
	})
	return last
}

// started is when the first activity after the decision was started.
func (w *workspace) started(run string) time.Time {
	w.t.Helper()
	events := w.d.runs.Temporal.GetWorkflowHistory(w.t.Context(), run, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	decided := false
	for events.HasNext() {
		ev, err := events.Next()
		require.NoError(w.t, err)
		switch ev.EventType { //nolint:exhaustive // two of many
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			decided = true
		case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			if decided {
				return ev.EventTime.AsTime()
			}
		}
	}
	w.t.Fatal("no activity was started after the decision")
	return time.Time{}
}

func bothWays(t *testing.T, do func(*testing.T, *workspace)) {
	for name, overHTTP := range map[string]bool{"socket": false, "http": true} {
		t.Run(name, func(t *testing.T) { do(t, inSlack(t, overHTTP)) })
	}
}

// The whole first playbook, as a responder sees it: a card, a click, what came of it, and the record.
func TestApprovedInSlack(t *testing.T) {
	bothWays(t, func(t *testing.T, w *workspace) {
		card := w.card()
		for _, shown := range []string{"Disable the access key", "111122223333", "ci-deployer", "secops-oncall"} {
			require.Contains(t, w.Plain(card), shown)
		}
		require.NotEmpty(t, card.Text)
		require.Empty(t, w.d.aws.Mutations())

		got, err := w.Press("U0CAROL", secops, card.TS, blocks.ActApprove)
		require.NoError(t, err)
		require.True(t, got.Acked)
		w.wait("word to carol", func() bool { return len(w.Ephemeral("U0CAROL")) > 0 })
		require.Contains(t, w.Plain(w.Ephemeral("U0CAROL")[0]), "carol is not among those who may answer")

		got, err = w.Press("U0ALICE", secops, card.TS, blocks.ActApprove)
		require.NoError(t, err)
		require.True(t, got.Acked)
		status := until(t, w.d, sampleRun, func(s *workflows.Status) bool { return s.State.Over() })
		require.Equal(t, workflows.Done, status.State, status.Error)
		done := w.says(card.TS, "contained")
		require.False(t, slices.ContainsFunc(done.Buttons(), func(b standin.Button) bool { return b.Action == blocks.ActApprove }), "the buttons are gone")
		require.Len(t, w.Messages(secops), 1, "one card, kept true")
		require.NotEmpty(t, w.Thread(secops, card.TS), "steps are told below it")

		votes := bodies[ledger.VoteBody](w.t, w.d.desk.Ledger, ledger.Vote)
		require.Len(t, votes, 1)
		require.Equal(t, "alice", votes[0].Person)
		require.Equal(t, "slack", votes[0].Surface)
		require.Contains(t, votes[0].Via, "U0ALICE")
		require.Contains(t, votes[0].Via, card.TS)
	})
}

// What is decided at the command line, the card tells within a moment.
func TestDecidedElsewhere(t *testing.T) {
	w := inSlack(t, false)
	card := w.card()
	code, _, talk := starter(t, w.d, "reject", sampleRun, "--as", "bob@example.com", "--reason", "a planned test")
	require.Zero(t, code, talk)
	after := w.says(card.TS, "a planned test")
	require.Empty(t, slices.DeleteFunc(after.Buttons(), func(b standin.Button) bool { return b.Action == blocks.ActDetails }))
	require.Empty(t, w.d.aws.Mutations())
}

// Tokens without a place, and a place without tokens, are told before anything starts.
func TestSlackHalfSetUp(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		args []string
		says string
	}{
		"no channel":    {map[string]string{slack.EnvBot: "xoxb-1", slack.EnvApp: "xapp-1"}, nil, "$SLACK_CHANNEL"},
		"no tokens":     {nil, []string{"--slack", "slack.yaml"}, "$SLACK_BOT_TOKEN"},
		"another token": {map[string]string{slack.EnvBot: "xoxp-very-secret"}, nil, "begins with xoxb-"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			state := filepath.Join(t.TempDir(), "state")
			code, _, talk := local(t, append([]string{"--state", state, "--once"}, tc.args...)...)
			require.NotZero(t, code)
			require.Contains(t, talk, tc.says)
			require.NotContains(t, talk, "very-secret")
			require.NoDirExists(t, state)
		})
	}
}

// BenchmarkClick measures from a click in Slack to the start of the first activity that it permits, on
// a deployment of its own each time.
func BenchmarkClick(b *testing.B) {
	for name, overHTTP := range map[string]bool{"socket": false, "http": true} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				w := inSlack(b, overHTTP)
				card := w.card()
				clicked := time.Now()
				_, err := w.Press("U0ALICE", secops, card.TS, blocks.ActApprove)
				require.NoError(b, err)
				w.says(card.TS, "contained")
				took = append(took, w.started(sampleRun).Sub(clicked))
				w.d.stop()
				w.d.stops = nil
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}
