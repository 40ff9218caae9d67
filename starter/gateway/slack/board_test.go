package slack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

func metaOf(r approval.Request) web.Meta { return web.Meta{Request: string(r.Digest), Attempt: 1} }

// Eighty requests at once are shown in few messages; none is lost, and each can be decided.
func TestFold(t *testing.T) {
	t.Parallel()
	o := open(t)
	many := 200
	if testing.Short() {
		many = 80 // under the race detector each takes ten times as long
	}
	var all []approval.Request
	for i := range many {
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
	require.Eventually(t, func() bool { return len(placed()) == many }, 3*time.Minute, 100*time.Millisecond)
	t.Logf("%d requests in %d messages within %s", many, len(o.slack.Messages(secops)), time.Since(began).Round(time.Second))
	require.LessOrEqual(t, len(o.slack.Messages(secops)), many/10)
	last := placed()[all[many-1].Digest]
	require.True(t, last.Fold)
	m, ok := o.slack.Message(last.Channel, last.TS)
	require.True(t, ok)
	require.Contains(t, o.slack.Plain(m), fmt.Sprintf("Disable the key of host %d?", many-1))

	got, err := o.slack.PressValue("U0ALICE", m.Channel, m.TS, blocks.ActReview, string(all[many-1].Digest))
	require.NoError(t, err)
	require.Contains(t, o.slack.PlainView(*got.View), fmt.Sprintf("Disable the key of host %d?", many-1))
	got, err = o.slack.PressInView("U0ALICE", blocks.ActApprove, string(all[many-1].Digest))
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
	t.Parallel()
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
	t.Parallel()
	o := open(t)
	o.slack.Inject(standin.Fault{Method: "chat.postMessage", Kind: standin.Refuse, Code: "not_in_channel", Times: 1})
	f := o.serve()
	o.asks()
	m := o.card(other)
	require.Contains(t, o.slack.Plain(m), "Approval needed")
	_ = f
}

// What has come due is said below the card, once: by whoever leads then.
func TestReminders(t *testing.T) {
	t.Parallel()
	o := open(t)
	f := o.serve()
	r := o.asks()
	m := o.card(secops)
	due := func(f *slack.Front, kind desk.NoticeKind) {
		f.Notify(t.Context(), desk.Notice{Kind: kind, Run: run, Approval: r.ID, Digest: r.Digest, Expires: r.Expires})
	}
	due(f, desk.HalfTime)
	require.False(t, o.threadReads(m, "Half of the time is over.").Broadcast)
	o.until(func() bool { return o.told("half_time") })

	first := o.stop
	second := o.serve()
	both := o.stop
	o.stop = func() { first(); both() }
	due(second, desk.HalfTime)
	due(second, desk.LastCall) // who leads does not say it any more
	first()
	o.threadReads(m, "Last call.")
	o.until(func() bool { return o.told("last_call") })

	_, err := o.Vote(t.Context(), desk.Principal{Person: "zoe", Surface: "cli"}, run, desk.Vote{
		Approval: r.ID, Digest: r.Digest, Verdict: approval.Approve, BreakGlass: true, Reason: "it burns",
	})
	require.NoError(t, err)
	require.True(t, o.threadReads(m, "The glass was broken").Broadcast)
	require.Len(t, o.slack.Thread(m.Channel, m.TS), 3)
}

// What ends while nobody leads is told when somebody does, and what was told is not told again.
func TestToldLater(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.serve()
	r := o.asks()
	m := o.card(secops)
	o.press("U0ALICE", m, blocks.ActApprove)
	o.reads(m, "Approved, running")
	o.stop()
	o.does(r, "")
	o.serve()
	o.threadReads(m, "disable")
	o.until(func() bool { return o.told("disable done") })
	o.stop()
	o.ends(workflows.Done, "contained", "")
	o.serve()
	o.threadReads(m, "The run is done: contained")
	o.final(m)
	require.Len(t, o.slack.Thread(m.Channel, m.TS), 2)
}

// A card that nobody said yes to tells what its run came to all the same, and is final then.
func TestWhatItCameTo(t *testing.T) {
	for name, tc := range map[string]struct {
		ends  func(o *office, r approval.Request)
		reads string
	}{
		"rejected": {func(o *office, r approval.Request) {
			_, err := o.Vote(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, run, desk.Vote{Approval: r.ID, Digest: r.Digest, Verdict: approval.Reject, Reason: "no"})
			require.NoError(t, err)
		}, "Rejected"},
		"expired":   {func(o *office, r approval.Request) { o.decides(r, approval.Expired) }, "Timed out"},
		"withdrawn": {func(o *office, r approval.Request) { o.decides(r, approval.Withdrawn) }, "Withdrawn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			o.serve()
			r := o.asks()
			m := o.card(secops)
			tc.ends(o, r)
			o.reads(m, tc.reads)
			o.ends(workflows.Done, "left alone", "")
			o.threadReads(m, "The run is done: left alone")
			o.reads(m, "Run done")
			o.final(m)
		})
	}
	t.Run("answered", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		o.serve()
		q := o.questions()
		m := o.card(secops)
		_, err := o.Answer(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, run, desk.Answer{
			Question: q.ID, Digest: q.Digest, Values: map[string]json.RawMessage{"note": json.RawMessage(`"yes"`)},
		})
		require.NoError(t, err)
		o.reads(m, "Answered")
		o.ends(workflows.Failed, "", "AWS said no")
		require.True(t, o.threadReads(m, "AWS said no").Broadcast)
		o.reads(m, "Run failed")
		o.final(m)
	})
}

// A step that fails is said to the channel; so is a run that fails and has asked nobody.
func TestFails(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	o := open(t)
	o.serve()
	o.asks()
	m := o.card(secops)
	_, err := o.Halt(t.Context(), desk.Principal{Person: "bob", Surface: "cli"}, "an exercise")
	require.NoError(t, err)
	o.reads(m, "Effects are halted")
	o.press("U0ALICE", m, blocks.ActApprove)
	o.hears("U0ALICE", "Effects are halted since")
	_, err = o.Resume(t.Context(), desk.Principal{Person: "zoe", Surface: "cli"}, "it is over")
	require.NoError(t, err)
	o.until(func() bool {
		is, _ := o.slack.Message(m.Channel, m.TS)
		return !strings.Contains(o.slack.Plain(is), "halted")
	})
}
