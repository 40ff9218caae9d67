package desk_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/policy"
)

func (o *office) sight(name digest.Digest) desk.Sight {
	o.t.Helper()
	s, err := o.Sight(o.t.Context(), run, name)
	require.NoError(o.t, err)
	return s
}

func (o *office) append(e ledger.Entry) ledger.Record {
	o.t.Helper()
	var rec ledger.Record
	require.NoError(o.t, o.ledger.Do(o.t.Context(), func(tx ledger.Tx) (err error) {
		rec, err = tx.Append(e)
		return err
	}))
	return rec
}

// begins puts on record that an approved call is about to be made.
func (o *office) begins(r approval.Request, kind ledger.Kind, as ...func(*ledger.IntentBody)) ledger.Record {
	o.t.Helper()
	var g grant.Grant
	decisions := records[ledger.DecisionBody](o, ledger.Decision)
	require.NoError(o.t, o.signer.Keys().Open(decisions[len(decisions)-1].Grant, grant.KindGrant, &g))
	c := r.Calls[0]
	body := ledger.IntentBody{
		Permission: g.ID, PermissionKind: ledger.ByGrant, Workflow: run, Execution: "e1", Step: c.Step, Activity: c.Activity, Version: c.Version, Input: c.Input, Digest: c.Digest,
	}
	for _, change := range as {
		change(&body)
	}
	return o.append(ledger.Entry{Kind: kind, Run: run, Body: body})
}

func TestSight(t *testing.T) {
	o := received(t)
	r := o.asks(sealed(func(r *approval.Request) { r.Quorum = 2; r.Calls[0].PutBackAfter = time.Hour }))
	o.status[run].Approvals[0].Request = r
	s := o.sight(r.Digest)
	require.True(t, s.Open() && s.Known)
	require.Equal(t, r.Digest, s.Digest())
	require.Equal(t, "A compromised IAM access key", s.Title)
	require.Equal(t, "run", s.Stage)
	require.Equal(t, "aws", s.Labels["cloud"])
	require.Equal(t, "111122223333", s.Account)
	require.Equal(t, "medium", s.Severity)
	require.Equal(t, "aws.guardduty.finding", s.Event.Type)
	require.Empty(t, s.StartedBy)
	require.Equal(t, []desk.StepSight{{Step: "disable", State: desk.StepPending}}, s.Steps)

	_, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	s = o.sight(r.Digest)
	require.Len(t, s.Votes, 1)
	require.Equal(t, []string{"alice"}, s.Tally[0].Yes)
	_, err = o.Delegate(t.Context(), by("carol"), run, desk.Delegate{Approval: r.ID, Digest: r.Digest, To: "dora"})
	require.NoError(t, err)
	require.Equal(t, "dora", o.sight(r.Digest).Delegations[0].To)
	_, err = o.Vote(t.Context(), by("bob"), run, yes(r))
	require.NoError(t, err)
	s = o.sight(r.Digest)
	require.False(t, s.Open())
	require.Equal(t, []string{"alice", "bob"}, s.Decision.By)

	// What became of the call is what the record says, whatever the run says.
	intent := o.begins(r, ledger.Intent)
	require.Equal(t, desk.StepRunning, o.sight(r.Digest).Steps[0].State)
	o.append(ledger.Entry{Kind: ledger.Failure, Run: run, Body: ledger.FailureBody{Intent: intent.Seq, Error: "throttled"}})
	s = o.sight(r.Digest)
	require.Equal(t, []any{desk.StepFailed, "throttled"}, []any{s.Steps[0].State, s.Steps[0].Error})
	intent = o.begins(r, ledger.Retry)
	require.Equal(t, desk.StepRunning, o.sight(r.Digest).Steps[0].State)
	undo := activities.Call{Activity: "aws.iam.enable_access_key", Version: 1, Input: r.Calls[0].Input}
	topic, err := undo.Digest()
	require.NoError(t, err)
	o.append(ledger.Entry{Kind: ledger.Outcome, Run: run, Topic: string(topic), Body: ledger.OutcomeBody{
		Intent: intent.Seq, Undo: &ledger.CallBody{Activity: undo.Activity, Version: 1, Input: undo.Input},
	}})
	s = o.sight(r.Digest)
	require.Equal(t, desk.StepDone, s.Steps[0].State)
	require.True(t, s.Undoable)
	require.WithinDuration(t, time.Now().Add(time.Hour), s.Expiring[0].At, time.Minute)
	o.append(ledger.Entry{Kind: ledger.Keep, Run: run, Body: ledger.KeepBody{Run: run, Step: "disable", By: "dora"}})
	require.Equal(t, "dora", o.sight(r.Digest).Expiring[0].KeptBy)

	// Of a run that has ended all is on record, and it is not asked.
	o.append(ledger.Entry{Kind: ledger.Ended, Run: run, Key: ledger.EndedKey(run, "e1"), Body: ledger.EndedBody{Execution: "e1", State: "done", Outcome: "contained"}})
	asked := o.asked
	s = o.sight(r.Digest)
	require.Equal(t, asked, o.asked)
	require.Equal(t, []any{true, workflows.Done, "contained"}, []any{s.Known, s.State, s.Outcome})

	started, err := o.Undo(t.Context(), by("dora"), run, "it was a drill")
	require.NoError(t, err)
	require.Equal(t, desk.StepDone, o.sight(r.Digest).Steps[0].State, "it is asked for, and not done")
	o.did(started.Run, "one", undo.Activity, "aws.iam.disable_access_key", string(undo.Input), "")
	s = o.sight(r.Digest)
	require.Equal(t, desk.StepUndone, s.Steps[0].State)
	require.False(t, s.Undoable)
	require.Empty(t, s.Expiring)
}

