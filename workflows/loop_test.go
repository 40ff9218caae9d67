package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// dark makes an activity fail for some lamps only.
func (h *house) dark(name string, lamps ...string) {
	h.do[name] = func(_ context.Context, in lampInput) (lampOutput, error) {
		for _, lamp := range lamps {
			if in.Lamp == lamp {
				return lampOutput{}, activities.Permanent("Broken", errors.New(lamp+" is dark"))
			}
		}
		return lampOutput{State: in.Lamp}, nil
	}
}

func TestRepeat(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   string
		outcome string
		fails   string
		took    time.Duration
		rounds  workflows.Rounds // of step a
	}{
		"until it holds": {
			steps:   "  - set: {n: 0}\n  - {id: r, repeat: [{id: a, set: {n: '${vars.n + 1}'}}], until: vars.n == 3}\noutcome: string(steps.r.times) + string(steps.r.held) + steps.a.status",
			outcome: "3truedone", took: time.Minute, rounds: workflows.Rounds{Done: 3},
		},
		"at once":  {steps: "  - {id: r, repeat: [{id: a, set: {n: 1}}], until: 'true', every: 1h}\noutcome: string(steps.r.times) + string(vars.n)", outcome: "11", rounds: workflows.Rounds{Done: 1}},
		"not held": {steps: "  - {id: r, repeat: [{id: a, set: {n: 1}}], until: 'false', every: 1m, times: 5}\noutcome: string(steps.r.times) + string(steps.r.held) + steps.r.status", outcome: "5falsedone", took: 4 * time.Minute, rounds: workflows.Rounds{Done: 5}},
		"default":  {steps: "  - {id: r, repeat: [{id: a, set: {n: 1}}], until: 'false'}\noutcome: string(steps.r.times)", outcome: "20", took: 9*time.Minute + 30*time.Second, rounds: workflows.Rounds{Done: 20}},
		"a round fails": {
			steps: "  - {id: r, repeat: [{id: a, activity: lamp.look, with: {lamp: desk}}], until: 'true'}",
			fails: `step "r[1].a": desk is dark`, rounds: workflows.Rounds{Failed: 1},
		},
		"until cannot be evaluated": {steps: "  - {id: r, repeat: [{id: a, set: {n: 1}}], until: event.data.absent}", fails: `step "r": until: evaluate "event.data.absent"`, rounds: workflows.Rounds{Done: 1}},
		"until a call succeeds": {
			steps:   "  - set: {n: 0}\n  - {id: r, repeat: [{set: {n: '${vars.n + 1}'}}, {id: a, activity: lamp.look, with: {lamp: '${vars.n < 3 ? \"desk\" : \"hall\"}'}, on_error: continue}], until: 'steps.a.status == \"done\"'}\noutcome: string(steps.r.times) + steps.a.?output.state.orValue('') + steps.a.?error.orValue('-')",
			outcome: "3hall-", took: time.Minute, rounds: workflows.Rounds{Done: 1, Failed: 2},
		},
		"a step that is not reached forgets": {
			steps:   "  - set: {n: 0}\n  - {id: r, repeat: [{set: {n: '${vars.n + 1}'}}, {try: [{id: b, if: vars.n == 2, activity: lamp.look, with: {lamp: desk}}, {id: a, set: {x: 1}}], catch: [{set: {saw: '${steps.a.status}'}}]}], until: 'vars.n == 2'}\noutcome: vars.?saw.orValue('') + steps.a.status + steps.b.status",
			outcome: "skippedskippedfailed", took: 30 * time.Second, rounds: workflows.Rounds{Done: 1, Skipped: 1},
		},
		"a stop": {
			steps:   "  - {id: r, repeat: [{id: a, set: {n: 1}}, {stop: enough}], until: 'false'}",
			outcome: "enough", rounds: workflows.Rounds{Done: 1},
		},
		"skipped": {
			steps:   "  - {id: r, if: run.id == '', repeat: [{id: a, set: {n: 1}}], until: 'false'}\noutcome: string(steps.r.times) + string(steps.r.held) + steps.a.status",
			outcome: "0falseskipped",
		},
		"caught": {
			steps:   "  - {try: [{id: r, repeat: [{id: a, activity: lamp.look, with: {lamp: desk}}, {id: b, set: {x: 1}}], until: 'true'}], catch: [{stop: '${error.step} ${error.reason} ${steps.r.times} ${steps.b.status}'}]}",
			outcome: "a desk is dark 1 skipped", rounds: workflows.Rounds{Failed: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.dark("lamp.look", "desk")
			began := h.env.Now()
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			require.Equal(t, tc.took, h.env.Now().Sub(began).Truncate(time.Second))
			if reflect.ValueOf(tc.rounds).IsZero() {
				require.Nil(t, h.status().Step("a").Rounds)
			} else {
				require.Equal(t, tc.rounds, *h.status().Step("a").Rounds)
			}
		})
	}
	t.Run("cancel between rounds", func(t *testing.T) {
		h := newHouse(t)
		h.at(time.Minute, func() { h.env.CancelWorkflow() })
		_, err := h.run("  - {id: r, repeat: [{id: a, set: {n: 1}}], until: 'false', every: 1h}")
		require.True(t, temporal.IsCanceledError(err), "%v", err)
		require.Equal(t, "cancelled", h.status().Step("r").Error)
	})
}

