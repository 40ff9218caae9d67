package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// breaks makes an activity fail for good.
func (h *house) breaks(name, why string) {
	h.do[name] = func(context.Context, lampInput) (lampOutput, error) {
		return lampOutput{}, activities.Permanent("Broken", errors.New(why))
	}
}

func TestTry(t *testing.T) {
	const look, douse, light = `lamp.look {"lamp":"desk"}`, `lamp.douse {"lamp":"desk"}`, `lamp.light {"lamp":"desk"}`
	for name, tc := range map[string]struct {
		steps    string
		outcome  string
		fails    string
		calls    []string
		statuses map[string]playbook.Status
	}{
		"nothing fails": {
			steps:   "  - {id: t, try: [{id: a, activity: lamp.douse, with: {lamp: desk}}], catch: [{id: b, set: {x: 1}}], finally: [{id: c, activity: lamp.light, with: {lamp: desk}}]}\noutcome: steps.a.?output.state.orValue('') + string(steps.t.caught) + steps.b.status + steps.c.status",
			outcome: "litfalseskippeddone", calls: []string{douse, light}, statuses: map[string]playbook.Status{"t": "done", "a": "done", "b": "skipped", "c": "done"},
		},
		"caught": {
			steps:   "  - {id: t, try: [{id: a, activity: lamp.look, with: {lamp: desk}}, {id: d, set: {z: 1}}], catch: [{id: b, set: {x: '${error.step}: ${error.reason}, ${steps.a.status}, ${steps.d.status}, ${steps.a.?error.orValue(\"\")}'}}]}\noutcome: vars.?x.orValue('') + string(steps.t.caught)",
			outcome: "a: it is dark, failed, skipped, it is darktrue", calls: []string{look}, statuses: map[string]playbook.Status{"t": "done", "a": "failed", "b": "done", "d": "skipped"},
		},
		"caught from deep inside": {
			steps:   "  - {try: [{switch: [{if: 'true', steps: [{id: a, activity: lamp.look, with: {lamp: desk}}]}]}], catch: [{stop: '${error.step} ${error.reason}'}]}",
			outcome: "a it is dark", calls: []string{look},
		},
		"not caught": {
			steps: "  - {id: t, try: [{id: a, activity: lamp.look, with: {lamp: desk}}], finally: [{id: c, activity: lamp.light, with: {lamp: desk}}]}\n  - {id: d, set: {x: 1}}",
			fails: `step "a": it is dark`, calls: []string{look, light}, statuses: map[string]playbook.Status{"t": "failed", "a": "failed", "c": "done", "d": "skipped"},
		},
		"the catch fails": {
			steps: "  - {id: t, try: [{activity: lamp.look, with: {lamp: desk}}], catch: [{id: b, set: {x: '${event.data.absent}'}}], finally: [{activity: lamp.light, with: {lamp: desk}}]}",
			fails: `step "b": x: evaluate "event.data.absent": no such key: absent`, calls: []string{look, light},
		},
		"the finally fails": {
			steps: "  - {id: t, try: [{id: a, activity: lamp.light, with: {lamp: desk}}], finally: [{id: c, activity: lamp.look, with: {lamp: desk}}]}",
			fails: `step "c": it is dark`, calls: []string{light, look},
		},
		"both fail": {
			steps: "  - {id: t, try: [{id: a, activity: lamp.look, with: {lamp: desk}}], finally: [{id: c, set: {x: '${event.data.absent}'}}]}",
			fails: `step "a": it is dark; then, in finally, step "c": x: evaluate "event.data.absent": no such key: absent`, calls: []string{look},
		},
		"an outer catch sees both": {
			steps:   "  - {try: [{try: [{id: a, activity: lamp.look, with: {lamp: desk}}], finally: [{id: c, set: {x: '${event.data.absent}'}}]}], catch: [{stop: '${error.reason}'}]}",
			outcome: `it is dark; then, in finally, step "c": x: evaluate "event.data.absent": no such key: absent`, calls: []string{look},
		},
		"an inner catch hides nothing from the outer one": {
			steps:   "  - {try: [{id: a, activity: lamp.look, with: {lamp: desk}}], catch: [{try: [{id: b, set: {x: '${event.data.absent}'}}], catch: [{set: {y: '${error.step}'}}]}, {stop: '${vars.?y.orValue(\"-\")} ${error.step}'}]}",
			outcome: "b a", calls: []string{look},
		},
		"a stop is no failure": {
			steps:   "  - {id: t, try: [{stop: enough}], catch: [{id: b, set: {x: 1}}], finally: [{id: c, activity: lamp.light, with: {lamp: desk}}]}\n  - {id: d, set: {y: 1}}",
			outcome: "enough", calls: []string{light}, statuses: map[string]playbook.Status{"t": "done", "b": "skipped", "c": "done", "d": "skipped"},
		},
		"a stop with blocks in its finally": {
			steps:   "  - {try: [{stop: enough}], finally: [{parallel: [{steps: [{set: {x: 1}}]}, {steps: [{set: {y: 1}}]}]}, {for_each: '[1]', steps: [{set: {z: 1}}]}, {try: [{set: {w: 1}}], finally: [{set: {v: 1}}]}]}",
			outcome: "enough",
		},
		"a failed stop with blocks in its finally": {
			steps: "  - {try: [{stop: somebody must look, failed: true}], finally: [{parallel: [{steps: [{set: {x: 1}}]}, {steps: [{set: {y: 1}}]}]}]}",
			fails: "somebody must look",
		},
		"a stop with a finally that fails": {
			steps: "  - {id: t, try: [{stop: enough}], finally: [{id: c, activity: lamp.look, with: {lamp: desk}}]}",
			fails: `step "c": it is dark`, calls: []string{look}, statuses: map[string]playbook.Status{"t": "failed", "c": "failed"},
		},
		"a stop whose finally fails, caught": {
			steps:   "  - {try: [{try: [{stop: enough}], finally: [{id: c, activity: lamp.look, with: {lamp: desk}}]}], catch: [{set: {x: '${error.step}'}}]}\noutcome: '\"went on: \" + vars.x'",
			outcome: "went on: c", calls: []string{look},
		},
		"skipped": {
			steps:   "  - {id: t, if: run.id == '', try: [{id: a, set: {x: 1}}], finally: [{id: c, set: {y: 1}}]}\noutcome: string(steps.t.caught) + steps.a.status + steps.c.status",
			outcome: "falseskippedskipped",
		},
		"an approved call fails": {
			steps:   "  - {try: [{id: ask, approve: 'Really?', approvers: [oncall], steps: [{id: a, activity: lamp.look, with: {lamp: desk}}, {id: b, activity: lamp.smash, with: {lamp: desk}}]}], catch: [{stop: '${error.step} ${steps.b.status} ${steps.ask.approved} ${steps.ask.?error.orValue(\"\")}'}]}",
			outcome: `a skipped true step "a": it is dark`, calls: []string{look},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			h.at(time.Minute, func() {
				if len(h.status().Asking()) > 0 {
					h.approve(alice)
				}
			})
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				require.Contains(t, h.status().Error, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			require.Equal(t, tc.calls, h.calls())
			for id, want := range tc.statuses {
				require.Equal(t, want, h.statuses()[id], id)
			}
		})
	}
}

