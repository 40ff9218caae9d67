package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

func TestParallel(t *testing.T) {
	for name, tc := range map[string]struct {
		steps    string
		outcome  string
		fails    string
		statuses map[string]playbook.Status
		took     time.Duration
	}{
		"all succeed": {
			steps:   "  - {id: p, parallel: [{steps: [{id: a, activity: lamp.light, with: {lamp: desk}}, {set: {x: 1}}]}, {steps: [{id: b, activity: lamp.watch, with: {lamp: desk}}, {set: {y: 2}}]}]}\noutcome: steps.a.output.state + steps.b.output.state + string(vars.x + vars.y) + string(steps.p.failed)",
			outcome: "litlit30", statuses: map[string]playbook.Status{"p": "done", "a": "done", "b": "done"},
		},
		"side by side": {
			steps:   "  - {parallel: [{steps: [{wait: 1h}]}, {steps: [{wait: 2h}]}, {steps: [{wait: 30m}, {wait: 30m}]}]}",
			outcome: "done", took: 2 * time.Hour,
		},
		"the first failure cancels the others": {
			steps:    "  - {id: p, parallel: [{steps: [{id: a, wait: 1h}, {id: b, set: {x: 1}}]}, {steps: [{wait: 10m}, {id: c, activity: lamp.look, with: {lamp: desk}}]}]}",
			fails:    `step "c": it is dark`,
			statuses: map[string]playbook.Status{"p": "failed", "a": "failed", "b": "skipped", "c": "failed"}, took: 10 * time.Minute,
		},
		"what was cancelled still cleans up": {
			steps:   "  - {try: [{parallel: [{steps: [{try: [{id: a, wait: 1h}], finally: [{wait: 5m}, {id: b, set: {x: '${steps.a.?error.orValue(\"\")}'}}]}]}, {steps: [{id: c, activity: lamp.look, with: {lamp: desk}}]}]}], catch: [{stop: '${error.step} ${vars.?x.orValue(\"\")} ${steps.b.status}'}]}",
			outcome: "c cancelled done", took: 5 * time.Minute,
		},
		"continue on error": {
			steps:   "  - {id: p, continue_on_error: true, parallel: [{steps: [{id: a, wait: 1h}, {id: b, set: {x: 1}}]}, {steps: [{wait: 10m}, {id: c, activity: lamp.look, with: {lamp: desk}}, {id: d, set: {y: 1}}]}]}\noutcome: string(vars.?x.orValue(0)) + string(steps.p.failed) + steps.p.?error.orValue(\"\") + steps.d.status",
			outcome: `11step "c": it is darkskipped`, took: time.Hour,
			statuses: map[string]playbook.Status{"p": "done", "a": "done", "b": "done", "c": "failed", "d": "skipped"},
		},
		"a stop ends all": {
			steps:   "  - {id: p, continue_on_error: true, parallel: [{steps: [{id: a, wait: 1h}, {stop: late}]}, {steps: [{wait: 10m}, {stop: early}]}]}\n  - {id: d, set: {x: 1}}",
			outcome: "early", took: 10 * time.Minute, statuses: map[string]playbook.Status{"p": "done", "a": "failed", "d": "skipped"},
		},
		"a branch keeps what was there": {
			steps:   "  - set: {x: 1}\n  - {id: a, set: {z: 1}}\n  - {parallel: [{steps: [{set: {x: '${vars.x + 1}'}}]}, {steps: [{wait: 1m}, {set: {y: '${vars.x}'}}, {set: {w: '${steps.a.status}'}}]}]}\noutcome: string(vars.x) + string(vars.y) + vars.w",
			outcome: "21done",
		},
		"skipped": {
			steps:   "  - {id: p, if: run.id == '', parallel: [{steps: [{id: a, set: {x: 1}}]}]}\noutcome: string(steps.p.failed) + steps.a.status",
			outcome: "0skipped",
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			began := h.env.Now()
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			for id, want := range tc.statuses {
				require.Equal(t, want, h.statuses()[id], id)
			}
			if tc.took > 0 {
				require.Equal(t, tc.took, h.env.Now().Sub(began).Truncate(time.Minute))
			}
		})
	}
}