func TestForEach(t *testing.T) {
	const three = `["a", "b", "c"]`
	for name, tc := range map[string]struct {
		steps   string
		outcome string
		fails   string
		took    time.Duration
		rounds  workflows.Rounds // of step x
	}{
		"a list": {
			steps:   "  - {id: f, for_each: '" + three + "', steps: [{id: x, activity: lamp.light, with: {lamp: '${item}'}}], collect: 'string(index) + item + steps.x.output.state'}\noutcome: steps.f.results.join(' ') + string(steps.f.failed)",
			outcome: "0alit 1blit 2clit0", rounds: workflows.Rounds{Done: 3},
		},
		"a map, by key": {
			steps:   "  - {id: f, for_each: event.data.free, max_parallel: 50, steps: [{id: x, set: {s: '${item.key + string(item.value)}'}}], collect: vars.s}\noutcome: steps.f.results.map(r, string(r)).join(' ')",
			outcome: "a1 b2 c3 d4 e5 f6 g7 h8", rounds: workflows.Rounds{Done: 8},
		},
		"a typed map": {
			steps:   "  - set: {n: 0}\n  - {id: f, for_each: '{\"b\": 2, \"a\": 1}', steps: [{id: x, set: {k: '${item.key}'}}], collect: item.value}\noutcome: string(steps.f.results[0] + 10 * steps.f.results[1])",
			outcome: "21", rounds: workflows.Rounds{Done: 2},
		},
		"nothing": {
			steps:   "  - {id: f, for_each: '[].filter(i, i == \"\")', steps: [{id: x, activity: lamp.light, with: {lamp: a}}], collect: item}\noutcome: string(steps.f.results.size()) + steps.f.status",
			outcome: "0done",
		},
		"one at a time": {
			steps: "  - {for_each: '" + three + "', steps: [{id: x, wait: 1h}]}", outcome: "done", took: 3 * time.Hour, rounds: workflows.Rounds{Done: 3},
		},
		"two at a time": {
			steps: "  - {for_each: '[1, 2, 3, 4, 5]', max_parallel: 2, steps: [{id: x, wait: '${duration(string(item) + \"h\")}'}]}", outcome: "done", took: 9 * time.Hour, rounds: workflows.Rounds{Done: 5},
		},
		"results in the order of the items": {
			steps:   "  - {id: f, for_each: '[3, 1, 2]', max_parallel: 3, steps: [{id: x, wait: '${duration(string(item) + \"h\")}'}], collect: item}\noutcome: steps.f.results.map(r, string(r)).join(' ')",
			outcome: "3 1 2", took: 3 * time.Hour, rounds: workflows.Rounds{Done: 3},
		},
		"items do not see each other": {
			steps:   "  - {id: f, for_each: '[1, 2, 3]', max_parallel: 3, steps: [{set: {mine: '${item}'}}, {id: x, wait: '${duration(string(4 - item) + \"h\")}'}], collect: vars.mine}\noutcome: steps.f.results.map(r, string(r)).join(' ')",
			outcome: "1 2 3", took: 3 * time.Hour, rounds: workflows.Rounds{Done: 3},
		},
		"nor what an earlier one did": {
			steps:   "  - {id: f, for_each: '[1, 2]', steps: [{if: item == 1, set: {mine: 1}}, {id: x, set: {had: '${vars.?mine.orValue(0)}'}}], collect: vars.had}\noutcome: steps.f.results.map(r, string(r)).join(' ')",
			outcome: "1 0", rounds: workflows.Rounds{Done: 2},
		},
		"the first failure ends the loop": {
			steps: "  - {id: f, for_each: '" + three + "', steps: [{id: x, activity: lamp.look, with: {lamp: '${item}'}}]}",
			fails: `step "f[1].x": b is dark`, rounds: workflows.Rounds{Done: 1, Failed: 1},
		},
		"and cancels those beside it": {
			steps: "  - {id: f, for_each: '" + three + "', max_parallel: 3, steps: [{if: item == 'b', activity: lamp.look, with: {lamp: b}}, {id: x, wait: 1h}]}",
			fails: `: b is dark`, rounds: workflows.Rounds{Failed: 2, Skipped: 1},
		},
		"continue on error": {
			steps:   "  - {id: f, continue_on_error: true, for_each: '" + three + "', steps: [{id: x, activity: lamp.look, with: {lamp: '${item}'}}], collect: steps.x.output.state}\noutcome: steps.f.results.join(' ') + string(steps.f.failed) + ' ' + steps.f.?error.orValue(\"\")",
			outcome: `a c1 step "f[1].x": b is dark`, rounds: workflows.Rounds{Done: 2, Failed: 1},
		},
		"collect fails": {
			steps: "  - {id: f, for_each: '" + three + "', steps: [{id: x, set: {y: 1}}], collect: event.data.absent}",
			fails: `step "f": collect, item 0: evaluate "event.data.absent"`, rounds: workflows.Rounds{Done: 1},
		},
		"collect fails for one": {
			steps:   "  - {id: f, continue_on_error: true, for_each: '[1, 0]', steps: [{id: x, set: {y: 1}}], collect: '5 / item'}\noutcome: string(steps.f.results[0]) + string(steps.f.failed) + steps.f.?error.orValue(\"\")",
			outcome: `51collect, item 1: evaluate "5 / item": division by zero`, rounds: workflows.Rounds{Done: 2},
		},
		"not a list":          {steps: "  - {id: f, for_each: event.data.n, steps: [{id: x, set: {y: 1}}]}", fails: `step "f": for_each: want a list or a map, got 5`},
		"cannot be evaluated": {steps: "  - {id: f, for_each: event.data.absent, steps: [{id: x, set: {y: 1}}]}", fails: `step "f": for_each: evaluate "event.data.absent"`},
		"too many":            {steps: "  - {id: f, for_each: 'lists.range(10001)', steps: [{id: x, set: {y: 1}}]}", fails: `step "f": for_each: there are 10001 items; at most 10000 fit into one loop`},
		"in parts":            {steps: "  - {id: f, for_each: 'lists.range(1000)', max_parallel: 50, steps: [{id: x, wait: 1h}, {set: {y: '${item}'}}], collect: vars.y}\noutcome: string(steps.f.results.size()) + string(steps.f.results[999])", outcome: "1000999", took: 20 * time.Hour, rounds: workflows.Rounds{Done: 1000}},
		"too many in all":     {steps: "  - {id: f, for_each: 'lists.range(700)', steps: [{id: g, for_each: 'lists.range(150)', steps: [{id: x, set: {y: 1}}]}]}", fails: `step "f[662].g": the loops of the run have made 100000 rounds; at most that many fit into one run`, rounds: workflows.Rounds{Done: 100_000 - 663}},
		"a stop ends all": {
			steps:   "  - {id: f, continue_on_error: true, max_parallel: 3, for_each: '[2, 1]', steps: [{id: x, wait: '${duration(string(item) + \"h\")}'}, {stop: 'at ${item}'}]}",
			outcome: "at 1", took: time.Hour, rounds: workflows.Rounds{Done: 1, Failed: 1},
		},
		"skipped": {steps: "  - {id: f, if: run.id == '', for_each: '[1]', steps: [{id: x, set: {y: 1}}], collect: item}\noutcome: string(steps.f.failed) + string(steps.f.results.size())", outcome: "00"},
		"loops in loops": {
			steps:   "  - {id: f, for_each: '[1, 2]', steps: [{id: g, for_each: '[10, 20]', steps: [{id: x, set: {y: '${item + index}'}}], collect: vars.y}, {set: {o: '${item}'}}], collect: 'steps.g.results.map(r, r * vars.o)'}\noutcome: steps.f.results.map(r, r.map(s, string(s)).join(\",\")).join(\";\")",
			outcome: "10,21;20,42", rounds: workflows.Rounds{Done: 4},
		},
		"an inner loop that fails": {
			steps:   "  - {id: f, continue_on_error: true, for_each: '" + three + "', steps: [{id: g, for_each: '[item, \"z\"]', steps: [{id: x, activity: lamp.look, with: {lamp: '${item}'}}]}, {id: after, set: {y: 1}}]}\noutcome: string(steps.f.failed) + steps.f.?error.orValue(\"\")",
			outcome: `1step "f[1].g[0].x": b is dark`, rounds: workflows.Rounds{Done: 4, Failed: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.dark("lamp.look", "b")
			began := h.env.Now()
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			require.Equal(t, tc.took, h.env.Now().Sub(began).Truncate(time.Minute))
			if reflect.ValueOf(tc.rounds).IsZero() {
				require.Nil(t, h.status().Step("x").Rounds)
				require.Equal(t, playbook.StatusSkipped, h.statuses()["x"])
			} else {
				require.Equal(t, tc.rounds, *h.status().Step("x").Rounds)
			}
		})
	}
}

