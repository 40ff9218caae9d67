package slack_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows"
)

// The way of one approval: asked, shown, approved, done, ended.
func TestApprove(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	r := o.asks()
	m := o.card(secops)
	require.Contains(t, o.slack.Plain(m), "Approval needed: contain_user")
	require.Contains(t, o.buttons(m), blocks.ActApprove)
	require.Equal(t, string(r.Digest), m.Metadata["event_payload"].(map[string]any)["request"])

	o.press("U0ALICE", m, blocks.ActApprove)
	o.reads(m, "Approved, running")
	require.NotContains(t, o.buttons(m), blocks.ActApprove)
	o.hears("U0ALICE", "Recorded: you said yes. It is approved by alice.")
	votes := records[ledger.VoteBody](o, ledger.Vote)
	require.Len(t, votes, 1)
	require.Equal(t, "slack", votes[0].Surface)
	require.Contains(t, votes[0].Via, "T0TEAM/U0ALICE")
	require.Contains(t, votes[0].Via, m.TS)

	o.does(r, "")
	o.threadReads(m, "disable")
	o.reads(m, "Approved and done")
	o.ends(workflows.Done, "contained", "")
	line := o.threadReads(m, "The run is done: contained")
	require.False(t, line.Broadcast)
	o.until(func() bool {
		all := records[ledger.MessageBody](o, ledger.Message)
		return all[len(all)-1].State == ledger.Final
	})
	states := []ledger.MessageState{}
	for _, b := range records[ledger.MessageBody](o, ledger.Message) {
		states = append(states, b.State)
	}
	require.Equal(t, []ledger.MessageState{ledger.Posting, ledger.Posted, ledger.Told, ledger.Told, ledger.Final}, states)
}

func TestReject(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	o.asks()
	m := o.card(secops)
	got := o.press("U0ALICE", m, blocks.ActReject)
	require.NotNil(t, got.View)
	require.Equal(t, blocks.FormReject, got.View.Callback)
	got, err := o.slack.Submit("U0ALICE", standin.Fill{"reason": {"value": "it is a test account"}})
	require.NoError(t, err)
	require.True(t, got.Acked)
	require.Nil(t, got.View)
	o.reads(m, "Rejected: contain_user")
	o.reads(m, "it is a test account")
	require.NotContains(t, o.buttons(m), blocks.ActApprove)
	require.Equal(t, "it is a test account", records[ledger.VoteBody](o, ledger.Vote)[0].Reason)

	got, err = o.slack.Press("U0BOB", m.Channel, m.TS, blocks.ActDetails)
	require.NoError(t, err)
	require.NotContains(t, o.slack.PlainView(*got.View), "Approve ")
}

