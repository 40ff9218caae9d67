package workflows_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// parts notes the parts that a run begins.
func (h *house) parts() *[]workflows.PartInput {
	var began []workflows.PartInput
	h.env.SetOnChildWorkflowStartedListener(func(_ *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var in workflows.PartInput
		require.NoError(h, args.Get(&in))
		began = append(began, in)
	})
	return &began
}

// A loop with many items is the same loop: what it gives, how it fails, what it stops, what its
// steps see of the run around it.
func TestForEachInParts(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   string
		outcome string
		fails   string
		parts   int
		rounds  workflows.Rounds // of step x
	}{
		"results in their order": {
			steps:   "  - {id: f, for_each: 'lists.range(450)', max_parallel: 7, steps: [{id: x, activity: lamp.look, with: {lamp: 'l${item}'}}], collect: 'string(index) + steps.x.output.state'}\noutcome: string(steps.f.results.size()) + steps.f.results[0] + steps.f.results[449]",
			outcome: "4500l0449l449", parts: 3, rounds: workflows.Rounds{Done: 450},
		},
		"a list out of a map": {
			steps:   "  - {id: f, for_each: '{\"m\": event.data.free, \"l\": lists.range(201).map(i, string(i))}.l', steps: [{id: x, set: {s: '${item}'}}], collect: vars.s}\noutcome: steps.f.results[200]",
			outcome: "200", parts: 2, rounds: workflows.Rounds{Done: 201},
		},
		"what is around it": {
			steps: "  - {id: a, activity: lamp.look, with: {lamp: hall}}\n  - set: {n: 3.0, t: '${event.time}', d: '${duration(\"90s\")}', free: '${event.data.free}'}\n" +
				"  - {id: f, for_each: 'lists.range(201)', steps: [{id: x, wait: '${vars.d}'}, {set: {s: '${steps.a.output.state + string(vars.n / 2.0) + string(vars.t.getFullYear()) + string(vars.free.h) + inputs.lamp + event.id + run.playbook}'}}], collect: vars.s}\noutcome: steps.f.results[200]",
			outcome: "hall1.520268deske1p", parts: 2, rounds: workflows.Rounds{Done: 201},
		},
		"loops around it": {
			steps:   "  - {id: o, for_each: '[\"p\", \"q\"]', steps: [{id: f, for_each: 'lists.range(201).map(i, {\"i\": i, \"o\": item})', steps: [{id: x, activity: lamp.light, with: {lamp: '${item.o}${item.i}'}}], collect: steps.x.output.state}], collect: steps.f.results.size()}\noutcome: string(steps.o.results[1])",
			outcome: "201", parts: 4, rounds: workflows.Rounds{Done: 402},
		},
		"the first failure ends it": {
			steps: "  - {id: f, for_each: 'lists.range(450)', steps: [{id: x, activity: lamp.look, with: {lamp: '${item == 203 ? \"desk\" : \"l\"}'}}]}",
			fails: `step "f[203].x": desk is dark`, parts: 2, rounds: workflows.Rounds{Done: 203, Failed: 1},
		},
		"a failure that is caught": {
			steps:   "  - {try: [{id: f, for_each: 'lists.range(450)', steps: [{id: x, activity: lamp.look, with: {lamp: '${item == 203 ? \"desk\" : \"l\"}'}}]}], catch: [{stop: '${error.step}: ${error.reason}, ${steps.f.status}'}]}",
			outcome: "x: desk is dark, failed", parts: 2, rounds: workflows.Rounds{Done: 203, Failed: 1},
		},
		"failures are counted": {
			steps:   "  - {id: f, continue_on_error: true, for_each: 'lists.range(450)', steps: [{id: x, activity: lamp.look, with: {lamp: '${item % 100 == 3 ? \"desk\" : \"l\"}'}}], collect: item}\noutcome: string(steps.f.failed) + ' ' + steps.f.?error.orValue('') + ' ' + string(steps.f.results.size())",
			outcome: `5 step "f[3].x": desk is dark 445`, parts: 3, rounds: workflows.Rounds{Done: 445, Failed: 5},
		},
		"a stop ends all": {
			steps:   "  - {id: f, for_each: 'lists.range(450)', steps: [{id: x, set: {y: 1}}, {stop: 'at ${item}', if: item == 250}]}",
			outcome: "at 250", parts: 2, rounds: workflows.Rounds{Done: 251},
		},
		"a stop that fails": {
			steps: "  - {id: f, for_each: 'lists.range(450)', steps: [{id: x, set: {y: 1}}, {stop: 'at ${item}', failed: true, if: item == 250}]}",
			fails: "at 250", parts: 2, rounds: workflows.Rounds{Done: 251},
		},
		"collected once": {
			steps: "  - {id: f, for_each: 'lists.range(450)', steps: [{id: x, set: {y: 1}}], collect: '\"" + strings.Repeat("y", 3000) + "\"'}",
			fails: `collect, item 349: the results are more than 1048576 bytes together`, parts: 2, rounds: workflows.Rounds{Done: 350},
		},
		"parts of parts": {
			steps:   "  - {id: f, for_each: 'lists.range(201)', steps: [{id: g, if: item == 200, for_each: 'lists.range(202)', steps: [{id: x, set: {y: '${item}'}}], collect: vars.y}], collect: 'steps.g.?results.orValue([]).size()'}\noutcome: string(steps.f.results[200]) + string(steps.f.results[0])",
			outcome: "2020", parts: 4, rounds: workflows.Rounds{Done: 202, Skipped: 200},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.dark("lamp.look", "desk")
			parts := h.parts()
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
			}
			require.Len(t, *parts, tc.parts)
			require.Equal(t, tc.rounds, *h.status().Step("x").Rounds)
			require.Empty(t, h.status().Step("f").Part)
		})
	}
}

