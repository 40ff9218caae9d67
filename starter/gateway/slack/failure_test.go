package slack_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Whatever Slack answers while a card comes about, there is one card in the end, and it takes a vote.
func TestPostingFails(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]standin.Fault{
		"429":                    {Kind: standin.Throttle, After: time.Second, Times: 2},
		"500":                    {Kind: standin.ServerError, Times: 3},
		"hangs":                  {Kind: standin.Hang, Times: 1},
		"refuses for now":        {Kind: standin.Refuse, Code: "internal_error", Times: 3},
		"the answer is lost":     {Kind: standin.LoseAnswer, Times: 1},
		"500, and it is there":   {Kind: standin.ErrorAfter, Times: 1},
		"half of the answer":     {Kind: standin.Truncate, Times: 1},
		"a page":                 {Kind: standin.WrongType, Times: 1},
		"nothing in the answer":  {Kind: standin.Empty, Times: 1},
		"hangs, and it is there": {Kind: standin.HangAfter, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			f.Method = "chat.postMessage"
			o.impatient(f)
			o.slack.Inject(f)
			o.serve()
			o.asks()
			m := o.card(secops)
			o.press("U0ALICE", m, blocks.ActApprove)
			o.reads(m, "Approved, running")
			require.Len(t, o.slack.Messages(secops), 1, "it is looked for before it is posted again")
			require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 1)
		})
	}
}

// impatient bounds calls that hang by little.
func (o *office) impatient(f standin.Fault) {
	if f.Kind == standin.Hang || f.Kind == standin.HangAfter {
		o.timeout = 500 * time.Millisecond
	}
}

// Whatever Slack answers while a card changes, it tells the truth when Slack is well again.
func TestUpdateFails(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]standin.Fault{
		"429":             {Kind: standin.Throttle, After: time.Second, Times: 2},
		"500":             {Kind: standin.ServerError, Times: 5},
		"hangs":           {Kind: standin.Hang, Times: 1},
		"lost":            {Kind: standin.LoseAnswer, Times: 2},
		"refuses for now": {Kind: standin.Refuse, Code: "fatal_error", Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			f.Method = "chat.update"
			o.impatient(f)
			o.serve()
			r := o.asks()
			m := o.card(secops)
			o.slack.Inject(f)
			_, err := o.Vote(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, run, desk.Vote{Approval: r.ID, Digest: r.Digest, Verdict: approval.Reject, Reason: "no"})
			require.NoError(t, err)
			o.reads(m, "Rejected: contain_user")
			require.NotContains(t, o.buttons(m), blocks.ActApprove)
		})
	}
}

// What Slack does not take is shown plainly, and no button lives on.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	r := o.asks()
	m := o.card(secops)
	o.slack.Inject(standin.Fault{Method: "chat.update", Kind: standin.Refuse, Code: "invalid_blocks", Times: 1})
	_, err := o.Vote(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, run, desk.Vote{Approval: r.ID, Digest: r.Digest, Verdict: approval.Approve})
	require.NoError(t, err)
	o.reads(m, "It cannot be shown here; read it with starter show "+run)
	require.Empty(t, o.buttons(m))

	o.slack.Inject(standin.Fault{Method: "chat.postMessage", Kind: standin.Refuse, Code: "invalid_blocks", Times: 1})
	o.asks(func(r *approval.Request) { r.Question = "Again?" })
	o.until(func() bool { return len(o.slack.Messages(secops)) == 2 })
	plain := o.card(secops)
	require.Contains(t, o.slack.Plain(plain), "It cannot be shown here")
}

// A message that is gone is posted anew, and the old one does not count any more.
func TestGone(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	r := o.asks(func(r *approval.Request) { r.Quorum = 2 })
	m := o.card(secops)
	o.slack.Inject(standin.Fault{Method: "chat.update", Kind: standin.Refuse, Code: "message_not_found", Times: 1})
	_, err := o.Vote(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, run, desk.Vote{Approval: r.ID, Digest: r.Digest, Verdict: approval.Approve})
	require.NoError(t, err)
	o.until(func() bool { return len(o.slack.Messages(secops)) == 2 })
	fresh := o.card(secops)
	require.NotEqual(t, m.TS, fresh.TS)
	o.press("U0ALICE", m, blocks.ActApprove)
	o.hears("U0ALICE", "Another message has taken this one's place")
	require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 1)
	o.press("U0ALICE", fresh, blocks.ActApprove)
	o.reads(fresh, "Approved, running")
	states := []ledger.MessageState{}
	for _, b := range records[ledger.MessageBody](o, ledger.Message) {
		states = append(states, b.State)
	}
	require.Equal(t, []ledger.MessageState{ledger.Posting, ledger.Posted, ledger.Superseded, ledger.Posting, ledger.Posted}, states)
}

