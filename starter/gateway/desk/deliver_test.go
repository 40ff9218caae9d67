package desk_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// A run that is slow to hear keeps nobody waiting longer than they would: what is on record arrives.
func TestVoteWithADeadline(t *testing.T) {
	o := received(t)
	r := o.asks()
	o.slow = make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	got, err := o.Vote(ctx, by("alice"), run, yes(r))
	require.NoError(t, err)
	require.Less(t, time.Since(began), 10*time.Second)
	require.False(t, got.Arrived)
	require.Equal(t, approval.Approved, got.Decision.Outcome)
	require.Len(t, records[ledger.DecisionBody](o, ledger.Decision), 1)
	close(o.slow)
	require.Eventually(t, func() bool { o.mu.Lock(); defer o.mu.Unlock(); return len(o.standings) == 1 }, 10*time.Second, 5*time.Millisecond)
}

// What ends before it is on record is not, and says so.
func TestVoteThatEndsBefore(t *testing.T) {
	o := received(t)
	q := o.poses()
	r := o.status[run].Approvals[0].Request
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := o.Vote(ctx, by("alice"), run, yes(r))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "nothing is on record")
	_, err = o.Answer(ctx, by("alice"), run, says(q, "expected"))
	require.ErrorContains(t, err, "nothing is on record")
	require.Empty(t, records[ledger.VoteBody](o, ledger.Vote))
	require.Empty(t, records[ledger.AnswerBody](o, ledger.Answer))
	require.Empty(t, o.standings)
}

// An answer and an edit that a run does not hear are brought again, also by a desk that was started
// later, and a run that has ended is told nothing.
func TestAnswersAndEditsArrive(t *testing.T) {
	o := received(t)
	o.unlisted = true
	q := o.poses()
	r := o.status[run].Approvals[0].Request
	o.tells(r)
	o.append(ledger.Entry{Kind: ledger.Asked, Run: run, Body: ledger.AskedBody{ID: q.ID, Digest: q.Digest, Execution: "e1", Question: true, Asked: q.Asked, Expires: q.Expires}})
	o.deaf = workflows.ErrNoWorker
	answer, err := o.Answer(t.Context(), by("alice"), run, says(q, "expected"))
	require.NoError(t, err)
	require.False(t, answer.Arrived)
	require.Equal(t, "alice", answer.Answer.Person)
	edit, err := o.Edit(t.Context(), by("alice"), run, desk.Edit{Approval: r.ID, Digest: r.Digest, Step: "disable", Input: json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"deployer"}`)})
	require.NoError(t, err)
	require.False(t, edit.Arrived)
	o.mu.Lock()
	o.deaf = nil
	o.mu.Unlock()

	fresh, err := desk.New(o.Options)
	require.NoError(t, err)
	stop := serves(t, fresh, time.Hour)
	require.Eventually(t, func() bool { o.mu.Lock(); defer o.mu.Unlock(); return len(o.answers) == 1 && len(o.edits) == 1 }, 30*time.Second, 10*time.Millisecond)
	stop()
	require.Equal(t, "e1", o.answers[0].Execution)
	require.Equal(t, q.ID, o.answers[0].Answer.Question)
	require.JSONEq(t, `"expected"`, string(o.answers[0].Answer.Values["verdict"]))
	require.Equal(t, []string{"alice", "disable"}, []string{o.edits[0].By, o.edits[0].Step})
	require.Equal(t, records[ledger.EditBody](o, ledger.Edit)[0].Input, o.edits[0].Input)
}

// Two gateways on one ledger are one: a vote through either counts once, and either may decide.
func TestTwoGateways(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		o := open(t, func(d *desk.Options) { d.Ledger = ledgertest.OpenURL(t, url) })
		o.ledger = o.Options.Ledger
		options := o.Options
		options.Ledger = ledgertest.OpenURL(t, url)
		other, err := desk.New(options)
		require.NoError(t, err)
		_, err = o.Receive(t.Context(), by("ci"), sample(t))
		require.NoError(t, err)
		r := o.asks(sealed(func(r *approval.Request) { r.Quorum = 2 }))

		leads := make(chan string, 4)
		lead := func(l *ledger.Ledger, name string) (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				done <- l.Lead(ctx, "slack", func(ctx context.Context) error { leads <- name; <-ctx.Done(); return nil })
			}()
			return func() { cancel(); require.NoError(t, <-done) }
		}
		stopOne := lead(o.ledger, "one")
		require.Equal(t, "one", <-leads)
		stopTwo := lead(options.Ledger, "two")

		for _, d := range []*desk.Desk{o.Desk, other, o.Desk} {
			got, err := d.Vote(t.Context(), by("alice"), run, yes(r))
			require.NoError(t, err)
			require.Equal(t, 1, got.Votes)
			require.Nil(t, got.Decision)
		}
		require.Len(t, leads, 0)
		stopOne()
		require.Equal(t, "two", <-leads, "the other takes over")
		got, err := other.Vote(t.Context(), by("bob"), run, yes(r))
		require.NoError(t, err)
		require.Equal(t, []string{"alice", "bob"}, got.Decision.By)
		late, err := o.Vote(t.Context(), by("carol"), run, yes(r))
		require.NoError(t, err)
		require.True(t, late.Late)
		require.Len(t, records[ledger.DecisionBody](o, ledger.Decision), 1)
		require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 3)
		stopTwo()
	})
}
