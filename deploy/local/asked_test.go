package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/policy"
)

// What people are asked in every way on the real server: by the playbook, after an edit, anew, by
// policy alone, and to do something by hand. What that wrote replays.
func TestAskedOnTheServer(t *testing.T) {
	const alice = "alice@example.com"
	m := newMatrix(t)
	m.desk.Judge = func(c workflows.JudgeCall) policy.Verdict {
		need := grant.Need{Groups: []string{"oncall"}, Quorum: 1}
		switch {
		case strings.Contains(string(c.Input), "attic"):
			return policy.Verdict{Mode: policy.Manual, Rule: "high", Need: need}
		case c.Activity == "lamp.douse":
			return policy.Verdict{Mode: policy.Approval, Rule: "dark", Need: need}
		default:
			return policy.Verdict{Mode: policy.Automatic, Rule: "rest"}
		}
	}
	before := m.lamps.did
	status := m.finish(t, "asked", `
playbook: cell
stage: run
steps:
  - id: ask
    approve: Smash it?
    approvers: [oncall]
    steps:
      - {id: light, activity: lamp.light, with: {lamp: hall}}
      - {id: smash, activity: lamp.smash, with: {lamp: hall}}
  - {id: alone, activity: lamp.douse, with: {lamp: hall}}
  - {id: hand, activity: lamp.light, with: {lamp: attic}}
`, func(s *workflows.Status) {
		for _, a := range s.Asking() {
			if a.ID == "ask" && len(a.Edits) == 0 {
				order, err := m.desk.Sign(grant.KindEdit, approval.EditOrder{
					Run: a.Run, Execution: a.Execution, Approval: a.ID, Request: a.Digest, Step: "smash", Input: []byte(`{"lamp":"cellar"}`), By: alice, At: a.Asked,
				})
				require.NoError(t, err)
				_, err = m.runs.Edit(t.Context(), s.Run, order)
				require.NoError(t, err)
				continue
			}
			yes, err := m.desk.Vote(a.Request, approval.Vote{Approval: a.ID, Digest: a.Digest, Person: alice, Verdict: approval.Approve, At: a.Asked})
			require.NoError(t, err)
			result, err := m.runs.Decide(t.Context(), s.Run, yes)
			require.NoError(t, err)
			require.Equal(t, approval.Approved, result.Decision.Outcome)
		}
		for _, q := range s.Unanswered() {
			said, err := m.desk.Answer(q.Question, approval.Answer{Question: q.ID, Digest: q.Digest, Person: alice, Values: map[string]json.RawMessage{"done": json.RawMessage(`"yes"`)}})
			require.NoError(t, err)
			_, err = m.runs.Answer(t.Context(), s.Run, said)
			require.NoError(t, err)
		}
	})
	require.Equal(t, workflows.Done, status.State, status.Error)
	require.Equal(t, before+3, m.lamps.did, "lit once, smashed, doused")
	var asked []string
	for _, a := range status.Approvals {
		asked = append(asked, a.ID+" "+string(a.Decision.Outcome))
	}
	require.Equal(t, []string{"ask withdrawn", "ask approved", "ask approved", "alone approved"}, asked)
	require.Len(t, status.Approvals[2].Calls, 1)
	require.JSONEq(t, `{"lamp":"cellar"}`, string(status.Approvals[2].Calls[0].Input))
	require.Equal(t, status.Approvals[1].Digest, status.Approvals[2].Again.Of)
	require.Equal(t, alice, status.Step("hand").ByHand)
	for range 5 {
		m.replay(t, status.Run)
	}
	keep(t, "asked", m.runs, status.Run, status.Execution)
}
