package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

func asking(quorum string) string {
	return `
  - id: ask
    approve: Smash it?
    approvers: [oncall]
    quorum: ` + quorum + `
    expires: 1h
    steps:
      - {id: douse, activity: lamp.douse, with: {lamp: desk}}
      - {id: smash, activity: lamp.smash, with: {lamp: desk, note: "${inputs.lamp}"}}
outcome: '(steps.ask.approved ? "yes" : "no") + " " + steps.ask.reason + " " + steps.ask.by.join(",")'
`
}

var smashed = []string{`lamp.douse {"lamp":"desk"}`, `lamp.smash {"lamp":"desk","note":"desk"}`}

func TestApproved(t *testing.T) {
	h := newHouse(t)
	var a *answer
	h.at(time.Minute, func() {
		v := h.ballot(alice, approval.Approve)
		v.Reason = "it hums"
		a = h.update(v)
	})
	outcome, err := h.run(asking("1"))
	require.NoError(t, err)
	require.Equal(t, "yes it hums "+alice, outcome)
	require.NoError(t, a.rejected)
	require.NoError(t, a.err)
	require.Equal(t, 1, a.result.Votes)
	require.Equal(t, approval.Approved, a.result.Decision.Outcome)
	require.Equal(t, smashed, h.calls())

	// The permit is for the calls that were shown, in the name of who said yes, and for nothing else.
	request := h.status().Approvals[0]
	require.Len(t, h.permits, 2)
	for _, permit := range h.permits {
		require.Equal(t, "ask", permit.Approval)
		require.Equal(t, []string{alice}, permit.By)
		require.Len(t, permit.Covers, 2)
		for i, c := range request.Calls {
			require.Equal(t, c.Digest, permit.Covers[i])
			again, err := activities.Call{Activity: c.Activity, Version: c.Version, Input: c.Input}.Digest()
			require.NoError(t, err)
			require.Equal(t, c.Digest, again)
		}
	}
}

// A change outside an approval gets a permit for itself alone.
func TestPermitOfAStepByItself(t *testing.T) {
	h := newHouse(t)
	_, err := h.run("  - {activity: lamp.douse, with: {lamp: desk}}\n  - {activity: lamp.light, with: {lamp: desk}}")
	require.NoError(t, err)
	require.Len(t, h.permits, 2)
	for _, permit := range h.permits {
		require.Empty(t, permit.Approval)
		require.Len(t, permit.Covers, 1)
	}
	require.NotEqual(t, h.permits[0].Covers, h.permits[1].Covers)
}

func TestRejected(t *testing.T) {
	for reason, want := range map[string]string{"it is art": "no it is art " + bob, "": "no rejected by " + bob + " " + bob} {
		h := newHouse(t)
		h.at(time.Minute, func() {
			v := h.ballot(bob, approval.Reject)
			v.Reason = reason
			h.update(v)
		})
		outcome, err := h.run(asking("2"))
		require.NoError(t, err)
		require.Equal(t, want, outcome)
		require.Empty(t, h.calls())
		require.Equal(t, playbook.StatusDone, h.statuses()["ask"])
		require.Equal(t, playbook.StatusSkipped, h.statuses()["smash"])
	}
}

func TestExpired(t *testing.T) {
	h := newHouse(t)
	began := h.env.Now()
	var late *answer
	h.at(time.Minute, func() { h.approve(alice) }) // one of two
	h.at(59*time.Minute, func() {
		v := h.ballot(alice, approval.Approve)
		h.at(2*time.Minute, func() { late = h.update(v) })
	})
	outcome, err := h.run(asking("2") + "\n")
	require.NoError(t, err)
	require.Equal(t, "no nobody decided within 1h0m0s ", outcome)
	require.Empty(t, h.calls())
	require.GreaterOrEqual(t, h.env.Now().Sub(began), time.Hour)
	require.Equal(t, approval.Expired, h.status().Approvals[0].Decision.Outcome)
	require.Len(t, h.status().Approvals[0].Votes, 1)
	require.Nil(t, late, "the run is over")
}

func TestQuorum(t *testing.T) {
	h := newHouse(t)
	var first, again, second *answer
	h.at(time.Minute, func() { first = h.approve(alice) })
	h.at(2*time.Minute, func() {
		again = h.approve(alice)
		require.Equal(t, workflows.Waiting, h.status().State)
	})
	h.at(3*time.Minute, func() { second = h.approve(bob) })
	outcome, err := h.run(asking("2"))
	require.NoError(t, err)
	require.Equal(t, "yes  "+alice+","+bob, outcome)
	require.Equal(t, 1, first.result.Votes)
	require.Nil(t, first.result.Decision)
	require.NoError(t, again.rejected, "a second press of the button is no offence")
	require.Equal(t, 1, again.result.Votes)
	require.Equal(t, 2, second.result.Votes)
	require.Equal(t, []string{alice, bob}, second.result.Decision.By)
}

