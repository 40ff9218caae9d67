package redteam

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/practice"
)

var quiet = slog.New(slog.DiscardHandler)

const (
	killPolicy = "policy: kill\nrules:\n  - {name: rest, then: {approval: {groups: [oncall], quorum: 1}}}\n"
	killPeople = "people:\n  alice: {name: Alice, email: alice@example.com}\ngroups:\n  oncall: [alice]\n"
	// killPlaybook is one approved step; what it calls with what is put in.
	killPlaybook = `
playbook: kill
title: One effect
stage: run
triggers: [{event: test.kill, dedupe: event.id}]
steps:
  - id: ask
    approve: Do it?
    approvers: [oncall]
    expires: 10m
    steps:
      - id: act
        activity: %s
        with: %s
        retry: {times: 10, every: 1s, backoff: 1}
`
	// silence is after what time without a heartbeat a worker counts as lost: soon, and on a machine
	// that is busy with all the others not too soon.
	silence = 3 * time.Second
)

// A worker that is killed around an effect, wherever it is, leaves a run that another worker ends:
// nothing is changed twice, what the run got is what is on record, and the record is whole.
func TestKilledAroundAnEffect(t *testing.T) {
	server, err := devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := dial(server.Address())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	house := killHouse{dir: t.TempDir(), address: server.Address(), temporal: c, signer: grant.NewSigner(private)}
	public, err := house.signer.Public()
	require.NoError(t, err)
	for name, text := range map[string]string{"gateway.pub": string(public), "policy.yaml": killPolicy, "people.yaml": killPeople} {
		require.NoError(t, os.WriteFile(filepath.Join(house.dir, name), []byte(text), 0o600))
	}
	t.Run("at", func(t *testing.T) { // ends before the server does
		for _, e := range effects {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				smooth := e.smooth(t)
				require.NotEmpty(t, smooth)
				for _, at := range e.points() {
					t.Run(string(at), func(t *testing.T) {
						t.Parallel()
						house.kill(t, e, at, smooth)
					})
				}
			})
		}
	})
}

// points are where the worker dies around an effect. What the guard does before and after the call is the
// same for every effect, and is tried with those of one half; what the provider has done by then is not.
func (e effect) points() []point {
	if slices.ContainsFunc(coreEffects, func(core effect) bool { return core.name == e.name }) {
		return []point{beforeIntent, afterIntent, beforeCall, afterCall, afterOutcome, afterCompleted}
	}
	return []point{beforeCall, afterCall}
}

// killHouse is what all cases share.
type killHouse struct {
	dir, address string
	temporal     client.Client
	signer       grant.Signer
}

func (h killHouse) kill(t *testing.T, e effect, at point, smooth []string) {
	t.Helper()
	aws, err := standin.New(standin.Options{})
	require.NoError(t, err)
	input := e.arrange(t, aws)
	already := len(changed(aws))
	way := newRoad(t, aws, at, e.sent)
	url := ledgertest.SQLite(t)
	if os.Getenv("POSTGRES_URL") != "" {
		url = ledgertest.Postgres(t)
	}
	record := ledgertest.OpenURL(t, url)
	key := strings.ReplaceAll(e.name+":"+string(at), " ", "-")
	key = strings.ReplaceAll(key, ",", "")
	s := site{
		Temporal: h.address, Queue: key, AWS: way.URL, Ledger: url, Point: at,
		Directory: filepath.Join(h.dir, "people.yaml"), Policy: filepath.Join(h.dir, "policy.yaml"), Keys: filepath.Join(h.dir, "gateway.pub"),
	}

	first := s.start(t)
	run := h.begin(t, s, key, e.name, input)
	h.approve(t, s, run)
	select {
	case <-first.reached:
	case <-way.reached:
	case <-first.ended:
		t.Fatalf("the worker ended by itself:\n%s", first.said.String())
	case <-time.After(patience):
		t.Fatalf("the worker did not come %s", at)
	}
	first.kill(t)
	way.clear()

	s.Point = ""
	second, end, err := s.work(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		second.Stop()
		end()
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, h.temporal.GetWorkflow(ctx, run, "").Get(ctx, nil))

	require.Equal(t, smooth, changed(aws)[already:], "what changes when nothing goes wrong, and no more")
	h.onRecord(t, record, run, at, h.result(t, run, e.name))
}

// begin starts the run, as the gateway does.
func (h killHouse) begin(t *testing.T, s site, key, name, input string) string {
	t.Helper()
	catalog := workflows.Catalog(registryOf(s.AWS))
	for name, signature := range catalog.Activities {
		signature.Heartbeat = silence
		catalog.Activities[name] = signature
	}
	pb, problems := playbook.Compile("kill.yaml", fmt.Appendf(nil, killPlaybook, name, input), catalog)
	require.Empty(t, problems)
	in, err := workflows.NewInput(pb, event.Event{ID: key, Source: "test", Type: "test.kill", Time: time.Now(), Data: json.RawMessage(`{}`)}, nil)
	require.NoError(t, err)
	run := workflows.RunID(pb.Name, key)
	ticket, err := h.signer.Sign(grant.KindTicket, grant.Ticket{ID: grant.NewID(), Run: run, Playbook: pb.Name, Plan: pb.Digest(), Issued: time.Now()})
	require.NoError(t, err)
	started, err := workflows.Client{Temporal: h.temporal, TaskQueue: s.Queue}.Start(activities.WithTicket(t.Context(), &ticket), pb, key, in)
	require.NoError(t, err)
	require.Equal(t, run, started.Run)
	return run
}