func TestLoopCancel(t *testing.T) {
	h := newHouse(t)
	h.at(90*time.Minute, func() { h.env.CancelWorkflow() })
	_, err := h.run("  - {id: f, continue_on_error: true, for_each: '[1, 2, 3]', steps: [{try: [{id: x, wait: 1h}], finally: [{id: y, activity: lamp.light, with: {lamp: '${string(item)}'}}]}]}")
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, []string{`lamp.light {"lamp":"1"}`, `lamp.light {"lamp":"2"}`}, h.calls(), "the third was not begun")
	require.Equal(t, workflows.Rounds{Done: 1, Failed: 1}, *h.status().Step("x").Rounds)
	require.Equal(t, "cancelled", h.status().Step("f").Error)
}

// The history is what bounds a run in the end.
func TestLoopsLeaveRoom(t *testing.T) {
	for _, over := range [][2]int{{40_001, 0}, {0, 40<<20 + 1}} {
		h := newHouse(t)
		h.env.SetCurrentHistoryLength(over[0])
		h.env.SetCurrentHistorySize(over[1])
		_, err := h.run("  - {id: f, for_each: '[1]', steps: [{set: {x: 1}}]}")
		require.ErrorContains(t, err, fmt.Sprintf(`step "f": the run's history has %d events and %d bytes, which leaves no room for another round`, over[0], over[1]))
	}
}

