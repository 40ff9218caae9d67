package workflows_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// callees are playbooks that the tests here call.
func callees(h *house) {
	h.callee("look", "inputs: {lamp: {type: string}, n: {type: int, default: 3}}\nsteps: [{id: see, activity: lamp.look, with: {lamp: '${inputs.lamp}'}}]\noutcome: steps.see.output.state + string(inputs.n)")
	h.callee("from-event", "triggers: [{event: lamp.broken}]\ninputs: {lamp: {type: string, from: event.data.lamp}, n: {type: int, from: event.data.n}}\nsteps: [{set: {x: 1}}]\noutcome: inputs.lamp + string(inputs.n) + event.id")
	h.callee("douse", "inputs: {lamp: {type: string}}\nsteps:\n  - id: ask\n    approve: 'Douse ${inputs.lamp}?'\n    approvers: [oncall]\n    steps: [{id: act, activity: lamp.douse, with: {lamp: '${inputs.lamp}'}}]\noutcome: steps.ask.decision")
	h.callee("give-up", "steps: [{stop: it is hopeless, failed: true}]")
	h.callee("tidy", "steps:\n  - try: [{wait: 1h}]\n    finally: [{activity: lamp.light, with: {lamp: hall}}]")
	h.callee("outer", "inputs: {lamp: {type: string}}\nsteps: [{id: inner, playbook: look, with: {lamp: '${inputs.lamp}'}}]\noutcome: '\"outer \" + steps.inner.outcome'")
}

func TestPlaybookCalls(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   string
		outcome string
		fails   string
		calls   []string
		rows    map[string]playbook.Status
	}{
		"with inputs and defaults": {
			steps:   "  - {id: a, playbook: look, with: {lamp: '${inputs.lamp}'}}\n  - {id: b, playbook: look, with: {lamp: hall, n: 5}}\noutcome: steps.a.outcome + steps.b.outcome + steps.b.status",
			outcome: "lit3lit5done", calls: []string{`lamp.look {"lamp":"desk"}`, `lamp.look {"lamp":"hall"}`},
		},
		"with inputs of the event":    {steps: "  - {id: a, playbook: from-event, with: {n: 7}}\noutcome: steps.a.outcome", outcome: "desk7e1"},
		"one that calls another":      {steps: "  - {id: a, playbook: outer, with: {lamp: hall}}\noutcome: steps.a.outcome", outcome: "outer lit3", calls: []string{`lamp.look {"lamp":"hall"}`}},
		"one that fails":              {steps: "  - {id: a, playbook: give-up}\n  - {id: b, stop: no}", fails: `step "a": it is hopeless`, rows: map[string]playbook.Status{"a": "failed", "b": "skipped"}},
		"one that fails is caught":    {steps: "  - {try: [{id: a, playbook: give-up}], catch: [{stop: '${error.step} ${error.reason}'}]}", outcome: "a it is hopeless"},
		"one that fails, and goes on": {steps: "  - {id: a, on_error: continue, playbook: give-up}\noutcome: steps.a.status + steps.a.?outcome.orValue('?')", outcome: "failed?"},
		"skipped":                     {steps: "  - {id: a, if: run.id == '', playbook: give-up}\noutcome: steps.a.status + steps.a.?outcome.orValue('?')", outcome: "skipped?"},
		"an input of another type":    {steps: "  - {id: a, playbook: look, with: {lamp: '${event.data.n}'}}", fails: `step "a": with: lamp: want string, got the number 5`},
		"an input that is not there":  {steps: "  - {id: a, playbook: from-event, with: {n: '${event.data.absent}'}}", fails: `step "a": with: n: evaluate`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			callees(h)
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, tc.outcome, outcome)
			require.Equal(t, tc.calls, h.calls())
			for id, want := range tc.rows {
				require.Equal(t, want, h.statuses()[id], id)
			}
		})
	}
}

// of asks a called run for its status.
func (h *house) of(run string) *workflows.Status {
	h.Helper()
	value, err := h.env.QueryWorkflowByID(run, workflows.StatusQuery)
	require.NoError(h, err)
	var s *workflows.Status
	require.NoError(h, value.Get(&s))
	return s
}

