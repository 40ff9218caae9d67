package slack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows"
)

func TestEdit(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	r := o.asks()
	old := o.card(secops)
	got := o.press("U0ALICE", old, blocks.ActEdit)
	require.Equal(t, blocks.FormEdit, got.View.Callback)
	block := ""
	for _, b := range got.View.Blocks {
		if label, ok := b["label"].(map[string]any); ok && label["text"] == "user" {
			block = b["block_id"].(string)
		}
	}
	require.NotEmpty(t, block)
	got, err := o.slack.Submit("U0ALICE", standin.Fill{})
	require.NoError(t, err)
	require.NotEmpty(t, got.Errors, "nothing is changed")
	got, err = o.slack.Submit("U0ALICE", standin.Fill{block: {"value": "another-user"}})
	require.NoError(t, err)
	require.Empty(t, got.Errors)
	require.Nil(t, got.View)
	o.reads(old, "Changed, and asked anew")
	require.NotContains(t, o.buttons(old), blocks.ActApprove)
	o.until(func() bool { return len(o.slack.Messages(secops)) == 2 })
	fresh := o.card(secops)
	require.Contains(t, o.slack.Plain(fresh), "another-user")

	// Whoever changed it has no vote on what came of it.
	o.press("U0ALICE", fresh, blocks.ActApprove)
	o.hears("U0ALICE", "alice changed what is asked")
	o.press("U0BOB", fresh, blocks.ActApprove)
	o.reads(fresh, "Approved, running")
	require.NotEqual(t, r.Digest, records[ledger.DecisionBody](o, ledger.Decision)[0].Request)
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	q := o.questions()
	m := o.card(secops)
	got := o.press("U0ALICE", m, blocks.ActAnswer)
	require.Equal(t, blocks.FormAnswer, got.View.Callback)
	block := ""
	for _, b := range got.View.Blocks {
		if b["type"] == "input" {
			block = b["block_id"].(string)
		}
	}
	got, err := o.slack.Submit("U0ALICE", standin.Fill{block: {"value": "it was us"}})
	require.NoError(t, err)
	require.Empty(t, got.Errors)
	require.Nil(t, got.View)
	o.reads(m, "it was us")
	require.NotContains(t, o.buttons(m), blocks.ActAnswer)
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Len(t, o.answers, 1)
	require.Equal(t, q.Digest, o.answers[0].Answer.Digest)
	require.JSONEq(t, `"it was us"`, string(o.answers[0].Answer.Values["note"]))
}

// What was done is taken back from its card, also when the run is over and its card is forgotten.
func TestUndo(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	r := o.asks()
	m := o.card(secops)
	o.press("U0ALICE", m, blocks.ActApprove)
	o.reads(m, "Approved, running")
	o.does(r, "")
	o.ends(workflows.Done, "contained", "")
	o.until(func() bool {
		all := records[ledger.MessageBody](o, ledger.Message)
		return all[len(all)-1].State == ledger.Final
	})
	require.Contains(t, o.buttons(m), blocks.ActUndo)
	o.press("U0BOB", m, blocks.ActUndo)
	got, err := o.slack.Submit("U0BOB", standin.Fill{"reason": {"value": "it was a false alarm"}})
	require.NoError(t, err)
	require.Nil(t, got.View)
	o.threadReads(m, "Undo started")
	o.mu.Lock()
	undoing := o.started[len(o.started)-1]
	o.mu.Unlock()
	require.Contains(t, o.slack.Plain(o.threadReads(m, undoing)), "it was a false alarm")

	// The other run takes it back; the card says so.
	o.takesBack(undoing)
	o.reads(m, "taken back")
	require.NotContains(t, o.buttons(m), blocks.ActUndo)
}