// Whoever may not, or comes too late, hears why; what they said changes nothing.
func TestNotCounted(t *testing.T) {
	t.Parallel()
	o := open(t)
	f := o.serve()
	r := o.asks()
	m := o.card(secops)
	o.press("U0GUEST", m, blocks.ActApprove)
	o.hears("U0GUEST", "guests answer nothing here")
	o.press("U0CAROL", m, blocks.ActApprove)
	o.hears("U0CAROL", "carol is not among those who may")
	require.Empty(t, records[ledger.VoteBody](o, ledger.Vote))

	from := receive.From{App: "A0APP", Team: "T0TEAM", UserTeam: "T0TEAM", User: "U0ALICE", Channel: m.Channel, Message: "1700000000.000100"}
	for name, c := range map[string]receive.Click{
		"another message": {From: from, Action: blocks.ActApprove, Value: string(r.Digest)},
		"no message":      {From: receive.From{App: "A0APP", Team: "T0TEAM", UserTeam: "T0TEAM", User: "U0ALICE"}, Action: blocks.ActApprove, Value: string(r.Digest)},
		"nothing known":   {From: from, Action: blocks.ActApprove, Value: "sha256:none"},
		"no value":        {From: from, Action: blocks.ActApprove},
		"another form":    {From: from, Action: blocks.ActApprove, Value: string(r.Digest), View: &receive.View{ID: "V1", Callback: blocks.FormShown, Meta: `{"d":"sha256:other"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.Click(t.Context(), c)
			if c.View == nil {
				require.NotContains(t, got.Private, "Recorded")
				require.NotEmpty(t, got.Private)
			}
			if got.After != nil {
				got.After(t.Context())
			}
			require.Empty(t, records[ledger.VoteBody](o, ledger.Vote))
		})
	}
	why := []string{}
	for _, b := range records[ledger.RefusalBody](o, ledger.Refusal) {
		why = append(why, b.Why)
	}
	require.Contains(t, strings.Join(why, "\n"), "1700000000.000100", "a click on a message that never showed it is on record")

	o.press("U0ALICE", m, blocks.ActApprove)
	o.reads(m, "Approved, running")
	from.Message = m.TS
	again := receive.Click{From: from, Action: blocks.ActApprove, Value: string(r.Digest)}
	require.Contains(t, f.Click(t.Context(), again).Private, "Recorded: you said yes", "twice counts once")
	again.User = "U0BOB"
	require.Regexp(t, "It was already approved by alice at .* Your word is on record, and changes nothing", f.Click(t.Context(), again).Private)
	require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 2)
	require.Len(t, records[ledger.DecisionBody](o, ledger.Decision), 1)
}

// Where nobody can say whether it counts, the person is told so, and presses again.
func TestUncertain(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	o.asks()
	m := o.card(secops)
	o.mu.Lock()
	o.slow = make(chan struct{})
	o.mu.Unlock()
	o.press("U0ALICE", m, blocks.ActApprove)
	o.hears("U0ALICE", "It is not certain that this was recorded. Press again")
	got := o.press("U0ALICE", m, blocks.ActReject)
	require.Contains(t, o.slack.PlainView(*got.View), "One moment", "a form opens before what takes long")
	o.mu.Lock()
	close(o.slow)
	o.slow = nil
	o.mu.Unlock()
	o.until(func() bool {
		v, ok := o.slack.View("U0ALICE")
		return ok && v.Callback == blocks.FormReject
	})
	o.slack.CloseView("U0ALICE")
	o.press("U0ALICE", m, blocks.ActApprove)
	o.reads(m, "Approved, running")
	require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 1)
}

// slowLedger takes nothing once something was posted, until it is quick again.
type slowLedger struct {
	*ledger.Ledger

	posted func() bool
	is     chan struct{}
	looked atomic.Int64
}

func (l *slowLedger) Do(ctx context.Context, f func(ledger.Tx) error) error {
	if l.posted() {
		select {
		case <-l.is:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return l.Ledger.Do(ctx, f)
}

func (l *slowLedger) View(ctx context.Context, f func(ledger.Tx) error) error {
	defer l.looked.Add(1)
	return l.Ledger.View(ctx, f)
}

// Who presses before the message is on record is not sent away: the click waits for that a while.
func TestPressedBeforeTheRecord(t *testing.T) {
	t.Parallel()
	o := open(t)
	slow := &slowLedger{Ledger: o.ledger, is: make(chan struct{}), posted: func() bool { return len(o.slack.Messages(secops)) > 0 }}
	o.serve(func(opts *slack.Options) { opts.Ledger = slow })
	o.asks()
	o.until(func() bool { return len(o.slack.Messages(secops)) == 1 })
	m := o.slack.Messages(secops)[0]
	o.press("U0ALICE", m, blocks.ActApprove)
	o.hears("U0ALICE", "This message is not on record yet; press again in a moment")
	require.Empty(t, records[ledger.VoteBody](o, ledger.Vote))
	slow.looked.Store(0)
	pressed := make(chan standin.Result, 1)
	go func() {
		got, err := o.slack.Press("U0ALICE", m.Channel, m.TS, blocks.ActApprove)
		assert.NoError(t, err)
		pressed <- got
	}()
	o.until(func() bool { return slow.looked.Load() > 0 })
	close(slow.is)
	require.True(t, (<-pressed).Acked)
	o.reads(m, "Approved, running")
	require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 1)
}