// A call that takes something back is done when it is made: nobody has taken it back in turn.
func TestSightOfAnUndo(t *testing.T) {
	o := received(t)
	r := o.asks()
	_, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	intent := o.begins(r, ledger.Intent, func(b *ledger.IntentBody) { b.Undo = policy.UndoByPerson })
	o.append(ledger.Entry{Kind: ledger.Outcome, Run: run, Topic: string(r.Calls[0].Digest), Body: ledger.OutcomeBody{Intent: intent.Seq}})
	require.Equal(t, desk.StepDone, o.sight(r.Digest).Steps[0].State)
}

func TestSightOfARefusal(t *testing.T) {
	o := received(t)
	r := o.asks()
	c := r.Calls[0]
	refusal := ledger.Entry{Kind: ledger.Refusal, Run: run, Body: ledger.RefusalBody{Workflow: run, Step: c.Step, Digest: c.Digest, Why: "the world has changed"}}
	o.append(refusal) // of an earlier round
	_, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	require.Equal(t, desk.StepPending, o.sight(r.Digest).Steps[0].State)
	o.append(refusal)
	s := o.sight(r.Digest)
	require.Equal(t, []any{desk.StepRefused, "the world has changed"}, []any{s.Steps[0].State, s.Steps[0].Error})
}

// Without a worker there is what the record has, and soon.
func TestSightWithoutAWorker(t *testing.T) {
	o := received(t)
	r := o.asks()
	o.silent = true
	_, err := o.Sight(t.Context(), run, r.Digest)
	require.ErrorIs(t, err, workflows.ErrNoWorker, "nothing of it is on record")
	o.silent = false
	_, err = o.Vote(t.Context(), by("alice"), run, desk.Vote{Approval: r.ID, Digest: r.Digest, Verdict: approval.Reject, Reason: "it is expected"})
	require.NoError(t, err)
	o.silent = true
	began := time.Now()
	s := o.sight(r.Digest)
	require.False(t, s.Known)
	require.Equal(t, approval.Rejected, s.Decision.Outcome)
	require.Less(t, time.Since(began), 4*time.Second)
}

