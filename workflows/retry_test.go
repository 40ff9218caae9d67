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
	"github.com/countersign/countersign/workflows/playbook"
)

// around are the block verbs, to be written around a step.
func around(inner string) map[string]string {
	return map[string]string{
		"switch":   "switch: [{if: 'true', steps: [" + inner + "]}]",
		"try":      "try: [" + inner + "], finally: [{set: {z: 1}}]",
		"parallel": "parallel: [{steps: [" + inner + "]}, {steps: [{set: {y: 1}}]}]",
		"repeat":   "repeat: [" + inner + "], until: 'true'",
		"for_each": "for_each: '[1, 2]', max_parallel: 2, steps: [" + inner + "]",
	}
}

func TestTimeout(t *testing.T) {
	steps := around("{try: [{wait: 1h}], finally: [{id: last, activity: lamp.light, with: {lamp: desk}}]}")
	steps["wait"] = "wait: 20d"
	steps["approve"] = "approve: 'Really?', approvers: [oncall], expires: 2h"
	steps["playbook"] = "playbook: slow"
	steps["ask"] = "ask: 'Was it you?', who: [oncall], form: {n: {type: string}}"
	for verb, body := range steps {
		t.Run(verb, func(t *testing.T) {
			h := newHouse(t)
			h.callee("slow", "steps: [{try: [{wait: 1h}], finally: [{activity: lamp.light, with: {lamp: desk}}]}]")
			began := h.env.Now()
			outcome, err := h.run("  - {try: [{id: s, timeout: 10m, " + body + "}], catch: [{stop: '${error.step} ${error.reason}, ${steps.s.status}'}]}")
			require.NoError(t, err)
			require.Equal(t, "s took longer than 10m, failed", outcome)
			require.Equal(t, 10*time.Minute, h.env.Now().Sub(began), "no timer is left")
			want, leaf := map[string]int{"wait": 0, "approve": 0, "ask": 0, "for_each": 2}[verb]
			if !leaf {
				want = 1
			}
			require.Len(t, h.calls(), want, "every finally inside has run")
			require.Empty(t, h.status().Asking())
		})
	}
}

func TestTimeoutIsOfTheStepAlone(t *testing.T) {
	for name, tc := range map[string]struct{ steps, outcome, fails string }{
		"in time":                       {"  - {id: s, timeout: 10m, switch: [{if: 'true', steps: [{wait: 9m}]}]}\n  - {wait: 10m}\noutcome: steps.s.status", "done", ""},
		"not caught":                    {"  - {id: s, timeout: 10m, parallel: [{steps: [{wait: 1h}]}]}", "", `step "s": took longer than 10m`},
		"gone on":                       {"  - {id: s, timeout: 10m, on_error: continue, parallel: [{steps: [{id: w, wait: 1h}]}]}\noutcome: steps.s.?error.orValue(\"\") + ', ' + steps.w.?error.orValue(\"\")", "took longer than 10m, cancelled", ""},
		"its own catch does not see it": {"  - {id: s, timeout: 10m, try: [{wait: 1h}], catch: [{stop: caught}]}", "", `step "s": took longer than 10m`},
		"the innermost":                 {"  - {id: o, timeout: 1h, try: [{id: s, timeout: 10m, wait: 2h}], catch: [{set: {x: '${error.reason}'}}]}\noutcome: vars.?x.orValue('')", "took longer than 10m", ""},
		"the outermost":                 {"  - {id: o, timeout: 10m, switch: [{if: 'true', steps: [{id: s, timeout: 1h, wait: 2h}]}]}", "", `step "o": took longer than 10m`},
		"a branch that goes on":         {"  - {id: p, continue_on_error: true, parallel: [{steps: [{id: s, timeout: 10m, wait: 2h}]}, {steps: [{wait: 1h}, {id: b, set: {x: 1}}]}]}\noutcome: steps.p.?error.orValue(\"\") + steps.b.status", `step "s": took longer than 10mdone`, ""},
		"a finally that takes long":     {"  - {id: s, timeout: 10m, try: [{wait: 9m}], finally: [{wait: 2m}, {set: {x: 1}}]}", "", `step "s": took longer than 10m`},
		"a finally that fails":          {"  - {id: s, timeout: 10m, try: [{wait: 1h}], finally: [{id: f, set: {x: '${event.data.absent}'}}]}", "", `step "s": took longer than 10m; then, in finally, step "f": x: evaluate`},
		"a stop in time":                {"  - {id: s, timeout: 10m, try: [{stop: enough}], finally: [{wait: 1h}]}", "enough", ""},
		"of all attempts":               {"  - {id: s, timeout: 10m, retry: {times: 100, every: 1m, backoff: 1}, switch: [{if: 'true', steps: [{id: a, activity: lamp.look, with: {lamp: desk}}]}]}", "", `step "s": took longer than 10m; before that, step "s~10.a": it is dark`},
		"inside a loop":                 {"  - {id: l, for_each: '[1]', steps: [{id: s, timeout: 10m, wait: 1h}]}", "", `step "l[0].s": took longer than 10m`},
		"inside a finally":              {"  - {try: [{set: {x: 1}}], finally: [{id: s, timeout: 10m, wait: 1h}]}", "", `step "s": took longer than 10m`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				require.Equal(t, workflows.Failed, h.status().State)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.outcome, outcome)
		})
	}
}