// That it failed a run says of itself: it cannot fill a channel with that, nor have others do so.
func TestFailsAgainAndAgain(t *testing.T) {
	o := open(t)
	f := o.serve()
	o.asks()
	o.card(secops) // this gateway leads
	for range 5 {
		for _, failed := range []string{"p/1/a", "p/1/b", "p/1"} {
			f.Notify(t.Context(), desk.Notice{Kind: desk.RunFailed, Run: failed, Text: "it <!channel> broke"})
		}
	}
	f.Notify(t.Context(), desk.Notice{Kind: desk.RunFailed, Run: "p/2", Text: "it broke, too"})
	for range 5 {
		f.Notify(t.Context(), desk.Notice{Kind: desk.ScheduleMissed, Run: "keys", Text: "keys was due <!here>"})
	}
	o.until(func() bool { return len(o.slack.Messages(other)) > 2 })
	require.Never(t, func() bool { return len(o.slack.Messages(other)) > 3 }, 300*time.Millisecond, 50*time.Millisecond)
}

// The socket drops between the click and Slack's answer: the vote is there, and pressing again counts
// once.
func TestSocketDrops(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]standin.FaultKind{"before": standin.DropBefore, "after": standin.DropAfter, "twice": standin.Twice} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			o.serve()
			o.asks(func(r *approval.Request) { r.Quorum = 2 })
			m := o.card(secops)
			o.slack.Inject(standin.Fault{Method: "socket", Kind: kind, Times: 1})
			_, err := o.slack.Press("U0ALICE", m.Channel, m.TS, blocks.ActApprove)
			require.NoError(t, err)
			o.until(func() bool { return o.slack.Sockets() > 0 })
			o.press("U0ALICE", m, blocks.ActApprove)
			o.press("U0BOB", m, blocks.ActApprove)
			o.reads(m, "Approved, running")
			require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 2)
			require.Equal(t, []string{"alice", "bob"}, records[ledger.DecisionBody](o, ledger.Decision)[0].By)
		})
	}
}

// A front that is started anew goes on where the last one was: what waits is shown once, and what was
// decided meanwhile as well.
func TestRestart(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	first := o.asks()
	a := o.card(secops)
	o.stop()
	o.asks(func(r *approval.Request) { r.Question = "A second one?" })
	_, err := o.Vote(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, run, desk.Vote{Approval: first.ID, Digest: first.Digest, Verdict: approval.Approve})
	require.NoError(t, err)
	o.serve()
	o.reads(a, "Approved, running")
	o.until(func() bool { return len(o.slack.Messages(secops)) == 2 })
	b := o.card(secops)
	o.stop()
	edits := len(o.slack.Messages(secops)) + b.Edits
	o.serve()
	o.press("U0ALICE", b, blocks.ActApprove)
	o.reads(b, "Approved, running")
	require.Len(t, o.slack.Messages(secops), 2)
	require.Equal(t, 2, edits, "nothing was written anew for a restart alone")
}

// A front that ended between posting and the record of it finds its message again.
func TestCrashWhilePosting(t *testing.T) {
	t.Parallel()
	for name, scopes := range map[string][]string{"it is found": standin.Scopes(), "it may not look": {"chat:write", "channels:read", "groups:read", "users:read"}} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			r := o.asks()
			o.append(ledger.Entry{Kind: ledger.Message, Run: run, Topic: string(r.Digest), Body: ledger.MessageBody{
				Digest: r.Digest, Surface: "slack", Team: "T0TEAM", Channel: secops, State: ledger.Posting, Attempt: 1,
			}})
			lost, err := o.client().Post(t.Context(), secops, "", false, blocks.Sentence("a card"), metaOf(r))
			require.NoError(t, err)
			o.slack.SetScopes(scopes...)
			o.serve()
			if name == "it is found" {
				o.until(func() bool {
					m, _ := o.slack.Message(secops, lost)
					return strings.Contains(o.slack.Plain(m), "Approval needed")
				})
				require.Len(t, o.slack.Messages(secops), 1)
				return
			}
			o.until(func() bool { return len(o.slack.Messages(secops)) == 2 && o.recorded() })
			fresh := o.card(secops)
			require.Equal(t, 2, records[ledger.MessageBody](o, ledger.Message)[1].Attempt)
			o.press("U0ALICE", fresh, blocks.ActApprove)
			o.reads(fresh, "Approved, running")
		})
	}
}

// Of two gateways one writes; clicks count at either.
func TestTwoGateways(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	first := o.stop
	o.serve()
	second := o.stop
	o.stop = func() { first(); second() }
	for i := range 3 {
		o.asks(func(r *approval.Request) { r.Question = strings.Repeat("?", i+1) })
	}
	o.until(func() bool { return len(o.slack.Messages(secops)) == 3 && o.recorded() })
	for _, m := range o.slack.Messages(secops) {
		o.press("U0ALICE", m, blocks.ActApprove)
		o.reads(m, "Approved, running")
	}
	first()
	o.until(func() bool { return o.slack.Sockets() == 1 })
	o.asks()
	o.until(func() bool { return len(o.slack.Messages(secops)) == 4 })
	o.ends(workflows.Failed, "", "AWS said no")
	o.until(func() bool {
		return slices.ContainsFunc(o.slack.Messages(secops), func(m standin.Message) bool {
			return slices.ContainsFunc(o.slack.Thread(m.Channel, m.TS), func(l standin.Message) bool { return l.Broadcast && strings.Contains(o.slack.Plain(l), "AWS said no") })
		})
	})
}