func TestSightOfWhatIsNot(t *testing.T) {
	o := received(t)
	r := o.asks()
	_, err := o.Sight(t.Context(), run, "sha256:other")
	require.ErrorIs(t, err, approval.ErrRefused)
	_, err = o.Sight(t.Context(), "other/1", r.Digest)
	require.ErrorContains(t, err, "was not started by this gateway")
	forged := o.asks(func(r *approval.Request) { r.Question = "Nothing to see?" })
	_, err = o.Sight(t.Context(), run, forged.Digest)
	require.ErrorContains(t, err, "not as this gateway would have it")
}

// The run says which request stands in the place of one that was edited, and then the record does.
func TestSightOfAnEdit(t *testing.T) {
	o := received(t)
	first := o.asks()
	_, err := o.Edit(t.Context(), by("alice"), run, desk.Edit{Approval: first.ID, Digest: first.Digest, Step: "disable", Input: json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"deployer"}`)})
	require.NoError(t, err)
	require.True(t, o.sight(first.Digest).Open(), "the run has not heard")
	second := o.asks(sealed(func(r *approval.Request) {
		r.Edits = []approval.Edit{{By: "alice", Step: "disable", At: o.edits[0].At}}
	}))
	s := o.sight(first.Digest)
	require.Equal(t, second.Digest, s.Edited)
	require.False(t, s.Open())
	require.True(t, o.sight(second.Digest).Open())
	_, err = o.Vote(t.Context(), by("bob"), run, yes(second))
	require.NoError(t, err)
	o.append(ledger.Entry{Kind: ledger.Ended, Run: run, Key: ledger.EndedKey(run, "e1"), Body: ledger.EndedBody{Execution: "e1", State: "failed", Error: "broken"}})
	s = o.sight(first.Digest)
	require.Equal(t, second.Digest, s.Edited, "without the run")
	require.Equal(t, "broken", s.Error)
}

func TestSightOfTheUndecided(t *testing.T) {
	o := received(t)
	r := o.asks()
	for _, word := range []approval.Outcome{approval.Approved, approval.Withdrawn} {
		o.status[run].Approvals[0].Decision = &approval.Decision{Outcome: word, Reason: "the run went on without it"}
		require.Equal(t, word == approval.Approved, o.sight(r.Digest).Open(), "that it is approved is not for a run to say")
	}
	o.status[run].Approvals[0].Decision = nil
	o.append(ledger.Entry{Kind: ledger.Ended, Run: run, Key: ledger.EndedKey(run, "e1"), Body: ledger.EndedBody{Execution: "e1", State: "cancelled"}})
	require.Equal(t, approval.Withdrawn, o.sight(r.Digest).Decision.Outcome)
}

func TestSightOfAQuestion(t *testing.T) {
	o := received(t)
	q := o.poses()
	s := o.sight(q.Digest)
	require.True(t, s.Open())
	require.Equal(t, "Is it expected?", s.Question.Question)
	require.Nil(t, s.Request)
	require.Equal(t, q.Digest, s.Digest())
	require.Equal(t, "111122223333", s.Account)
	_, err := o.Answer(t.Context(), by("alice"), run, says(q, "expected"))
	require.NoError(t, err)
	s = o.sight(q.Digest)
	require.False(t, s.Open())
	require.Equal(t, "alice", s.Ending.Answer.Person)
	require.JSONEq(t, `"expected"`, string(s.Ending.Answer.Values["verdict"]))

	q = o.poses()
	o.status[run].Questions[0].Ending = &approval.Ending{Outcome: approval.Expired}
	require.Equal(t, approval.Expired, o.sight(q.Digest).Ending.Outcome)
	o.status[run].Questions[0].Question.Question = "Nothing to see?"
	_, err = o.Sight(t.Context(), run, q.Digest)
	require.ErrorContains(t, err, "its digest is not that of what it says")
}