// A called run is asked, and answered, by its own id, which the row of the step names.
func TestCalledRunsAskForThemselves(t *testing.T) {
	h := newHouse(t)
	callees(h)
	var asked, told *workflows.Status
	h.at(time.Minute, func() {
		told = h.status()
		asked = h.of(told.Step("a").Run)
		request := asked.Asking()[0]
		yes, err := h.desk.Vote(request.Request, approval.Vote{Approval: request.ID, Digest: request.Digest, Person: alice, Verdict: approval.Approve})
		require.NoError(t, err)
		require.NoError(t, h.env.UpdateWorkflowByID(asked.Run, workflows.DecideUpdate, "1", &answer{}, yes))
	})
	outcome, err := h.run("  - {id: a, playbook: douse, with: {lamp: hall}}\noutcome: steps.a.outcome")
	require.NoError(t, err)
	require.Equal(t, "approved", outcome)
	require.Equal(t, []string{`lamp.douse {"lamp":"hall"}`}, h.calls())
	require.Equal(t, workflows.Running, told.State, "the caller itself asks nobody")
	require.Equal(t, "douse", told.Step("a").Calls)
	require.Equal(t, told.Run+"/a", told.Step("a").Run)
	require.Equal(t, []string{told.Run + "/a"}, told.Called)
	require.Empty(t, h.status().Called)
	require.JSONEq(t, `{"lamp":"hall"}`, string(told.Step("a").Input))
	require.Equal(t, told.Run, asked.Parent)
	require.Equal(t, "douse", asked.Playbook)
	require.Equal(t, workflows.Waiting, asked.State)
}

func TestCalledRunsOfALoop(t *testing.T) {
	h := newHouse(t)
	callees(h)
	outcome, err := h.run("  - id: each\n    for_each: '[\"desk\", \"hall\"]'\n    steps: [{id: a, playbook: look, with: {lamp: '${item}', n: '${index}'}}]\n    collect: steps.a.outcome\noutcome: steps.each.results.join()")
	require.NoError(t, err)
	require.Equal(t, "lit0lit1", outcome)
	run := h.status().Run
	require.Equal(t, run+"/each[1].a", h.status().Step("a").Run)
	require.Equal(t, run, h.of(run+"/each[0].a").Parent)
}

// Who cancels a run cancels what it called, which still cleans up.
func TestCancelGoesDown(t *testing.T) {
	h := newHouse(t)
	callees(h)
	h.at(time.Minute, func() { h.env.CancelWorkflow() })
	_, err := h.run("  - {id: a, playbook: tidy}\n  - {id: b, activity: lamp.look, with: {lamp: desk}}")
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, []string{`lamp.light {"lamp":"hall"}`}, h.calls())
	require.Equal(t, "cancelled", h.status().Step("a").Error)
	require.Equal(t, workflows.Cancelled, h.of(h.status().Step("a").Run).State)
}

func TestCalledRunThatCannotStart(t *testing.T) {
	h := newHouse(t)
	callees(h)
	in := h.input("  - {id: a, playbook: from-event}")
	in.Event.Data = []byte(`{"lamp":"desk"}`)
	_, err := h.start(in)
	require.ErrorContains(t, err, `step "a": input "n": the event lacks`)
}

// What fails deep down is told with all the steps on the way.
func TestFailureInsideACalledRun(t *testing.T) {
	h := newHouse(t)
	callees(h)
	h.do["lamp.look"] = func(context.Context, lampInput) (lampOutput, error) {
		return lampOutput{}, activities.Permanent("Dark", errors.New("it is dark"))
	}
	_, err := h.run("  - {id: a, playbook: outer, with: {lamp: hall}}")
	require.ErrorContains(t, err, `step "a": step "inner": step "see": it is dark`)
	require.Equal(t, 1, strings.Count(h.status().Error, "it is dark"))
}

// A run below that somebody cancels by itself has failed as far as the run above it is concerned.
func TestCancelledBelow(t *testing.T) {
	for name, steps := range map[string]string{
		"a part":     "  - {try: [{id: a, for_each: 'lists.range(300)', steps: [{wait: 1h}]}], catch: [{stop: '${error.step}: ${error.reason}'}]}",
		"a playbook": "  - {try: [{id: a, playbook: inner}], catch: [{stop: '${error.step}: ${error.reason}'}]}",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			inner := h.compile("inner", "steps: [{wait: 1h}]\n")
			h.callees = playbook.Table[playbook.Callee]{"inner": {Plan: inner.Plan}}
			below := ""
			h.at(time.Minute, func() {
				row := h.status().Step("a")
				below = row.Part + row.Run
				h.env.CancelWorkflowByID(below, "")
			})
			outcome, err := h.run(steps)
			require.NoError(t, err)
			require.Equal(t, "a: the run "+below+" was cancelled", outcome)
		})
	}
}
