package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/practice"
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
		require.NotNil(t, permit.Grant)
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

// standing is a yes to what is asked now, as the gateway would sign it.
func (h *house) standing(person string) approval.Standing {
	h.Helper()
	v := h.ballot(person, approval.Approve)
	signed, err := h.signed(v)
	require.NoError(h, err)
	var s approval.Standing
	require.NoError(h, json.Unmarshal(signed.Body, &s))
	return s
}

// What keeps a standing from being believed is said to who brings it at once, and of a signal by the
// story of the run. The run goes on as if nothing had been.
func TestRefusedStandings(t *testing.T) {
	stranger := practice.New()
	for name, tc := range map[string]struct {
		change func(*approval.Standing)
		sign   func(*practice.Desk, approval.Standing) (grant.Signed, error)
		says   string
		quiet  bool // a signal leaves no trace
	}{
		"another digest":    {change: func(s *approval.Standing) { s.Request = "sha256:0123456789abcdef" }, says: "it is about 0123456789ab, and what is asked now is"},
		"no digest":         {change: func(s *approval.Standing) { s.Request = "" }, says: "look at the request again"},
		"another approval":  {change: func(s *approval.Standing) { s.Approval = "task" }, says: `is not asking "task"`, quiet: true},
		"another run":       {change: func(s *approval.Standing) { s.Run = "p/other" }, says: "it is for the run p/other, and this is default-test-workflow-id"},
		"another execution": {change: func(s *approval.Standing) { s.Execution = "before-the-reset" }, says: "it is for the execution before-the-reset of the run, and this is"},
		"no decision":       {change: func(s *approval.Standing) { s.Decision.Outcome = "maybe" }, says: `"maybe" is no decision`},
		"withdrawn":         {change: func(s *approval.Standing) { s.Decision.Outcome = approval.Withdrawn }, says: `"withdrawn" is no decision`},
		"no grant":          {change: func(s *approval.Standing) { s.Grant = nil }, says: "a yes to effects comes with a grant"},
		"another key": {
			sign: func(_ *practice.Desk, s approval.Standing) (grant.Signed, error) {
				return stranger.Sign(grant.KindStanding, s)
			},
			says: "not signed by a key that is trusted here",
		},
		"a changed body": {
			sign: func(d *practice.Desk, s approval.Standing) (grant.Signed, error) {
				s.Decision.Outcome = approval.Rejected
				signed, err := d.Sign(grant.KindStanding, s)
				signed.Body = bytes.Replace(signed.Body, []byte(`"outcome":"rejected"`), []byte(`"outcome":"approved"`), 1)
				return signed, err
			},
			says: "the signature of the standing does not fit",
		},
		"no signature": {
			sign: func(d *practice.Desk, s approval.Standing) (grant.Signed, error) {
				signed, err := d.Sign(grant.KindStanding, s)
				signed.Signature = nil
				return signed, err
			},
			says: "the signature of the standing does not fit",
		},
		"a ticket": {
			sign:  func(d *practice.Desk, s approval.Standing) (grant.Signed, error) { return d.Sign(grant.KindTicket, s) },
			says:  "a ticket stands where a standing should",
			quiet: true,
		},
		"a ticket that is called a standing": {
			sign: func(d *practice.Desk, s approval.Standing) (grant.Signed, error) {
				signed, err := d.Sign(grant.KindTicket, s)
				signed.Kind = grant.KindStanding
				return signed, err
			},
			says: "the signature of the standing does not fit",
		},
		"too long": {change: func(s *approval.Standing) { s.Votes[0].Reason = strings.Repeat("x", 600_000) }, says: "at most 524288 are read", quiet: true},
		"nothing": {
			sign: func(*practice.Desk, approval.Standing) (grant.Signed, error) {
				return grant.Signed{Kind: grant.KindStanding}, nil
			},
			says:  "it is no standing",
			quiet: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			var byUpdate *answer
			h.at(time.Minute, func() {
				s := h.standing(alice)
				if tc.change != nil {
					tc.change(&s)
				}
				if tc.sign == nil {
					tc.sign = func(d *practice.Desk, s approval.Standing) (grant.Signed, error) {
						return d.Sign(grant.KindStanding, s)
					}
				}
				signed, err := tc.sign(h.desk, s)
				require.NoError(t, err)
				byUpdate = h.bring(signed)
				h.env.SignalWorkflow(workflows.DecideSignal, signed)
			})
			outcome, err := h.run(asking("1"))
			require.NoError(t, err)
			require.Contains(t, outcome, "no nobody decided")
			require.ErrorContains(t, byUpdate.refusal(), tc.says)
			require.ErrorContains(t, byUpdate.refusal(), "the vote does not count")
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

// What was decided stays decided, whoever signs something else later.
func TestAnotherOrLateDecisionIsRefused(t *testing.T) {
	h := newHouse(t)
	var before, again, other, late *answer
	h.at(30*time.Second, func() {
		before = h.update(approval.Vote{Approval: "later", Person: alice, Verdict: approval.Approve})
		yes := h.standing(alice)
		sign := func(s approval.Standing) grant.Signed {
			signed, err := h.desk.Sign(grant.KindStanding, s)
			require.NoError(t, err)
			return signed
		}
		h.bring(sign(yes))
		h.at(time.Minute, func() {
			again = h.bring(sign(yes))
			open := yes
			open.Decision, open.Grant, open.Votes = nil, nil, nil
			require.Nil(t, h.bring(sign(open)).rejected, "one that was overtaken changes nothing")
			no := yes
			no.Decision = &approval.Decision{Outcome: approval.Rejected, By: []string{bob}, At: h.env.Now()}
			other = h.bring(sign(no))
		})
	})
	h.at(5*time.Minute, func() {
		yes := h.standing(bob)
		h.at(24*time.Hour-5*time.Minute+time.Minute, func() { // the time to decide, and a minute
			signed, err := h.desk.Sign(grant.KindStanding, yes)
			require.NoError(t, err)
			late = h.bring(signed)
		})
	})
	_, err := h.run(`
  - {id: first, approve: "First?", approvers: [oncall]}
  - {id: later, approve: "Later?", approvers: [oncall], expires: 24h}
  - {wait: 1h}
`)
	require.NoError(t, err)
	require.ErrorContains(t, before.rejected, `is not asking "later"`)
	require.NoError(t, again.refusal())
	require.Equal(t, approval.Approved, again.result.Decision.Outcome)
	require.ErrorContains(t, other.refusal(), "the request is already approved")
	require.ErrorContains(t, late.refusal(), "the request is already expired")
	first := h.status().Approvals[0]
	require.Equal(t, []string{alice}, first.Decision.By)
	require.Len(t, first.Votes, 1)
	require.Empty(t, first.Refused)
	require.Equal(t, approval.Expired, h.status().Approvals[1].Decision.Outcome)
}

// A decision that was made in time has half a minute to arrive.
func TestGrace(t *testing.T) {
	for after, want := range map[time.Duration]string{29 * time.Second: "yes", 31 * time.Second: "no"} {
		h := newHouse(t)
		h.at(time.Minute, func() {
			yes, err := h.signed(h.ballot(alice, approval.Approve))
			require.NoError(t, err)
			h.at(59*time.Minute+after, func() { h.bring(yes) })
		})
		outcome, err := h.run(strings.Replace(asking("1"), "outcome:", "  - {wait: 1h}\noutcome:", 1))
		require.NoError(t, err)
		require.Equal(t, want, strings.Fields(outcome)[0], after)
	}
}

// Two decisions that both passed the validator are taken one after the other.
func TestDecisionsAtTheSameMoment(t *testing.T) {
	h := newHouse(t)
	var yes, no *answer
	h.at(time.Minute, func() {
		s := h.standing(alice)
		a, err := h.desk.Sign(grant.KindStanding, s)
		require.NoError(t, err)
		s.Decision = &approval.Decision{Outcome: approval.Rejected, By: []string{bob}, At: h.env.Now()}
		b, err := h.desk.Sign(grant.KindStanding, s)
		require.NoError(t, err)
		yes, no = h.bring(a), h.bring(b)
	})
	_, err := h.run(strings.Replace(asking("1"), "outcome:", "  - {wait: 1h}\noutcome:", 1))
	require.NoError(t, err)
	counted, refused := yes, no
	if yes.refusal() != nil {
		counted, refused = no, yes
	}
	require.NoError(t, counted.refusal())
	require.ErrorContains(t, refused.refusal(), "the request is already "+string(counted.result.Decision.Outcome))
}

// Strangers cannot make a run's story too long to be told: of what they send little is kept.
func TestRefusedSignalsAreBounded(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		s := h.standing(alice)
		s.Execution = strings.Repeat("e", 100_000)
		forged, err := h.desk.Sign(grant.KindStanding, s)
		require.NoError(t, err)
		for range 50 {
			h.env.SignalWorkflow(workflows.DecideSignal, forged)
		}
		h.approve(alice)
	})
	_, err := h.run(asking("1"))
	require.NoError(t, err)
	raw, err := json.Marshal(h.status())
	require.NoError(t, err)
	require.Len(t, h.status().Approvals[0].Refused, 20)
	require.Less(t, len(raw), 15_000)
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
