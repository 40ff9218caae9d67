package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

const anything = mock.Anything

// outdated lets calls of an activity be refused so many times, as the guard does when the world is
// no longer what people were shown.
func (h *house) outdated(activity string, times int) {
	h.do[activity] = func(_ context.Context, in lampInput) (lampOutput, error) {
		if times > 0 {
			times--
			h.is(in.Lamp, fmt.Sprintf("dim%d", times))
			return lampOutput{}, activities.Permanent(activities.AskAgain, errors.New("the lamp is dim by now"))
		}
		return lampOutput{State: "dark", Rooms: []string{}}, nil
	}
}

// yes approves whatever is asked at these minutes.
func (h *house) yes(minutes ...int) {
	for _, m := range minutes {
		h.at(time.Duration(m)*time.Minute, func() {
			for _, a := range h.status().Asking() {
				h.update(approval.Vote{Approval: a.ID, Digest: a.Digest, Person: alice, Verdict: approval.Approve})
			}
		})
	}
}

const three = `
  - id: ask
    approve: Smash it?
    approvers: [oncall]
    expires: 1h
    steps:
      - {id: douse, activity: lamp.douse, with: {lamp: desk}}
      - {id: smash, activity: lamp.smash, with: {lamp: desk}}
      - {id: hall, activity: lamp.smash, with: {lamp: hall}}
outcome: '(steps.ask.approved ? "yes" : "no") + steps.smash.status + steps.hall.status'
`

// When a call would do something else than was shown, people are asked again, about what is left,
// and told what is different. What was made is not made again.
func TestAskedAgain(t *testing.T) {
	h := newHouse(t)
	h.outdated("lamp.smash", 1)
	h.yes(1, 2)
	outcome, err := h.run(three)
	require.NoError(t, err)
	require.Equal(t, "yesdonedone", outcome)
	require.Equal(t, []string{
		`lamp.douse {"lamp":"desk"}`, `lamp.smash {"lamp":"desk"}`, // which is refused
		`lamp.smash {"lamp":"desk"}`, `lamp.smash {"lamp":"hall"}`,
	}, h.calls())
	first, second := h.status().Approvals[0], h.status().Approvals[1]
	require.Equal(t, first.ID, second.ID)
	require.Nil(t, first.Again)
	require.Equal(t, &approval.Again{Of: first.Digest, Why: "lamp.smash (destroy): the lamp is dim by now", Steps: []string{"smash"}}, again(second))
	require.Len(t, second.Calls, 2)
	require.Equal(t, "dim0", second.Calls[0].Preview.Changes[0].Before)
	require.Equal(t, first.Calls[2], second.Calls[1], "the rest is as it was")
	require.Equal(t, map[string]playbook.Status{"ask": "done", "douse": "done", "smash": "done", "hall": "done"}, h.statuses())
	var g grant.Grant
	require.NoError(t, json.Unmarshal(h.permits[3].Grant.Body, &g))
	require.Equal(t, second.Digest, g.Request)
	require.NotEqual(t, h.permits[0].Grant, h.permits[3].Grant)
}

// again is without what the environment puts around an error.
func again(a *workflows.ApprovalStatus) *approval.Again {
	out := *a.Again
	out.Why = "lamp.smash (destroy): the lamp is dim by now"
	return &out
}

// Nothing may be different: the yes was too long ago.
func TestAskedAgainForTime(t *testing.T) {
	h := newHouse(t)
	h.do["lamp.douse"] = func(context.Context, lampInput) (lampOutput, error) {
		if len(h.calls()) == 1 {
			return lampOutput{}, activities.Permanent(activities.AskAgain, errors.New("the grant has expired"))
		}
		return lampOutput{Rooms: []string{}}, nil
	}
	h.yes(1, 2)
	_, err := h.run(three)
	require.NoError(t, err)
	second := h.status().Approvals[1]
	require.Empty(t, second.Again.Steps)
	require.Contains(t, second.Again.Why, "the grant has expired")
	require.Len(t, second.Calls, 3)
}

func TestAskedAgainTooOften(t *testing.T) {
	for name, tc := range map[string]struct {
		steps, fails string
		says         policy.Verdict
	}{
		"under an approval": {steps: three, fails: `step "smash": people were asked anew 3 times, and still: `, says: policy.Verdict{Mode: policy.Automatic}},
		"by itself":         {steps: bare, fails: `step "a": people were asked anew 3 times, and still: `, says: wants(1, "oncall")},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.rules(map[string]policy.Verdict{"lamp.douse": tc.says})
			refused := "lamp.smash"
			if tc.steps == bare {
				refused = "lamp.douse"
			}
			h.outdated(refused, 100)
			h.yes(1, 2, 3, 4, 5, 6)
			_, err := h.run(tc.steps)
			require.ErrorContains(t, err, tc.fails)
			require.Len(t, h.status().Approvals, 4)
			for i, a := range h.status().Approvals {
				require.Equal(t, approval.Approved, a.Decision.Outcome)
				if i > 0 {
					require.Equal(t, h.status().Approvals[i-1].Digest, a.Again.Of)
				}
			}
		})
	}
}

// A no to the second question is a no, unless something was made on the first yes: then the step has
// failed, so that nobody takes it for done or left alone.
func TestAskedAgainAndRefused(t *testing.T) {
	for _, tc := range []struct{ outdated, outcome, fails string }{
		{"lamp.douse", "noskippedskipped", ""},
		{"lamp.smash", "", `step "ask": people were asked again about what was left, as it had changed: rejected: rejected by bob@example.com; what was made before stands`},
	} {
		h := newHouse(t)
		h.outdated(tc.outdated, 1)
		h.yes(1)
		h.at(2*time.Minute, func() { h.update(h.ballot(bob, approval.Reject)) })
		outcome, err := h.run(three)
		if tc.fails != "" {
			require.ErrorContains(t, err, tc.fails)
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, tc.outcome, outcome)
		require.Equal(t, playbook.StatusSkipped, h.statuses()["smash"])
	}
}

// An automatic call that the guard no longer takes for one is judged anew.
func TestJudgedAnew(t *testing.T) {
	h := newHouse(t)
	h.outdated("lamp.douse", 1)
	h.says = func(workflows.JudgeCall) policy.Verdict {
		if len(h.judged) == 1 {
			return policy.Verdict{Mode: policy.Automatic}
		}
		return wants(1, "oncall")
	}
	h.yes(1)
	_, err := h.run(bare)
	require.NoError(t, err)
	require.Len(t, h.calls(), 2)
	require.Nil(t, h.permits[0].Grant)
	require.NotNil(t, h.permits[1].Grant)
}