// The same refusals reach a person at once, and a machine's signal by the story of the run.
func TestRefusedVotes(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*approval.Vote)
		says   string
		quiet  bool // a signal leaves no trace
	}{
		"a stranger":       {func(v *approval.Vote) { v.Person = carol }, "carol@example.com is not among those who may answer", false},
		"nobody":           {func(v *approval.Vote) { v.Person = "" }, "it names nobody", false},
		"other case":       {func(v *approval.Vote) { v.Person = "Alice@example.com" }, "not among", false},
		"another digest":   {func(v *approval.Vote) { v.Digest = "sha256:0123456789abcdef" }, "it was cast for 0123456789ab, and what is asked now is", false},
		"no digest":        {func(v *approval.Vote) { v.Digest = "" }, "it was cast for", false},
		"another approval": {func(v *approval.Vote) { v.Approval = "task" }, `is not asking "task"`, true},
		"no verdict":       {func(v *approval.Vote) { v.Verdict = "maybe" }, `"maybe" is not an answer; want approve or reject`, false},
		"a long reason":    {func(v *approval.Vote) { v.Reason = strings.Repeat("x", approval.MaxReason+1) }, "at most 2000 are kept", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			var byUpdate *answer
			h.at(time.Minute, func() {
				v := h.ballot(alice, approval.Approve)
				tc.change(&v)
				byUpdate = h.update(v)
				h.env.SignalWorkflow(workflows.DecideSignal, v)
			})
			outcome, err := h.run(asking("1"))
			require.NoError(t, err)
			require.Contains(t, outcome, "no nobody decided")
			require.ErrorContains(t, byUpdate.rejected, tc.says)
			require.ErrorContains(t, byUpdate.rejected, "the vote does not count")
			require.Empty(t, h.calls())
			a := h.status().Approvals[0]
			require.Empty(t, a.Votes)
			if tc.quiet {
				require.Empty(t, a.Refused)
				return
			}
			require.Len(t, a.Refused, 1, "only the signal leaves a trace")
			require.Contains(t, a.Refused[0], tc.says)
		})
	}
}

func TestAnOppositeOrLateVoteIsRefused(t *testing.T) {
	h := newHouse(t)
	var opposite, late, before *answer
	var v approval.Vote
	h.at(30*time.Second, func() {
		before = h.update(approval.Vote{Approval: "later", Person: alice, Verdict: approval.Approve})
		v = h.ballot(bob, approval.Approve)
	})
	h.at(time.Minute, func() { h.approve(alice) })
	h.at(2*time.Minute, func() { opposite = h.update(h.ballot(alice, approval.Reject)) })
	h.at(3*time.Minute, func() { h.approve(bob) })
	// The first request is decided; the run waits for the second.
	h.at(4*time.Minute, func() {
		late = h.update(approval.Vote{Approval: v.Approval, Digest: v.Digest, Person: bob, Verdict: approval.Reject})
	})
	h.at(5*time.Minute, func() { h.env.SignalWorkflow(workflows.DecideSignal, v) }) // the same as bob's, so it changes nothing
	_, err := h.run(`
  - {id: first, approve: "First?", approvers: [oncall], quorum: 2}
  - {id: later, approve: "Later?", approvers: [oncall]}
`)
	require.NoError(t, err)
	require.ErrorContains(t, before.rejected, `is not asking "later"`)
	require.ErrorContains(t, opposite.rejected, "alice@example.com has already answered approve")
	require.ErrorContains(t, late.rejected, "bob@example.com has already answered approve")
	first := h.status().Approvals[0]
	require.Len(t, first.Votes, 2)
	require.Empty(t, first.Refused)
	require.Equal(t, approval.Expired, h.status().Approvals[1].Decision.Outcome)
}

// Two votes that both passed the validator are counted one after the other.
func TestVotesAtTheSameMoment(t *testing.T) {
	h := newHouse(t)
	var yes, no *answer
	h.at(time.Minute, func() {
		a, b := h.ballot(alice, approval.Approve), h.ballot(bob, approval.Reject)
		yes, no = h.update(a), h.update(b)
	})
	_, err := h.run(asking("1"))
	require.NoError(t, err)
	require.Equal(t, approval.Approved, yes.result.Decision.Outcome)
	refusal := no.rejected
	if refusal == nil {
		refusal = no.err
	}
	require.ErrorContains(t, refusal, "the request is already approved")
	require.Equal(t, smashed, h.calls())
}

func TestRefusedSignalsAreBounded(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		v := h.ballot(carol, approval.Approve)
		for range 50 {
			h.env.SignalWorkflow(workflows.DecideSignal, v)
		}
	})
	_, err := h.run(asking("1"))
	require.NoError(t, err)
	require.Len(t, h.status().Approvals[0].Refused, 20)
}