func TestTooMuchIsCollected(t *testing.T) {
	h := newHouse(t)
	h.event.Data = []byte(`{"lamp":"desk","big":"` + strings.Repeat("x", 200_000) + `"}`)
	_, err := h.run("  - {id: f, for_each: '[1, 2, 3, 4, 5, 6]', steps: [{set: {y: 1}}], collect: event.data.big}")
	require.ErrorContains(t, err, `step "f": collect, item 5: the results are more than 1048576 bytes together`)
}

// Calls in loops are told apart by their round, and the story has one row a step.
func TestLoopNames(t *testing.T) {
	h := newHouse(t)
	h.dark("lamp.light", "b")
	var ids []string
	h.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if strings.HasPrefix(info.ActivityType.Name, "lamp.") {
			ids = append(ids, info.ActivityID)
		}
	})
	_, err := h.run(`
  - id: scan
    for_each: '["a", "b"]'
    continue_on_error: true
    steps:
      - {id: douse, title: "Douse ${item}", activity: lamp.douse, with: {lamp: "${item}"}}
      - id: again
        repeat: [{id: light, activity: lamp.light, with: {lamp: "${item}"}, on_error: continue}]
        until: 'true'
  - repeat: [{activity: lamp.douse, with: {lamp: c}}]
    until: 'true'
`)
	require.NoError(t, err)
	require.Equal(t, []string{"scan[0].douse", "scan[0].again[1].light", "scan[1].douse", "scan[1].again[1].light", "repeat-5[1].activity-6"}, ids)
	s := h.status()
	require.Len(t, s.Steps, 6)
	require.Equal(t, "Douse b", s.Step("douse").Title)
	require.JSONEq(t, `{"lamp":"b"}`, string(s.Step("douse").Input))
	require.NotNil(t, s.Step("douse").Output)
	require.NotNil(t, s.Step("douse").Ended)
	require.Equal(t, workflows.Rounds{Done: 1, Failed: 1}, *s.Step("light").Rounds)
	require.Equal(t, playbook.StatusFailed, s.Step("light").Status)
	require.Equal(t, "b is dark", s.Step("light").Error)
	require.Nil(t, s.Step("scan").Rounds)
}