// What a run has begun to clean up it finishes, though it is cancelled; and it is cancelled, though
// it has cleaned up.
func TestFinallyOnCancel(t *testing.T) {
	for name, fails := range map[string]bool{"cleaned up": false, "not cleaned up": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if fails {
				h.breaks("lamp.light", "the bulb is missing")
			}
			h.at(time.Minute, func() { h.env.CancelWorkflow() })
			_, err := h.run(`
  - id: t
    try: [{id: ask, approve: 'Really?', approvers: [oncall]}, {id: a, activity: lamp.look, with: {lamp: desk}}]
    catch: [{id: b, set: {x: 1}}]
    finally: [{id: c, activity: lamp.watch, with: {lamp: desk}}, {id: d, activity: lamp.light, with: {lamp: desk}}]
  - {id: e, set: {x: 1}}
`)
			require.True(t, temporal.IsCanceledError(err), "%v", err)
			require.Equal(t, workflows.Cancelled, h.status().State)
			require.Equal(t, []string{`lamp.watch {"lamp":"desk"}`, `lamp.light {"lamp":"desk"}`}, h.calls())
			want := map[string]playbook.Status{"t": "failed", "ask": "failed", "a": "skipped", "b": "skipped", "c": "done", "d": "done", "e": "skipped"}
			says := "cancelled"
			if fails {
				want["d"] = "failed"
				says = `cancelled; then, in finally, step "d": the bulb is missing`
			}
			require.Equal(t, want, h.statuses())
			require.Equal(t, says, h.status().Step("t").Error)
			require.Equal(t, "cancelled", h.status().Step("ask").Error)
			require.Equal(t, approval.Withdrawn, h.status().Approvals[0].Decision.Outcome)
		})
	}
	t.Run("during the finally", func(t *testing.T) {
		h := newHouse(t)
		h.do["lamp.watch"] = func(context.Context, lampInput) (lampOutput, error) {
			h.env.CancelWorkflow()
			return lampOutput{}, nil
		}
		_, err := h.run(`
  - try: [{set: {x: 1}}]
    finally: [{id: c, activity: lamp.watch, with: {lamp: desk}}, {id: d, activity: lamp.light, with: {lamp: desk}}]
  - {id: e, activity: lamp.look, with: {lamp: desk}}
`)
		require.True(t, temporal.IsCanceledError(err), "%v", err)
		require.Equal(t, []string{`lamp.watch {"lamp":"desk"}`, `lamp.light {"lamp":"desk"}`}, h.calls())
		require.Equal(t, playbook.StatusSkipped, h.statuses()["e"])
	})
}