// Strangers cannot make a run's story too long to be told: what they send is cut before it is kept.
func TestRefusedSignalsAreShort(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		for _, change := range []func(*approval.Vote){
			func(v *approval.Vote) { v.Person = strings.Repeat("m", 900_000) },
			func(v *approval.Vote) { v.Reason = strings.Repeat("r", 900_000) },
			func(v *approval.Vote) { v.Verdict = approval.Verdict(strings.Repeat("v", 900_000)) },
			func(v *approval.Vote) { v.Digest = digest.Digest(strings.Repeat("d", 900_000)) },
		} {
			v := h.ballot(alice, approval.Approve)
			change(&v)
			h.env.SignalWorkflow(workflows.DecideSignal, v)
		}
		h.approve(alice)
	})
	_, err := h.run(asking("1"))
	require.NoError(t, err)
	raw, err := json.Marshal(h.status())
	require.NoError(t, err)
	require.Len(t, h.status().Approvals[0].Refused, 4)
	require.Less(t, len(raw), 10_000)
}

// A request tells apart two runs that answer the same matter, and the same question asked twice.
func TestRequestsDiffer(t *testing.T) {
	names := map[digest.Digest]bool{}
	for range 2 {
		h := newHouse(t)
		h.at(time.Minute, func() { h.approve(alice) })
		_, err := h.run(asking("1"))
		require.NoError(t, err)
		names[h.status().Approvals[0].Digest] = true
	}
	require.Len(t, names, 2)
}

func TestApprovalsThatNobodyCanGive(t *testing.T) {
	for steps, says := range map[string]string{
		"  - {id: ask, approve: 'Really?', approvers: [unheard]}":                                                                                           `step "ask": look up the people of [unheard]: the directory has no group "unheard"`,
		"  - {id: ask, approve: 'Really?', approvers: [night], quorum: 2}":                                                                                  `step "ask": 2 people must answer, and the groups [night] have 1; add people to the directory`,
		"  - {id: ask, approve: 'Really? ${event.data.absent}', approvers: [night]}":                                                                        `step "ask": approve: evaluate "event.data.absent"`,
		"  - {id: ask, approve: 'Really?', approvers: [oncall], steps: [{id: b, activity: lamp.smash, with: {lamp: '${event.data.n}'}}]}":                   `step "ask": resolve the step "b": with: lamp: want string, got the number 5`,
		"  - {id: ask, approve: 'Really?', approvers: [oncall], steps: [{id: b, title: '${event.data.absent}', activity: lamp.smash, with: {lamp: desk}}]}": `step "ask": title of the step "b": evaluate`,
	} {
		t.Run(says, func(t *testing.T) {
			h := newHouse(t)
			_, err := h.run(steps)
			require.ErrorContains(t, err, says)
			require.Empty(t, h.calls())
			require.Empty(t, h.status().Approvals)
		})
	}
}

// A person who is in two groups is one person.
func TestTwoGroups(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		require.Equal(t, []string{alice, bob}, h.status().Asking()[0].People)
		h.approve(bob)
		h.approve(alice)
	})
	_, err := h.run("  - {id: ask, approve: 'Really?', approvers: [oncall, night], quorum: 2}")
	require.NoError(t, err)
	require.Equal(t, approval.Approved, h.status().Approvals[0].Decision.Outcome)
}

// When one of the approved calls fails the rest are not made, and the story says so.
func TestACoveredCallFails(t *testing.T) {
	h := newHouse(t)
	h.do["lamp.douse"] = func(context.Context, lampInput) (lampOutput, error) {
		return lampOutput{}, activities.Permanent("Stuck", errors.New("the switch is stuck"))
	}
	h.at(time.Minute, func() { h.approve(alice) })
	_, err := h.run(asking("1"))
	require.ErrorContains(t, err, `step "douse": the switch is stuck`)
	require.Equal(t, smashed[:1], h.calls())
	require.Equal(t, map[string]playbook.Status{"ask": "failed", "douse": "failed", "smash": "skipped"}, h.statuses())
	require.Equal(t, approval.Approved, h.status().Approvals[0].Decision.Outcome)
	require.Equal(t, `step "douse": the switch is stuck`, h.status().Step("ask").Error)
	require.Equal(t, "the switch is stuck", h.status().Step("douse").Error)
}

// A person may answer what covers no calls.
func TestAnApprovalOfNothing(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() { h.approve(alice) })
	outcome, err := h.run("  - {id: ask, approve: 'Really?', approvers: [oncall]}\n  - {if: '!steps.ask.approved', stop: no}\noutcome: '\"yes\"'")
	require.NoError(t, err)
	require.Equal(t, "yes", outcome)
}