// Every round asks for itself, and a vote for one is none for another.
func TestApprovalsInLoops(t *testing.T) {
	h := newHouse(t)
	var wrong *answer
	h.at(time.Minute, func() {
		asking := h.status().Asking()
		require.Len(t, asking, 3)
		require.Equal(t, workflows.Rounds{Waiting: 3}, *h.status().Step("ask").Rounds)
		require.Equal(t, playbook.StatusWaiting, h.status().Step("ask").Status)
		slices.SortFunc(asking, func(a, b *workflows.ApprovalStatus) int { return strings.Compare(a.ID, b.ID) })
		for i, a := range asking {
			require.Equal(t, fmt.Sprintf("f[%d].ask", i), a.ID)
			require.Equal(t, fmt.Sprintf("f[%d].smash", i), a.Calls[0].Step)
		}
		wrong = h.update(approval.Vote{Approval: asking[0].ID, Digest: asking[1].Digest, Person: alice, Verdict: approval.Approve})
		h.update(approval.Vote{Approval: asking[2].ID, Digest: asking[2].Digest, Person: alice, Verdict: approval.Approve})
		h.update(approval.Vote{Approval: asking[0].ID, Digest: asking[0].Digest, Person: bob, Verdict: approval.Reject})
	})
	h.at(2*time.Minute, func() {
		require.Len(t, h.status().Asking(), 1)
		require.Equal(t, workflows.Waiting, h.status().State)
		require.Equal(t, workflows.Rounds{Waiting: 1, Done: 2}, *h.status().Step("ask").Rounds)
	})
	outcome, err := h.run(`
  - id: f
    for_each: '["a", "b", "c"]'
    max_parallel: 3
    steps: [{id: ask, approve: "Smash ${item}?", approvers: [oncall], steps: [{id: smash, activity: lamp.smash, with: {lamp: "${item}"}}]}]
    collect: steps.ask.decision + steps.smash.status
outcome: steps.f.results.join(" ")
`)
	require.NoError(t, err)
	require.ErrorContains(t, wrong.rejected, "what is asked now is")
	require.Equal(t, "rejectedskipped expiredskipped approveddone", outcome)
	require.Equal(t, []string{`lamp.smash {"lamp":"c"}`}, h.calls())
	require.Equal(t, "f[2].ask", h.permits[0].Approval)
	require.Equal(t, workflows.Rounds{Done: 1, Skipped: 2}, *h.status().Step("smash").Rounds)
}