// A request that was withdrawn takes no votes, while the run goes on.
func TestWithdrawn(t *testing.T) {
	h := newHouse(t)
	var late *answer
	h.at(time.Minute, func() {
		v := h.ballot(alice, approval.Approve)
		h.env.CancelWorkflow()
		h.at(time.Second, func() { late = h.update(v) })
		h.at(time.Minute, func() { h.approve(bob) }) // what is asked now
	})
	_, err := h.run("  - {try: [{id: ask, approve: 'Really?', approvers: [oncall]}], finally: [{id: again, approve: 'Then tidy up?', approvers: [oncall]}]}")
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.ErrorContains(t, late.rejected, "the request was withdrawn: the run went on without it")
	require.Equal(t, approval.Withdrawn, h.status().Approvals[0].Decision.Outcome)
	require.Equal(t, approval.Approved, h.status().Approvals[1].Decision.Outcome)
}

func TestOnErrorContinue(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   string
		outcome string
		fails   string
	}{
		"activity":      {steps: "  - {id: a, activity: lamp.look, with: {lamp: desk}, on_error: continue}\noutcome: steps.a.status + ' ' + steps.a.?error.orValue(\"\") + ' ' + steps.a.?output.state.orValue('none')", outcome: "failed it is dark none"},
		"that succeeds": {steps: "  - {id: a, activity: lamp.light, with: {lamp: desk}, on_error: continue}\noutcome: steps.a.status + steps.a.?error.orValue('-') + steps.a.?output.state.orValue('')", outcome: "done-lit"},
		"fail":          {steps: "  - {id: a, activity: lamp.look, with: {lamp: desk}, on_error: fail}", fails: `step "a": it is dark`},
		"if":            {steps: "  - {id: a, if: event.data.absent, switch: [{if: 'true', steps: [{id: b, set: {x: 1}}]}], on_error: continue}\noutcome: steps.a.?error.orValue(\"\") + ' ' + steps.b.status + string(steps.a.case)", outcome: `if: evaluate "event.data.absent": no such key: absent skipped0`},
		"title":         {steps: "  - {id: a, title: '${event.data.absent}', set: {x: 1}, on_error: continue}\noutcome: steps.a.?error.orValue(\"\") + string(has(vars.x))", outcome: `title: evaluate "event.data.absent": no such key: absentfalse`},
		"set":           {steps: "  - set: {x: 0}\n  - {id: a, set: {x: '${event.data.absent}'}, on_error: continue}\noutcome: steps.a.status + string(vars.x)", outcome: "failed0"},
		"a block": {
			steps:   "  - {id: a, switch: [{if: 'true', steps: [{id: b, activity: lamp.look, with: {lamp: desk}}, {id: c, set: {x: 1}}]}], on_error: continue}\noutcome: steps.a.?error.orValue(\"\") + ' ' + steps.b.status + ' ' + steps.c.status + ' ' + string(steps.a.case)",
			outcome: `step "b": it is dark failed skipped 1`,
		},
		"an approval that cannot be asked": {
			steps:   "  - {id: ask, approve: 'Really?', approvers: [nobody], steps: [{id: a, activity: lamp.smash, with: {lamp: desk}}], on_error: continue}\noutcome: string(steps.ask.approved) + ' ' + steps.ask.decision + ' ' + steps.a.status",
			outcome: "false failed skipped",
		},
		"a covered call": {
			steps:   "  - {id: ask, approve: 'Really?', approvers: [oncall], steps: [{id: a, activity: lamp.look, with: {lamp: desk}, on_error: continue}, {id: b, activity: lamp.douse, with: {lamp: desk}}]}\noutcome: string(steps.ask.approved) + ' ' + steps.a.?error.orValue(\"\") + ' ' + steps.b.status",
			outcome: "true it is dark done",
		},
		"a stop": {steps: "  - {id: a, stop: enough, on_error: continue}\n  - {stop: more}", outcome: "enough"},
		"a try":  {steps: "  - {id: a, try: [{id: b, activity: lamp.look, with: {lamp: desk}}], finally: [{id: c, activity: lamp.light, with: {lamp: desk}}], on_error: continue}\noutcome: steps.a.?error.orValue(\"\") + ' ' + steps.c.?output.state.orValue('')", outcome: `step "b": it is dark lit`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			h.at(time.Minute, func() {
				if len(h.status().Asking()) > 0 {
					h.approve(alice)
				}
			})
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.outcome, outcome)
		})
	}
	t.Run("cancel", func(t *testing.T) {
		h := newHouse(t)
		h.at(time.Minute, func() { h.env.CancelWorkflow() })
		_, err := h.run("  - {id: ask, approve: 'Really?', approvers: [oncall], on_error: continue}\n  - {id: a, activity: lamp.look, with: {lamp: desk}}")
		require.True(t, temporal.IsCanceledError(err), "%v", err)
		require.Empty(t, h.calls())
	})
}

