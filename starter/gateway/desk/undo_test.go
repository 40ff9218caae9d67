package desk_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

func TestEdit(t *testing.T) {
	o := received(t)
	r := o.asks(sealed(func(r *approval.Request) { r.Quorum = 2 }))
	edit := desk.Edit{Approval: r.ID, Digest: r.Digest, Step: "disable", Input: json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"deployer"}`)}
	_, err := o.Edit(t.Context(), by("dora"), run, edit)
	require.ErrorContains(t, err, "is not among those")
	other := edit
	other.Step = "revoke"
	_, err = o.Edit(t.Context(), by("alice"), run, other)
	require.ErrorContains(t, err, "is no call of the request")
	_, err = o.Edit(t.Context(), by("alice"), run, edit)
	require.NoError(t, err)
	require.Equal(t, "alice", o.edits[0].By)
	require.Equal(t, r.Digest, o.edits[0].Request)

	// Whoever changed it has no vote on it, also where the run does not say so.
	_, err = o.Vote(t.Context(), by("alice"), run, yes(r))
	require.ErrorContains(t, err, "alice changed what is asked")
	_, err = o.Edit(t.Context(), by("alice"), run, edit)
	require.NoError(t, err, "and may change it again")
	for _, person := range []string{"bob", "carol"} {
		_, err = o.Vote(t.Context(), by(person), run, yes(r))
		require.NoError(t, err)
	}
	_, err = o.Edit(t.Context(), by("bob"), run, edit)
	require.ErrorContains(t, err, "already approved")
}

// did puts on record that the run did something, and what takes it back.
func (o *office) did(workflow, step, activity, undo, input, by string) {
	o.t.Helper()
	back := activities.Call{Activity: undo, Version: 1, Input: json.RawMessage(input)}
	topic, err := back.Digest()
	require.NoError(o.t, err)
	call := activities.Call{Activity: activity, Version: 1, Input: json.RawMessage(input)}
	sum, err := call.Digest()
	require.NoError(o.t, err)
	require.NoError(o.t, o.ledger.Do(o.t.Context(), func(tx ledger.Tx) error {
		rec, err := tx.Append(ledger.Entry{Kind: ledger.Intent, Run: workflow, Body: ledger.IntentBody{Workflow: workflow, Step: step, Activity: activity, Version: 1, Digest: sum, Input: json.RawMessage(input), Undo: by}})
		require.NoError(o.t, err)
		_, err = tx.Append(ledger.Entry{Kind: ledger.Outcome, Run: workflow, Topic: string(topic), Body: ledger.OutcomeBody{
			Intent: rec.Seq, Undo: &ledger.CallBody{Activity: undo, Version: 1, Input: json.RawMessage(input)},
		}})
		return err
	}))
}

func TestUndo(t *testing.T) {
	o := received(t)
	_, err := o.Undo(t.Context(), by("dora"), run, "it was a drill")
	require.ErrorContains(t, err, "nothing that can be taken back")
	input := `{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`
	o.did(run, "disable", "aws.iam.disable_access_key", "aws.iam.enable_access_key", input, "")
	_, err = o.Undo(t.Context(), by("dora"), run, " ")
	require.ErrorContains(t, err, "takes a reason")
	_, err = o.Undo(t.Context(), by("ci"), run, "x")
	require.ErrorIs(t, err, desk.ErrForbidden)
	started, err := o.Undo(t.Context(), by("dora"), run, "it was a drill")
	require.NoError(t, err)
	ticket := o.tickets[len(o.tickets)-1]
	require.Equal(t, run, ticket.Undoes)
	require.Equal(t, "dora", ticket.StartedBy)
	require.Empty(t, ticket.Automatic, "policy has people approve it")
	require.Contains(t, ticket.Subjects, "ci-deployer", "whom it was about has no vote on letting go either")
	require.Equal(t, started.Run, records[ledger.UndoBody](o, ledger.Undo)[0].Undoing)

	// What asks for it comes in again, at another gateway say.
	again := desk.Principal{Person: "dora", Surface: "slack", Deed: "1.2"}
	once, err := o.Undo(t.Context(), again, run, "it was a drill")
	require.NoError(t, err)
	twice, err := o.Undo(t.Context(), again, run, "it was a drill")
	require.NoError(t, err)
	require.Equal(t, once.Run, twice.Run)
	require.Len(t, records[ledger.UndoBody](o, ledger.Undo), 2)

	// While people are asked about one, there is no second.
	o.mu.Lock()
	o.status[once.Run] = &workflows.Status{Run: once.Run, State: workflows.Waiting}
	o.mu.Unlock()
	_, err = o.Undo(t.Context(), by("alice"), run, "it was a drill")
	require.ErrorContains(t, err, "dora wants it taken back already (it was a drill): say yes to that, see starter show "+once.Run)
	twice, err = o.Undo(t.Context(), again, run, "it was a drill")
	require.NoError(t, err, "the same once more")
	require.Equal(t, once.Run, twice.Run)
	o.mu.Lock()
	o.status[once.Run].State = workflows.Cancelled
	o.mu.Unlock()
	_, err = o.Undo(t.Context(), by("alice"), run, "it was a drill")
	require.NoError(t, err)

	// What was taken back is not taken back once more.
	o.did(started.Run, "enable", "aws.iam.enable_access_key", "aws.iam.disable_access_key", input, "person")
	_, err = o.Undo(t.Context(), by("dora"), run, "again")
	require.ErrorContains(t, err, "nothing that can be taken back")
}

// What a workflow written in Go changed is on record under its own id, below that of the run.
func TestUndoOfAGoWorkflow(t *testing.T) {
	o := received(t)
	input := `{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`
	o.did(run+"/sweep", "aws.iam.disable_access_key-1", "aws.iam.disable_access_key", "aws.iam.enable_access_key", input, "")
	_, err := o.Undo(t.Context(), by("dora"), run, "it was a drill")
	require.NoError(t, err)

	// What the run has put back of it by itself is not taken back once more.
	o = received(t)
	o.did(run+"/sweep", "aws.iam.disable_access_key-1", "aws.iam.disable_access_key", "aws.iam.enable_access_key", input, "")
	o.did(run, "sweep.aws.iam.disable_access_key-1.undo", "aws.iam.enable_access_key", "aws.iam.disable_access_key", input, "run")
	_, err = o.Undo(t.Context(), by("dora"), run, "it was a drill")
	require.ErrorContains(t, err, "nothing that can be taken back")
}