// Approvals of rounds that follow one another are requests of their own.
func TestApprovalsInRepeat(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() { h.update(h.ballot(alice, approval.Reject)) })
	h.at(10*time.Minute, func() { h.approve(alice) })
	outcome, err := h.run("  - {id: r, repeat: [{id: ask, approve: 'Now?', approvers: [oncall], steps: [{id: a, activity: lamp.smash, with: {lamp: desk}}]}], until: steps.ask.approved, every: 5m}\noutcome: string(steps.r.times) + steps.ask.decision + steps.a.status")
	require.NoError(t, err)
	require.Equal(t, "2approveddone", outcome)
	require.Equal(t, []string{"r[1].ask", "r[2].ask"}, []string{h.status().Approvals[0].ID, h.status().Approvals[1].ID})
	require.Equal(t, workflows.Rounds{Done: 2}, *h.status().Step("ask").Rounds)
	require.Equal(t, workflows.Rounds{Done: 1, Skipped: 1}, *h.status().Step("a").Rounds)
}

// A loop may ask more often than a status can tell.
func TestManyApprovals(t *testing.T) {
	h := newHouse(t)
	outcome, err := h.run("  - {id: f, for_each: 'lists.range(26)', max_parallel: 5, steps: [{id: g, for_each: 'lists.range(10)', max_parallel: 10, steps: [{id: ask, approve: 'Really?', approvers: [oncall], expires: 1m}], collect: steps.ask.decision}], collect: steps.g.results.size()}\noutcome: string(steps.f.results.size())")
	require.NoError(t, err)
	require.Equal(t, "26", outcome)
	require.Len(t, h.status().Approvals, 200)
	require.Equal(t, 60, h.status().Unlisted)
	require.Equal(t, workflows.Rounds{Done: 260}, *h.status().Step("ask").Rounds)
}

// Nor do a few large ones make a status that Temporal would refuse.
func TestLargeApprovalsAndQuestions(t *testing.T) {
	h := newHouse(t)
	h.event.Data = json.RawMessage(`{"lamp":"` + strings.Repeat("x", 100<<10) + `"}`)
	_, err := h.run("  - {for_each: 'lists.range(6)', steps: [{approve: 'Really?', approvers: [oncall], expires: 1m, steps: [{activity: lamp.douse, with: {lamp: '${event.data.lamp}'}}]}]}\n" +
		"  - {for_each: 'lists.range(6)', steps: [{ask: '${string(event.data.lamp)}', who: [oncall], expires: 1m, form: {ok: {type: bool}}}]}")
	require.NoError(t, err)
	require.Len(t, h.status().Approvals, 2)
	require.Len(t, h.status().Questions, 2)
	require.Equal(t, 8, h.status().Unlisted)
}