// A part is told what its steps read, and nothing else: the list that a loop goes through would
// otherwise travel with each of its parts.
func TestPartsAreToldWhatTheyRead(t *testing.T) {
	h := newHouse(t)
	parts := h.parts()
	_, err := h.run("  - {id: a, activity: lamp.look, with: {lamp: hall}}\n  - set: {all: '${lists.range(300)}', some: x}\n  - {id: f, for_each: vars.all, steps: [{id: x, set: {y: '${vars.some}'}}]}")
	require.NoError(t, err)
	require.Len(t, *parts, 2)
	for i, in := range *parts {
		require.JSONEq(t, `{"steps": {}, "vars": {"some": "x"}}`, string(in.Sees))
		require.Equal(t, i*200, in.First)
	}
}

func TestPartThatIsToldTooMuch(t *testing.T) {
	h := newHouse(t)
	h.event.Data = json.RawMessage(fmt.Sprintf(`{"lamp":"desk","large":%q}`, strings.Repeat("x", 600<<10)))
	_, err := h.run("  - {id: f, for_each: 'lists.range(300)', steps: [{id: x, set: {y: 1}}]}")
	require.ErrorContains(t, err, `step "f": for_each: a part of 300 items would have to be told 6`)
}

// A cancellation goes down into the part, which ends with its finally and reports.
func TestCancelInAPart(t *testing.T) {
	h := newHouse(t)
	h.at(time.Hour+30*time.Minute, func() { h.env.CancelWorkflow() })
	_, err := h.run("  - {id: f, for_each: 'lists.range(300)', steps: [{try: [{id: x, wait: 1h}], finally: [{id: z, activity: lamp.douse, with: {lamp: 'l${item}'}}]}]}")
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, workflows.Rounds{Done: 1, Failed: 1}, *h.status().Step("x").Rounds)
	require.Equal(t, workflows.Rounds{Done: 2}, *h.status().Step("z").Rounds)
	require.Len(t, h.calls(), 2)
}

// What a part asks is asked under the part's name, and a vote goes there.
func TestApprovalInAPart(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		part := h.status().Step("f").Part
		value, err := h.env.QueryWorkflowByID(part, workflows.StatusQuery)
		require.NoError(t, err)
		var status workflows.Status
		require.NoError(t, value.Get(&status))
		require.Equal(t, &workflows.PartOf{Run: h.status().Run, Step: "f", First: 0, Last: 199}, status.Part)
		require.Len(t, status.Asking(), 1)
		request := status.Asking()[0]
		require.Equal(t, part, request.Run)
		require.Equal(t, "f[0].ask", request.ID)
		yes, err := h.desk.Vote(request.Request, approval.Vote{Approval: request.ID, Digest: request.Digest, Person: alice, Verdict: approval.Approve})
		require.NoError(t, err)
		require.NoError(t, h.env.SignalWorkflowByID(part, workflows.DecideSignal, yes))
	})
	_, err := h.run("  - {id: f, for_each: 'lists.range(300)', steps: [{id: ask, if: item == 0, approve: 'Really?', approvers: [oncall], steps: [{id: x, activity: lamp.smash, with: {lamp: 'l${item}'}}]}]}")
	require.NoError(t, err)
	require.Equal(t, []string{`lamp.smash {"lamp":"l0"}`}, h.calls())
}

// A part of a part knows when the run began, too.
func TestPartsOfPartsKnowTheRun(t *testing.T) {
	h := newHouse(t)
	outcome, err := h.run("  - id: l\n    for_each: lists.range(201)\n    steps:\n      - {if: item == 0, wait: 1h}\n" +
		"      - {id: m, for_each: 'item == 200 ? lists.range(201) : []', steps: [{set: {x: 1}}], collect: string(run.time)}\n" +
		"    collect: '{\"times\": steps.m.results}'\noutcome: string(steps.l.results[200].times.all(t, t == string(run.time))) + string(steps.l.results[200].times.size())")
	require.NoError(t, err)
	require.Equal(t, "true201", outcome)
}