func TestCancelledIsNotLate(t *testing.T) {
	for name, steps := range map[string]string{
		"before its time":    "  - {try: [{id: s, timeout: 10m, switch: [{if: 'true', steps: [{wait: 1h}]}]}], catch: [{set: {x: 1}}]}",
		"while it cleans up": "  - {try: [{id: s, timeout: 1m, try: [{wait: 1h}], finally: [{wait: 1h}]}], catch: [{set: {x: 1}}]}",
		"between attempts":   "  - {id: s, retry: {every: 1h, max_every: 1h}, switch: [{if: 'true', steps: [{set: {x: '${event.data.absent}'}}]}]}",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.at(5*time.Minute, h.env.CancelWorkflow)
			_, err := h.run(steps)
			require.True(t, temporal.IsCanceledError(err), err)
			require.Equal(t, workflows.Cancelled, h.status().State)
			require.Equal(t, playbook.StatusFailed, h.status().Step("s").Status)
			require.Contains(t, h.status().Step("s").Error, "cancelled")
		})
	}
}

// third makes an activity succeed at the third call only, and for good.
func (h *house) third(name string) {
	n := 0
	h.do[name] = func(context.Context, lampInput) (lampOutput, error) {
		if n++; n < 3 {
			return lampOutput{}, activities.Permanent("Broken", errors.New("it is dark"))
		}
		return lampOutput{State: "lit"}, nil
	}
}

func TestRetry(t *testing.T) {
	steps := around("{id: a, activity: lamp.look, with: {lamp: desk}}")
	steps["for_each"] = "for_each: '[1]', steps: [{id: a, activity: lamp.look, with: {lamp: desk}}]"
	steps["approve"] = "approve: 'Really?', approvers: [oncall], expires: 2h, steps: [{id: a, activity: lamp.look, with: {lamp: desk}}]"
	steps["playbook"] = "playbook: look"
	for verb, body := range steps {
		t.Run(verb, func(t *testing.T) {
			h := newHouse(t)
			h.third("lamp.look")
			h.callee("look", "steps: [{activity: lamp.look, with: {lamp: desk}}]")
			var asked []string
			for i := range 3 {
				h.at(time.Duration(i)*10*time.Minute+time.Minute, func() {
					for _, a := range h.status().Asking() {
						asked = append(asked, a.ID)
						h.approve(alice)
					}
				})
			}
			outcome, err := h.run("  - {id: s, retry: {times: 3, every: 9m, backoff: 1, max_every: 9m}, " + body + "}\noutcome: steps.s.status")
			require.NoError(t, err)
			require.Equal(t, "done", outcome)
			require.Len(t, h.calls(), 3)
			s := h.status().Step("s")
			require.Equal(t, 3, s.Attempts)
			require.Equal(t, playbook.StatusDone, s.Status)
			require.Empty(t, s.Error)
			if verb == "approve" {
				require.Equal(t, []string{"s", "s~2.s", "s~3.s"}, asked)
			}
			if a := h.status().Step("a"); a != nil && a.Rounds == nil {
				require.Equal(t, playbook.StatusDone, h.status().Step("a").Status)
				require.Empty(t, h.status().Step("a").Error)
			}
		})
	}
}