// Every block stands in every other, and what fails inside comes out as the failure of the innermost.
func TestBlocksInBlocks(t *testing.T) {
	blocks := map[string]string{
		"switch":   "{id: %[1]s, switch: [{if: 'true', steps: [%[2]s]}]}",
		"default":  "{id: %[1]s, switch: [{if: run.id == '%[1]s', steps: [{set: {n_%[1]s: 1}}]}], default: [%[2]s]}",
		"try":      "{id: %[1]s, try: [%[2]s], finally: [{activity: lamp.light, with: {lamp: %[1]s}}]}",
		"catch":    "{id: %[1]s, try: [{set: {n_%[1]s: '${event.data.absent}'}}], catch: [%[2]s]}",
		"finally":  "{id: %[1]s, try: [{set: {n_%[1]s: 1}}], finally: [%[2]s]}",
		"parallel": "{id: %[1]s, parallel: [{steps: [{wait: 1h}]}, {steps: [%[2]s]}]}",
		"repeat":   "{id: %[1]s, repeat: [%[2]s], until: 'true'}",
		"for_each": "{id: %[1]s, for_each: '[1]', steps: [%[2]s]}",
		"if":       "{id: %[1]s, if: 'true', switch: [{if: 'true', steps: [%[2]s]}]}",
	}
	names := []string{"switch", "default", "try", "catch", "finally", "parallel", "repeat", "for_each", "if"}
	inside := map[string]string{"repeat": "[1]", "for_each": "[0]"}
	for _, outer := range names {
		for _, inner := range names {
			t.Run(inner+" in "+outer, func(t *testing.T) {
				steps := func(lamp string) string {
					leaf := fmt.Sprintf("{id: leaf, activity: lamp.look, with: {lamp: %s}}", lamp)
					return "  - " + fmt.Sprintf(blocks[outer], "outer", fmt.Sprintf(blocks[inner], "inner", leaf)) + "\n  - {id: last, activity: lamp.watch, with: {lamp: last}}"
				}
				path := ""
				if at, ok := inside[outer]; ok {
					path = "outer" + at + "."
				}
				if at, ok := inside[inner]; ok {
					path += "inner" + at + "."
				}
				cleans := 0
				for _, one := range []string{outer, inner} {
					if one == "try" {
						cleans++
					}
				}
				lit := func(h *house) (n int) {
					for _, call := range h.calls() {
						if strings.HasPrefix(call, "lamp.light") {
							n++
						}
					}
					return n
				}

				h := newHouse(t)
				_, err := h.run(steps("good"))
				require.NoError(t, err)
				require.Equal(t, playbook.StatusDone, h.statuses()["leaf"])
				require.Equal(t, playbook.StatusDone, h.statuses()["inner"])
				require.Equal(t, playbook.StatusDone, h.statuses()["outer"])
				require.Equal(t, playbook.StatusDone, h.statuses()["last"])
				require.Equal(t, cleans, lit(h))

				h = newHouse(t)
				h.dark("lamp.look", "bad")
				_, err = h.run(steps("bad"))
				require.ErrorContains(t, err, fmt.Sprintf("step %q: bad is dark", path+"leaf"))
				require.Equal(t, playbook.StatusFailed, h.statuses()["leaf"])
				require.Equal(t, playbook.StatusFailed, h.statuses()["inner"])
				require.Equal(t, playbook.StatusFailed, h.statuses()["outer"])
				require.Equal(t, playbook.StatusSkipped, h.statuses()["last"])
				require.Equal(t, cleans, lit(h))

				h = newHouse(t)
				h.dark("lamp.look", "bad")
				_, err = h.run("  - {id: all, on_error: continue, switch: [{if: 'true', steps: [" + strings.TrimPrefix(strings.Split(steps("bad"), "\n")[0], "  - ") + "]}]}\n  - {id: last, activity: lamp.watch, with: {lamp: last}}")
				require.NoError(t, err)
				require.Equal(t, playbook.StatusFailed, h.statuses()["all"])
				require.Equal(t, playbook.StatusDone, h.statuses()["last"])

				h = newHouse(t)
				h.do["lamp.look"] = func(context.Context, lampInput) (lampOutput, error) {
					h.env.CancelWorkflow()
					return lampOutput{State: "lit"}, nil
				}
				_, err = h.run(steps("good"))
				require.True(t, temporal.IsCanceledError(err), "%v", err)
				require.Equal(t, workflows.Cancelled, h.status().State)
				require.Equal(t, playbook.StatusSkipped, h.statuses()["last"])
				require.Equal(t, cleans, lit(h))
			})
		}
	}
}
