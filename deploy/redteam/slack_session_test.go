package redteam

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	chatstandin "github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// What somebody can do who has taken over a person's session of Slack, where Slack asks nobody for a
// second factor.

// changing is the policy that ships, with another need for what changes an account.
func changing(need string) string {
	const was = "then: {approval: {groups: [secops-oncall], quorum: 1}}\n    reason: what changes an account"
	return replaced(policyText(""), was, "then: {approval: {groups: [secops-oncall], "+need+"}}\n    reason: what changes an account")
}

// says presses a button as Slack would deliver it, whether or not there is one.
func (c *chat) says(user string, m chatstandin.Message, action string, r approval.Request) {
	c.Helper()
	got := c.slack.Deliver("interactive", click(user, m.Channel, m.TS, action, string(r.Digest)))
	require.True(c, got.Acked, "%d %s", got.Status, got.Answer)
}

// inSlack are a standing and a grant of people who said yes in Slack, signed by the gateway itself, as
// one would be that counts wrongly.
func inSlack(broken string) func(*approval.Standing, *grant.Grant) {
	return func(s *approval.Standing, g *grant.Grant) {
		at := g.Approvers[0].At
		g.BreakGlass, g.Approvers, s.Votes, s.Decision.By = broken, nil, nil, nil
		for _, person := range []string{"alice", "bob"} {
			if broken != "" {
				person = "carol"
			}
			g.Approvers = append(g.Approvers, grant.Approver{Person: person, At: at, Surface: grant.SurfaceSlack})
			s.Votes = append(s.Votes, approval.Vote{Approval: s.Approval, Digest: s.Request, Person: person, Verdict: approval.Approve, At: at, Surface: grant.SurfaceSlack, BreakGlass: broken != "", Reason: broken})
			s.Decision.By = append(s.Decision.By, person)
			if s.Decision.BreakGlass = broken != ""; broken != "" {
				return
			}
		}
	}
}

// sessionElsewhere has the sessions of two people where policy takes votes on the command line alone.
func sessionElsewhere(t *testing.T) {
	c := newChat(t, overHTTP, changing("quorum: 2, surfaces: [cli]"))
	for i, broken := range []string{"", "nobody answers, and the key is being used"} {
		forged := c.asks(fmt.Sprintf("forged-%d", i), "")
		require.NoError(t, c.update(forged.Run, workflows.DecideUpdate, standing(c.world, c.signer, forged, inSlack(broken))))
		c.until(forged.Run, func(s *workflows.Status) bool {
			asking := s.Asking()
			return s.State.Over() || len(asking) == 1 && asking[0].Digest != forged.Digest
		})
		c.untouched()
	}

	r := c.started()
	m := c.card(r)
	for _, b := range m.Buttons() {
		require.NotEqual(t, blocks.ActApprove, b.Action, "there is a button that does not count")
	}
	c.says("U0ALICE", m, blocks.ActApprove, r)
	c.hears("U0ALICE", "only on cli, and not on slack")
	broken := vote(r, approval.Approve)
	broken.BreakGlass, broken.Reason = true, "nobody answers, and the key is being used"
	_, err := c.desk.Vote(t.Context(), desk.Principal{Person: "carol", Surface: "slack"}, r.Run, broken)
	require.ErrorContains(t, err, "nobody breaks the glass on slack")
	c.undecided()

	// Somebody puts a vote into the record past the desk: it does not count.
	require.NoError(t, c.ledger.Do(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Vote, Run: r.Run, Key: ledger.VoteKey(r.Digest, "alice"), Body: ledger.VoteBody{
			Request: r.Digest, Approval: r.ID, Person: "alice", Verdict: string(approval.Approve), Surface: grant.SurfaceSlack,
		}})
		return err
	}))
	require.Nil(t, c.approve("bob", r).Decision)
	c.undecidedYet()
	c.untouched()
	c.write("people.yaml", replaced(slackPeople, "secops-oncall: [", "secops-oncall: [carol, "))
	require.Equal(t, []string{"bob", "carol"}, c.approve("carol", r).Decision.By)
	c.once(3)
}

// sessionAlone has the session of one person where policy asks for two.
func sessionAlone(t *testing.T) {
	c := newChat(t, overHTTP, changing("quorum: 2"))
	r := c.started()
	m := c.card(r)
	c.press("U0ALICE", m, blocks.ActApprove)
	c.hears("U0ALICE", "Recorded: you said yes. So far: 1 of 2")
	c.press("U0ALICE", m, blocks.ActApprove)
	require.Nil(t, c.approve("alice", r).Decision, "alice is one, on whatever surface")
	// Two people cannot share an account, and whoever writes the directory cannot make them.
	c.write("people.yaml", replaced(slackPeople, "slack: U0BOB", "slack: U0ALICE"))
	c.press("U0ALICE", m, blocks.ActApprove)
	c.write("people.yaml", replaced(slackPeople, "slack: U0BOB", "slack: U0ZOE, email2: x"))
	c.press("U0ZOE", m, blocks.ActApprove)
	c.hears("U0ZOE", "The directory of approvers cannot be read")
	c.write("people.yaml", slackPeople)
	require.Len(t, c.records(ledger.Vote), 1)
	c.undecidedYet()
	c.untouched()

	// What nobody can read in one message is not decided there.
	var steps strings.Builder
	for i := range approval.MaxCalls {
		fmt.Fprintf(&steps, "      - {id: more%d, activity: aws.iam.disable_access_key, with: %s}\n", i, inline(c.world, leaked))
	}
	long := c.asks("long", steps.String())
	require.True(t, long.Long())
	shown := c.card(long)
	for _, b := range shown.Buttons() {
		require.NotEqual(t, blocks.ActApprove, b.Action, "there is a button below what is not shown whole")
	}
	c.says("U0ALICE", shown, blocks.ActApprove, long)
	c.says("U0BOB", shown, blocks.ActApprove, long)
	c.hears("U0BOB", "It is too long to be shown whole here")
	require.Len(t, c.records(ledger.Vote), 1)
	c.untouched()

	c.press("U0BOB", m, blocks.ActApprove)
	c.once(2)
}

// racingSurfaces is a yes in Slack, eight times, and a no on the command line at the same time.
func racingSurfaces(t *testing.T) {
	c := newChat(t, overHTTP, "")
	r := c.started()
	m := c.card(r)
	var all sync.WaitGroup
	for i := range 8 {
		is := signed(chatstandin.SampleSecret, inline(c.world, click("U0ALICE", m.Channel, m.TS, blocks.ActApprove, string(r.Digest)))+strings.Repeat(" ", i))
		all.Go(func() {
			if got, err := c.exchange(c.gate, is); err != nil || got.status != http.StatusOK {
				t.Errorf("click %d: %d %v", i, got.status, err)
			}
		})
		all.Go(func() {
			_, _ = c.desk.Vote(t.Context(), by("bob"), r.Run, vote(r, approval.Reject)) // it may come too late
		})
	}
	all.Wait()
	c.over(sampleRun)
	require.LessOrEqual(t, len(c.records(ledger.Vote)), 2, "one vote a person")
	decisions := c.records(ledger.Decision)
	require.Len(t, decisions, 1)
	var d ledger.DecisionBody
	require.NoError(t, json.Unmarshal(decisions[0].Body, &d))
	if d.Grant == nil {
		require.NotContains(t, c.changes(), "iam:UpdateAccessKey")
	} else {
		require.Equal(t, contained, c.changes())
	}
}