func TestRetryBegins(t *testing.T) {
	const fails = "{id: a, activity: lamp.look, with: {lamp: desk}}"
	for name, tc := range map[string]struct {
		steps, outcome, fails string
		took                  time.Duration
	}{
		"not unless it is told":        {"  - {switch: [{if: 'true', steps: [" + fails + "]}]}", "", `step "a": it is dark`, 0},
		"not after the last":           {"  - {id: s, retry: {times: 2}, switch: [{if: 'true', steps: [" + fails + "]}]}", "", `step "s~2.a": it is dark`, 2 * time.Second},
		"longer each time":             {"  - {id: s, retry: {}, on_error: continue, switch: [{if: 'true', steps: [{set: {x: '${event.data.absent}'}}]}]}\noutcome: steps.s.status", "failed", "", 30 * time.Second},
		"no longer than max_every":     {"  - {id: s, retry: {times: 4, every: 10s, backoff: 10, max_every: 50s}, on_error: continue, switch: [{if: 'true', steps: [{set: {x: '${event.data.absent}'}}]}]}\noutcome: steps.s.status", "failed", "", 110 * time.Second},
		"not after a stop":             {"  - {retry: {times: 3}, try: [{stop: enough}], finally: [{set: {x: 1}}]}", "enough", "", 0},
		"with what was set":            {"  - set: {n: 0}\n  - {retry: {times: 3}, try: [{set: {n: '${vars.n + 1}'}}, " + fails + "], finally: [{set: {y: 1}}]}\noutcome: string(vars.n)", "3", "", 6 * time.Second},
		"without what was told":        {"  - {id: s, retry: {times: 2}, on_error: continue, try: [{try: [" + fails + ", {id: b, set: {x: 1}}], finally: [{set: {y: '${steps.b.status}'}}]}], finally: [{set: {z: 1}}]}\noutcome: vars.?y.orValue('') + steps.b.status", "skippedskipped", "", 2 * time.Second},
		"inside another":               {"  - {id: o, retry: {times: 2}, switch: [{if: 'true', steps: [{id: i, retry: {times: 2}, switch: [{if: 'true', steps: [" + fails + ", " + fails2 + "]}]}]}]}", "", `step "o~2.i~2.c": x: evaluate`, 6 * time.Second},
		"inside a loop":                {"  - {id: l, for_each: '[1]', steps: [{id: s, retry: {times: 2}, switch: [{if: 'true', steps: [" + fails + "]}]}]}", "", `step "l[0].s~2.a": it is dark`, 2 * time.Second},
		"and a stop in the second run": {"  - {retry: {times: 3}, try: [" + fails + ", {stop: enough}], finally: [{set: {y: 1}}]}", "enough", "", 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.third("lamp.look")
			began := h.env.Now()
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			require.Equal(t, tc.took, h.env.Now().Sub(began))
		})
	}
}

const fails2 = "{id: c, set: {x: '${event.data.absent}'}}"

// A vote for the first time that people were asked does not count the second time.
func TestAnOldVoteIsNotForANewRequest(t *testing.T) {
	h := newHouse(t)
	h.third("lamp.look")
	var late, forged *answer
	old := 1
	h.at(time.Minute, func() {
		vote := h.ballot(alice, "approve")
		h.update(vote)
		h.at(time.Minute, func() {
			h.update(vote)
			old = len(h.status().Asking()[0].Votes)
			now := h.ballot(bob, "approve")
			vote.Approval = now.Approval
			forged = h.update(vote)
			late = h.update(now)
		})
	})
	_, err := h.run("  - {id: s, retry: {times: 2}, approve: 'Really?', approvers: [oncall], steps: [{id: a, activity: lamp.look, with: {lamp: desk}}]}")
	require.ErrorContains(t, err, `step "s~2.a": it is dark`)
	require.Zero(t, old, "the vote is one for what was asked first, which has it")
	require.ErrorContains(t, forged.rejected, "look at the request again")
	require.NoError(t, late.rejected)
	require.Equal(t, []string{"s", "s~2.s"}, []string{h.status().Approvals[0].ID, h.status().Approvals[1].ID})
}