// Approvals of two branches are open at the same time, and each is decided for itself.
func TestParallelApprovals(t *testing.T) {
	h := newHouse(t)
	vote := func(id string, verdict approval.Verdict) {
		for _, a := range h.status().Asking() {
			if a.ID == id {
				h.update(approval.Vote{Approval: id, Digest: a.Digest, Person: alice, Verdict: verdict})
			}
		}
	}
	h.at(time.Minute, func() {
		require.Len(t, h.status().Asking(), 2)
		vote("two", approval.Reject)
	})
	h.at(2*time.Minute, func() {
		require.Len(t, h.status().Asking(), 1)
		require.Equal(t, workflows.Waiting, h.status().State, "one is still open")
		vote("one", approval.Approve)
	})
	outcome, err := h.run(`
  - parallel:
      - steps: [{id: one, approve: 'First?', approvers: [oncall], steps: [{id: a, activity: lamp.douse, with: {lamp: desk}}]}]
      - steps: [{id: two, approve: 'Second?', approvers: [oncall], steps: [{id: b, activity: lamp.smash, with: {lamp: desk}}]}]
outcome: steps.one.decision + " " + steps.two.decision
`)
	require.NoError(t, err)
	require.Equal(t, "approved rejected", outcome)
	require.Equal(t, []string{`lamp.douse {"lamp":"desk"}`}, h.calls())
	require.Equal(t, workflows.Done, h.status().State)
}

// A request in a branch that another branch's failure cancels is withdrawn.
func TestParallelWithdraws(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	h.at(20*time.Minute, func() {
		require.Empty(t, h.status().Asking())
		require.Equal(t, workflows.Running, h.status().State)
	})
	_, err := h.run("  - {on_error: continue, parallel: [{steps: [{id: ask, approve: 'Really?', approvers: [oncall]}]}, {steps: [{wait: 5m}, {activity: lamp.look, with: {lamp: desk}}]}]}\n  - {wait: 1h}")
	require.NoError(t, err)
	require.Equal(t, approval.Withdrawn, h.status().Approvals[0].Decision.Outcome)
	require.Equal(t, "the run went on without it", h.status().Approvals[0].Decision.Reason)
}

func TestParallelCancel(t *testing.T) {
	h := newHouse(t)
	h.do["lamp.douse"] = func(context.Context, lampInput) (lampOutput, error) {
		h.env.CancelWorkflow()
		return lampOutput{}, nil
	}
	_, err := h.run("  - {continue_on_error: true, parallel: [{steps: [{id: a, wait: 1h}]}, {steps: [{id: b, activity: lamp.douse, with: {lamp: desk}}, {id: c, activity: lamp.light, with: {lamp: desk}}]}]}\n  - {id: d, set: {x: 1}}")
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, []string{`lamp.douse {"lamp":"desk"}`}, h.calls())
	require.Equal(t, playbook.StatusSkipped, h.statuses()["c"])
	require.Equal(t, playbook.StatusSkipped, h.statuses()["d"])
}

func TestWait(t *testing.T) {
	for wait, tc := range map[string]struct {
		took  time.Duration
		fails string
	}{
		"10m":                                      {took: 10 * time.Minute},
		"${duration('90s')}":                       {took: 90 * time.Second},
		"${event.data.grace}":                      {took: 5 * time.Minute},
		"{until: 'run.time'}":                      {},
		"{until: 'event.time'}":                    {},
		"{until: 'run.time + duration(\"3h\")'}":   {took: 3 * time.Hour},
		"{until: 'run.time + duration(\"721h\")'}": {fails: `step "w": wait: it would take 721h0m0s; at most 720h0m0s are waited for`},
		"${duration('721h')}":                      {fails: `step "w": wait: it would take 721h0m0s`},
		"${duration('-1h')}":                       {},
		"${event.data.n}":                          {fails: `step "w": wait: want duration, got the number 5`},
		"{until: event.data.n}":                    {fails: `step "w": wait: want timestamp, got the number 5`},
		"{until: event.data.absent}":               {fails: `step "w": wait: evaluate "event.data.absent": no such key: absent`},
	} {
		t.Run(wait, func(t *testing.T) {
			h := newHouse(t)
			h.event.Data = []byte(`{"lamp":"desk","n":5,"grace":"5m"}`)
			began := h.env.Now()
			h.env.SetStartTime(began)
			_, err := h.run(fmt.Sprintf("  - id: w\n    wait: %s", wait))
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.took, h.env.Now().Sub(began).Truncate(time.Second))
		})
	}
	t.Run("cancel", func(t *testing.T) {
		h := newHouse(t)
		h.at(time.Minute, func() { h.env.CancelWorkflow() })
		_, err := h.run("  - {id: w, wait: 1h}")
		require.True(t, temporal.IsCanceledError(err), "%v", err)
		require.Equal(t, "cancelled", h.status().Step("w").Error)
	})
}