// approve says yes to what the run asks, as the gateway does with alice's vote.
func (h killHouse) approve(t *testing.T, s site, run string) {
	t.Helper()
	runs := workflows.Client{Temporal: h.temporal, TaskQueue: s.Queue}
	var request approval.Request
	require.Eventually(t, func() bool {
		status, err := runs.Status(t.Context(), run)
		if err != nil || len(status.Approvals) == 0 {
			return false
		}
		request = status.Approvals[0].Request
		return true
	}, patience, 100*time.Millisecond, "the run asks nobody")

	now := time.Now()
	vote := approval.Vote{Approval: request.ID, Digest: request.Digest, Person: "alice", Verdict: approval.Approve, At: now, Surface: "cli"}
	g, err := practice.Grant(request, []approval.Vote{vote})
	require.NoError(t, err)
	g.Expires = now.Add(grant.Life)
	signed, err := h.signer.Sign(grant.KindGrant, g)
	require.NoError(t, err)
	standing, err := h.signer.Sign(grant.KindStanding, approval.Standing{
		Run: run, Execution: request.Execution, Approval: request.ID, Request: request.Digest, Votes: []approval.Vote{vote},
		Decision: &approval.Decision{Outcome: approval.Approved, By: []string{"alice"}, At: now}, Grant: &signed,
	})
	require.NoError(t, err)
	_, err = runs.Decide(t.Context(), run, standing)
	require.NoError(t, err)
}

// result is what the run got for its step.
func (h killHouse) result(t *testing.T, run, activity string) json.RawMessage {
	t.Helper()
	scheduled := int64(0)
	for events := h.temporal.GetWorkflowHistory(t.Context(), run, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		require.NoError(t, err)
		if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == activity {
			require.Zero(t, scheduled, "the step is asked for once")
			scheduled = e.EventId
		}
		if a := e.GetActivityTaskCompletedEventAttributes(); a != nil && a.ScheduledEventId == scheduled {
			var out json.RawMessage
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(a.Result, &out))
			return out
		}
	}
	t.Fatalf("the activity did not end in the run %s", run)
	return nil
}

// onRecord holds that the ledger has the whole story, once: one intent, later attempts by number,
// and one outcome, of the last attempt, with what the run got.
func (h killHouse) onRecord(t *testing.T, l *ledger.Ledger, run string, at point, result json.RawMessage) {
	t.Helper()
	var records []ledger.Record
	require.NoError(t, l.View(t.Context(), func(tx ledger.Tx) (err error) {
		records, err = tx.List(ledger.Filter{Run: run, Kinds: []ledger.Kind{ledger.Intent, ledger.Retry, ledger.Outcome, ledger.Failure, ledger.Refusal}})
		return err
	}))
	var attempts []ledger.Record
	var outcomes []ledger.OutcomeBody
	for _, r := range records {
		switch r.Kind {
		case ledger.Intent, ledger.Retry:
			attempts = append(attempts, r)
			var body ledger.IntentBody
			require.NoError(t, json.Unmarshal(r.Body, &body))
			require.Equal(t, len(attempts), body.Attempt)
			require.Equal(t, len(attempts) == 1, r.Kind == ledger.Intent)
			require.Equal(t, []string{"alice"}, body.Approvers)
			require.Empty(t, outcomes, "nothing is tried after it has ended well")
		case ledger.Outcome:
			var body ledger.OutcomeBody
			require.NoError(t, json.Unmarshal(r.Body, &body))
			outcomes = append(outcomes, body)
		case ledger.Failure: // a living worker that was too slow for its heartbeat, on a busy machine
			var body ledger.FailureBody
			require.NoError(t, json.Unmarshal(r.Body, &body))
			require.ErrorContains(t, errors.New(body.Error), "context canceled")
		default:
			t.Errorf("on record is a %s: %s", r.Kind, r.Body)
		}
	}
	least := 1
	if at == afterIntent || at == beforeCall || at == afterCall {
		least = 2 // the attempt that was killed, and the one that was not
	}
	require.GreaterOrEqual(t, len(attempts), least)
	require.Len(t, outcomes, 1)
	require.Equal(t, attempts[len(attempts)-1].Seq, outcomes[0].Intent)
	require.JSONEq(t, string(result), string(outcomes[0].Output))
	require.NotEmpty(t, outcomes[0].Requests)
	require.Equal(t, outcomes[0].Undo != nil, outcomes[0].LeftAs != "", "how it left what can be put back")

	var export bytes.Buffer
	n, err := l.Export(t.Context(), &export)
	require.NoError(t, err)
	report, err := ledger.Verify(&export, nil)
	require.NoError(t, err)
	require.Equal(t, n, report.Records)
}