// A finally cannot be cancelled, but what it calls has its own bound; so has a call in a block.
func TestBlocksTimeOut(t *testing.T) {
	never := func(ctx context.Context, _ lampInput) (lampOutput, error) {
		<-ctx.Done()
		return lampOutput{}, ctx.Err()
	}
	const call = "{id: a, activity: lamp.douse, with: {lamp: desk}, timeout: 1s, retry: {times: 1}}"
	t.Run("finally after a cancellation", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t)
		h.do["lamp.douse"] = never
		h.at(time.Minute, func() { h.env.CancelWorkflow() })
		_, err := h.run("  - {id: t, try: [{wait: 1h}], finally: [" + call + "]}")
		require.True(t, temporal.IsCanceledError(err), "%v", err)
		require.Contains(t, h.status().Step("t").Error, `cancelled; then, in finally, step "a": no answer in time`)
	})
	for name, steps := range map[string]string{
		"try":      "  - {try: [" + call + "], catch: [{stop: '${error.reason}'}]}",
		"parallel": "  - {id: b, continue_on_error: true, parallel: [{steps: [" + call + "]}, {steps: [{wait: 1d}]}]}\noutcome: steps.b.?error.orValue(\"\")",
		"for_each": "  - {id: b, continue_on_error: true, for_each: '[1]', steps: [" + call + "]}\noutcome: steps.b.?error.orValue(\"\")",
		"repeat":   "  - {id: b, on_error: continue, repeat: [" + call + "], until: 'true'}\noutcome: steps.b.?error.orValue(\"\")",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.do["lamp.douse"] = never
			outcome, err := h.run(steps)
			require.NoError(t, err)
			require.Contains(t, outcome, "no answer in time")
			require.Equal(t, playbook.StatusFailed, h.statuses()["a"])
		})
	}
}
