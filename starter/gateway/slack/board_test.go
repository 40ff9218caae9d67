package slack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows/approval"
)

func metaOf(r approval.Request) web.Meta { return web.Meta{Request: string(r.Digest), Attempt: 1} }

// Two hundred requests at once are shown in few messages; none is lost, and each can be decided.
func TestFold(t *testing.T) {
	t.Parallel()
	o := open(t)
	var all []approval.Request
	for i := range 200 {
		all = append(all, o.asks(func(r *approval.Request) { r.Question = fmt.Sprintf("Disable the key of host %d?", i) }))
	}
	began := time.Now()
	o.serve()
	placed := func() map[digest.Digest]ledger.MessageBody {
		at := map[digest.Digest]ledger.MessageBody{}
		for _, b := range records[ledger.MessageBody](o, ledger.Message) {
			if b.State == ledger.Posted {
				at[b.Digest] = b
			}
		}
		return at
	}
	require.Eventually(t, func() bool { return len(placed()) == 200 }, time.Minute, 100*time.Millisecond)
	t.Logf("200 requests in %d messages within %s", len(o.slack.Messages(secops)), time.Since(began).Round(time.Second))
	require.LessOrEqual(t, len(o.slack.Messages(secops)), 16)
	last := placed()[all[199].Digest]
	require.True(t, last.Fold)
	m, ok := o.slack.Message(last.Channel, last.TS)
	require.True(t, ok)
	require.Contains(t, o.slack.Plain(m), "Disable the key of host 199?")

	got, err := o.slack.PressValue("U0ALICE", m.Channel, m.TS, blocks.ActReview, string(all[199].Digest))
	require.NoError(t, err)
	require.Contains(t, o.slack.PlainView(*got.View), "Disable the key of host 199?")
	got, err = o.slack.PressInView("U0ALICE", blocks.ActApprove, string(all[199].Digest))
	require.NoError(t, err)
	require.True(t, got.Acked)
	o.reads(m, "Approved, running")
	require.Len(t, records[ledger.VoteBody](o, ledger.Vote), 1)
	o.until(func() bool {
		v, ok := o.slack.View("U0ALICE")
		for _, b := range v.Buttons() {
			if b.Action == blocks.ActApprove {
				return false
			}
		}
		return ok
	}, "the form says what was recorded")
}

// What people of another company could read goes to the fallback, and nowhere if that is no better.
func TestShared(t *testing.T) {
	o := open(t)
	o.slack.ChangeChannel(secops, func(c *standin.Channel) { c.Shared = true })
	o.serve()
	o.asks()
	m := o.card(other)
	require.Empty(t, o.slack.Messages(secops))
	o.press("U0ALICE", m, blocks.ActApprove)
	o.reads(m, "Approved, running")
}

func TestChannelCannotBePostedTo(t *testing.T) {
	o := open(t)
	o.slack.Inject(standin.Fault{Method: "chat.postMessage", Kind: standin.Refuse, Code: "not_in_channel", Times: 1})
	f := o.serve()
	o.asks()
	m := o.card(other)
	require.Contains(t, o.slack.Plain(m), "Approval needed")
	_ = f
}

func TestNotices(t *testing.T) {
	o := open(t)
	f := o.serve()
	r := o.asks()
	m := o.card(secops)
	for _, tc := range []struct {
		n         desk.Notice
		want      string
		broadcast bool
	}{
		{desk.Notice{Kind: desk.HalfTime}, "Half of the time is over.", false},
		{desk.Notice{Kind: desk.Escalated, Groups: []string{"secops-leads"}}, "secops-leads", false},
		{desk.Notice{Kind: desk.LastCall}, "Last call.", false},
		{desk.Notice{Kind: desk.BrokenGlass, Person: "zoe", Text: "it burns", Review: "r1"}, "The glass was broken", true},
	} {
		tc.n.Run, tc.n.Approval, tc.n.Digest = run, r.ID, r.Digest
		f.Notify(t.Context(), tc.n)
		require.Equal(t, tc.broadcast, o.threadReads(m, tc.want).Broadcast)
	}
}

// A step that fails is said to the channel; so is a run that fails and has asked nobody.
func TestFails(t *testing.T) {
	o := open(t)
	f := o.serve()
	r := o.asks()
	m := o.card(secops)
	o.press("U0ALICE", m, blocks.ActApprove)
	o.reads(m, "Approved, running")
	o.does(r, "AccessDenied")
	require.True(t, o.threadReads(m, "disable").Broadcast)
	o.reads(m, "Approved, and failed")
	f.Notify(t.Context(), desk.Notice{Kind: "run_failed", Run: "aws-compromised-access-key/other", Text: "it could not begin"})
	o.until(func() bool {
		return slices.ContainsFunc(o.slack.Messages(secops), func(m standin.Message) bool { return strings.Contains(o.slack.Plain(m), "it could not begin") })
	})
}

// Where effects are halted every card says so, and no more when they go on.
func TestHalt(t *testing.T) {
	o := open(t)
	o.serve()
	o.asks()
	m := o.card(secops)
	_, err := o.Halt(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, "an exercise")
	require.NoError(t, err)
	o.reads(m, "Effects are halted")
	o.press("U0ALICE", m, blocks.ActApprove)
	o.hears("U0ALICE", "Effects are halted since")
	_, err = o.Resume(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, "it is over")
	require.NoError(t, err)
	o.until(func() bool {
		is, _ := o.slack.Message(m.Channel, m.TS)
		return !strings.Contains(o.slack.Plain(is), "halted")
	})
}
