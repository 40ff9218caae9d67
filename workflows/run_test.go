package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

func TestSteps(t *testing.T) {
	for name, tc := range map[string]struct {
		steps    string
		outcome  string
		calls    []string
		statuses map[string]playbook.Status
		fails    string
	}{
		"a stop without words": {
			steps:   "  - {if: run.id != '', stop: '${event.data.nothing}'}\n  - {id: a, activity: lamp.look, with: {lamp: desk}}\noutcome: steps.a.output.state",
			outcome: "", statuses: map[string]playbook.Status{"stop-1": "done", "a": "skipped"},
		},
		"a stop that leaves the matter open": {
			steps: "  - {id: s, if: run.id != '', stop: somebody must look, failed: true}\n  - {id: a, activity: lamp.look, with: {lamp: desk}}",
			fails: "somebody must look", statuses: map[string]playbook.Status{"s": "done", "a": "skipped"},
		},
		"no outcome": {steps: `  - {id: a, set: {x: 1}}`, outcome: "done"},
		"activity": {
			steps:   `  - {id: a, activity: lamp.look, with: {lamp: "${inputs.lamp}"}}` + "\n" + `outcome: steps.a.output.state + " " + steps.a.output.rooms[1] + " " + steps.a.status`,
			outcome: "lit attic done", calls: []string{`lamp.look {"lamp":"desk"}`},
		},
		"a change by itself": {
			steps:   `  - {id: a, activity: lamp.douse, with: {lamp: desk}}`,
			outcome: "done", calls: []string{`lamp.douse {"lamp":"desk"}`},
		},
		"a long read": {
			steps:   `  - {id: a, activity: lamp.watch, with: {lamp: desk}}`,
			outcome: "done", calls: []string{`lamp.watch {"lamp":"desk"}`},
		},
		"if": {
			steps:   "  - {id: a, if: 'event.data.n > 5', activity: lamp.look, with: {lamp: desk}}\n  - {id: b, if: 'steps.a.status == \"skipped\"', activity: lamp.watch, with: {lamp: desk}}",
			outcome: "done", calls: []string{`lamp.watch {"lamp":"desk"}`},
			statuses: map[string]playbook.Status{"a": "skipped", "b": "done"},
		},
		"if cannot be evaluated": {
			steps: "  - {id: a, if: event.data.absent, set: {x: 1}}", fails: `step "a": if: evaluate "event.data.absent": no such key: absent`,
			statuses: map[string]playbook.Status{"a": "failed"},
		},
		"title cannot be evaluated": {
			steps: "  - {id: a, title: '${event.data.absent}', set: {x: 1}}", fails: `step "a": title: evaluate`,
		},
		"a skipped approval was not given": {
			steps: "  - {id: a, if: run.id == '', approve: 'Really?', approvers: [oncall], steps: [{id: b, activity: lamp.smash, with: {lamp: desk}}]}\n" +
				`outcome: string(steps.a.approved) + " " + steps.a.reason + " " + string(steps.a.by.size()) + steps.b.status`,
			outcome: "false skipped 0skipped", statuses: map[string]playbook.Status{"a": "skipped", "b": "skipped"},
		},
		"a skipped switch took no case": {
			steps:   "  - {id: a, if: run.id == '', switch: [{if: 'true', steps: [{id: b, set: {x: 1}}]}]}\noutcome: string(steps.a.case) + steps.b.status",
			outcome: "0skipped",
		},
		"switch, first case that holds": {
			steps:   "  - id: a\n    switch:\n      - {if: run.id == '', steps: [{id: b, set: {x: b}}]}\n      - {if: run.id != 'x', steps: [{id: c, set: {x: c}}]}\n      - {if: event.id != '', steps: [{id: d, set: {x: d}}]}\n    default: [{id: e, set: {x: e}}]\noutcome: vars.x + string(steps.a.case) + steps.b.status",
			outcome: "c2skipped", statuses: map[string]playbook.Status{"a": "done", "b": "skipped", "c": "done", "d": "skipped", "e": "skipped"},
		},
		"switch, default": {
			steps:   "  - id: a\n    switch: [{if: run.id == '', steps: [{id: b, set: {x: b}}]}]\n    default: [{id: e, set: {x: e}}]\noutcome: vars.x + string(steps.a.case)",
			outcome: "e0", statuses: map[string]playbook.Status{"a": "done", "b": "skipped", "e": "done"},
		},
		"switch, none": {
			steps:   "  - id: a\n    switch: [{if: run.id == '', steps: [{id: b, set: {x: b}}]}]\noutcome: string(steps.a.case)",
			outcome: "0", statuses: map[string]playbook.Status{"a": "done", "b": "skipped"},
		},
		"switch cannot be evaluated": {
			steps: "  - id: a\n    switch: [{if: run.id == '', steps: [{stop: x}]}, {if: event.data.absent, steps: [{stop: y}]}]", fails: `step "a": case 2: evaluate`,
		},
		"set": {
			steps:   "  - set: {x: 1, y: a}\n  - set: {x: '${vars.x + 1}', z: '${vars.x}'}\n  - if: run.id == ''\n    set: {y: b}\noutcome: string(vars.x) + string(vars.z) + vars.y",
			outcome: "21a",
		},
		"set cannot be evaluated": {steps: "  - {id: a, set: {x: 1, y: '${event.data.absent}'}}", fails: `step "a": y: evaluate`},
		"stop": {
			steps:   "  - {id: a, set: {x: 1}}\n  - {id: b, if: run.id != '', stop: 'enough of ${inputs.lamp}'}\n  - {id: c, activity: lamp.look, with: {lamp: desk}}\noutcome: '\"not this\"'",
			outcome: "enough of desk", statuses: map[string]playbook.Status{"a": "done", "b": "done", "c": "skipped"},
		},
		"stop inside a switch": {
			steps:   "  - id: a\n    switch: [{if: run.id != '', steps: [{id: b, if: run.id != 'x', stop: inner}, {id: c, set: {x: 1}}]}]\n  - {id: d, set: {x: 1}}",
			outcome: "inner", statuses: map[string]playbook.Status{"a": "done", "b": "done", "c": "skipped", "d": "skipped"},
		},
		"outcome cannot be evaluated": {steps: "  - {id: a, set: {x: 1}}\noutcome: event.data.absent", fails: "outcome: evaluate"},
		"outcome is not a text":       {steps: "  - {id: a, set: {x: 1}}\noutcome: event.data.n", fails: "outcome: want a string, got 5"},
		"an input of another type":    {steps: "  - {id: a, activity: lamp.look, with: {lamp: '${event.data.n}'}}", fails: `step "a": with: lamp: want string, got the number 5`},
		"an empty target":             {steps: "  - {id: a, activity: lamp.douse, with: {lamp: '${\"\"}'}}", fails: `step "a": lamp.douse: the input does not fit`},
		"an inner failure":            {steps: "  - id: a\n    switch: [{if: 'true', steps: [{id: b, set: {x: '${event.data.absent}'}}]}]", fails: `step "b": x: evaluate`, statuses: map[string]playbook.Status{"a": "failed", "b": "failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
				var app *temporal.ApplicationError
				require.ErrorAs(t, err, &app)
				require.True(t, app.NonRetryable())
				require.Equal(t, workflows.Failed, h.status().State)
				require.Contains(t, h.status().Error, tc.fails)
			} else {
				require.NoError(t, err)
				require.Equal(t, tc.outcome, outcome)
				require.Equal(t, workflows.Done, h.status().State)
				require.Equal(t, outcome, h.status().Outcome)
			}
			require.Equal(t, tc.calls, h.calls())
			for id, want := range tc.statuses {
				require.Equal(t, want, h.statuses()[id], id)
			}
			require.NotNil(t, h.status().Ended)
		})
	}
}

func TestStatusTellsTheStory(t *testing.T) {
	h := newHouse(t)
	var waiting *workflows.Status
	h.at(time.Minute, func() {
		waiting = h.status()
		h.approve(alice)
	})
	_, err := h.run(`
  - {id: look, title: "Look at ${inputs.lamp}", activity: lamp.look, with: {lamp: "${inputs.lamp}"}}
  - id: ask
    approve: "Douse ${inputs.lamp}?"
    approvers: [oncall]
    expires: 10m
    steps:
      - {id: douse, title: "Douse ${inputs.lamp}", activity: lamp.douse, with: {lamp: "${inputs.lamp}"}}
`)
	require.NoError(t, err)

	require.Equal(t, workflows.Waiting, waiting.State)
	require.Equal(t, playbook.StatusDone, waiting.Step("look").Status)
	require.Equal(t, "Look at desk", waiting.Step("look").Title)
	require.JSONEq(t, `{"lamp":"desk"}`, string(waiting.Step("look").Input))
	require.JSONEq(t, `{"state":"lit","rooms":["hall","attic"]}`, string(waiting.Step("look").Output))
	require.Equal(t, playbook.StatusWaiting, waiting.Step("ask").Status)
	require.Equal(t, playbook.StatusPending, waiting.Step("douse").Status)
	require.Equal(t, 1, waiting.Step("douse").Depth)
	require.Equal(t, "p", waiting.Playbook)
	require.Equal(t, "e1", waiting.Event.ID)
	require.Nil(t, waiting.Ended)

	request := waiting.Asking()[0]
	require.Equal(t, "Douse desk?", request.Question)
	require.Equal(t, []string{alice, bob}, request.People)
	require.Equal(t, 10*time.Minute, request.Expires.Sub(request.Asked))
	require.Equal(t, waiting.Plan, request.Plan)
	require.Equal(t, waiting.Run, request.Run)
	require.Len(t, request.Calls, 1)
	require.Equal(t, "Douse desk", request.Calls[0].Title)
	require.Equal(t, "change", request.Calls[0].Effect)
	require.Equal(t, "lamp.light", request.Calls[0].Undo)
	require.Equal(t, []string{"lamp"}, request.Calls[0].Targets)

	end := h.status()
	require.Empty(t, end.Asking())
	require.Equal(t, approval.Approved, end.Approvals[0].Decision.Outcome)
	require.Equal(t, []string{alice}, end.Approvals[0].Decision.By)
	require.Equal(t, playbook.StatusDone, end.Step("douse").Status)
	require.False(t, end.Step("douse").Started.Before(end.Approvals[0].Decision.At))
	require.Nil(t, end.Step("no such step"))
	for _, s := range []workflows.State{workflows.Running, workflows.Waiting} {
		require.False(t, s.Over())
	}
}

func TestFailingActivities(t *testing.T) {
	permanent := activities.Permanent("NoSuchLamp", errors.New("there is no such lamp"))
	passing := activities.Passing("Dark", 0, errors.New("too dark"))
	for name, tc := range map[string]struct {
		activity string
		retry    string
		errs     []error // of the first attempts
		attempts int
		says     string
	}{
		"permanent read":      {"lamp.look", "", []error{permanent}, 1, `step "a": there is no such lamp`},
		"permanent change":    {"lamp.douse", "", []error{permanent}, 1, `step "a": there is no such lamp`},
		"passing read":        {"lamp.look", "{times: 3}", []error{passing, passing, passing, passing}, 3, `step "a": too dark`},
		"passing change":      {"lamp.douse", "{times: 3}", []error{passing, passing, passing, passing}, 3, `step "a": too dark`},
		"passing, by default": {"lamp.douse", "{every: 1s}", []error{passing, passing, passing, passing, passing, passing}, 5, `step "a": too dark`},
		"recovers, read":      {"lamp.look", "{times: 3}", []error{passing, passing}, 3, ""},
		"recovers, change":    {"lamp.douse", "{times: 3}", []error{passing, passing}, 3, ""},
		"once":                {"lamp.douse", "{times: 1}", []error{passing}, 1, `step "a": too dark`},
		"of no known kind":    {"lamp.douse", "{times: 2}", []error{errors.New("hm"), errors.New("hm")}, 2, `step "a": hm`},
		"then permanent":      {"lamp.douse", "{times: 5}", []error{passing, permanent}, 2, `step "a": there is no such lamp`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			attempt := 0
			h.do[tc.activity] = func(context.Context, lampInput) (lampOutput, error) {
				if attempt++; attempt <= len(tc.errs) {
					return lampOutput{}, tc.errs[attempt-1]
				}
				return lampOutput{}, nil
			}
			retry := ""
			if tc.retry != "" {
				retry = ", retry: " + tc.retry
			}
			_, err := h.run("  - {id: a, activity: " + tc.activity + ", with: {lamp: desk}" + retry + "}\n  - {id: b, activity: lamp.watch, with: {lamp: desk}}")
			require.Equal(t, tc.attempts, attempt)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			require.Equal(t, playbook.StatusFailed, h.statuses()["a"])
			require.Equal(t, playbook.StatusSkipped, h.statuses()["b"])
			require.NotContains(t, h.calls(), `lamp.watch {"lamp":"desk"}`)
			require.JSONEq(t, `{"lamp":"desk"}`, string(h.status().Step("a").Input), "the story says what was attempted")
		})
	}
}

// The step's own timeout holds, also where the activity's is longer.
func TestTimeouts(t *testing.T) {
	for _, name := range []string{"lamp.look", "lamp.watch", "lamp.douse"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.do[name] = func(ctx context.Context, _ lampInput) (lampOutput, error) {
				<-ctx.Done()
				return lampOutput{}, ctx.Err()
			}
			_, err := h.run("  - {id: a, activity: " + name + ", with: {lamp: desk}, timeout: 1s, retry: {times: 1}}")
			require.ErrorContains(t, err, `step "a": no answer in time`)
			require.Equal(t, playbook.StatusFailed, h.statuses()["a"])
		})
	}
}

func TestCancel(t *testing.T) {
	const steps = `
  - {id: look, activity: lamp.look, with: {lamp: desk}}
  - id: ask
    approve: Douse it?
    approvers: [oncall]
    steps:
      - {id: douse, activity: lamp.douse, with: {lamp: desk}}
      - {id: smash, activity: lamp.smash, with: {lamp: desk}}
  - {id: after, activity: lamp.light, with: {lamp: desk}}
`
	requireCancelled := func(t *testing.T, h *house, err error) {
		t.Helper()
		require.True(t, temporal.IsCanceledError(err), "%v", err)
		require.Equal(t, workflows.Cancelled, h.status().State)
		require.Equal(t, "cancelled", h.status().Error)
		require.Empty(t, h.status().Asking())
	}
	t.Run("before the first step", func(t *testing.T) {
		h := newHouse(t)
		h.at(0, func() { h.env.CancelWorkflow() })
		_, err := h.run(steps)
		requireCancelled(t, h, err)
		require.NotContains(t, h.calls(), `lamp.douse {"lamp":"desk"}`)
	})
	t.Run("while people are asked", func(t *testing.T) {
		h := newHouse(t)
		h.at(time.Minute, func() { h.env.CancelWorkflow() })
		_, err := h.run(steps)
		requireCancelled(t, h, err)
		require.Equal(t, []string{`lamp.look {"lamp":"desk"}`}, h.calls())
		require.Equal(t, map[string]playbook.Status{"look": "done", "ask": "failed", "douse": "skipped", "smash": "skipped", "after": "skipped"}, h.statuses())
		require.Equal(t, "cancelled", h.status().Step("ask").Error)
		require.Equal(t, approval.Withdrawn, h.status().Approvals[0].Decision.Outcome)
	})
	t.Run("during an effect, which ends all the same", func(t *testing.T) {
		h := newHouse(t)
		h.do["lamp.douse"] = func(context.Context, lampInput) (lampOutput, error) {
			h.env.CancelWorkflow()
			return lampOutput{State: "dark"}, nil
		}
		h.at(time.Minute, func() { h.approve(alice) })
		_, err := h.run(steps)
		requireCancelled(t, h, err)
		require.Equal(t, []string{`lamp.look {"lamp":"desk"}`, `lamp.douse {"lamp":"desk"}`}, h.calls())
		require.Equal(t, playbook.StatusSkipped, h.statuses()["smash"])
		require.Equal(t, playbook.StatusSkipped, h.statuses()["after"])
	})
}

// Large values do not make the story too long to be told.
func TestStatusIsBounded(t *testing.T) {
	h := newHouse(t)
	h.do["lamp.look"] = func(context.Context, lampInput) (lampOutput, error) {
		return lampOutput{State: strings.Repeat("x", 500_000)}, nil
	}
	_, err := h.run(strings.Repeat("  - {activity: lamp.look, with: {lamp: desk}}\n", 4))
	require.NoError(t, err)
	raw, err := json.Marshal(h.status())
	require.NoError(t, err)
	require.Less(t, len(raw), 1<<20+10_000)
	require.Contains(t, string(h.status().Steps[3].Output), "bytes, not shown")
}

func TestRepeatsAreCounted(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		h.env.SignalWorkflow(workflows.RepeatSignal, workflows.EventRef{ID: "e2"})
		h.env.SignalWorkflow(workflows.RepeatSignal, workflows.EventRef{ID: "e3"})
	})
	_, err := h.run("  - {approve: 'Really?', approvers: [oncall]}")
	require.NoError(t, err)
	require.Equal(t, 2, h.status().Repeats)
}

// Anybody who can reach the namespace can send signals; one that is none of ours must not stop
// those behind it.
func TestSignalsThatAreNoVotes(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		h.env.SignalWorkflow(workflows.DecideSignal, 5)
		h.env.SignalWorkflow(workflows.DecideSignal, "approve")
		h.env.SignalWorkflow(workflows.RepeatSignal, "e2")
		h.env.SignalWorkflow("unheard of", 1)
		h.env.SignalWorkflow(workflows.RepeatSignal, workflows.EventRef{ID: "e3"})
	})
	h.at(2*time.Minute, func() {
		require.Equal(t, 1, h.status().Repeats)
		h.signal(h.ballot(alice, approval.Approve))
	})
	outcome, err := h.run("  - {id: ask, approve: 'Really?', approvers: [oncall]}\noutcome: steps.ask.by[0]")
	require.NoError(t, err)
	require.Equal(t, alice, outcome)
}

func TestRunsThatCannotStart(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*workflows.Input)
		says   string
	}{
		"plan of a later version": {func(in *workflows.Input) { in.Plan.Format = 2 }, "load the plan: its format is 2; this version reads 1"},
		"plan that was altered":   {func(in *workflows.Input) { in.Plan.Document = json.RawMessage(`{"playbook":"p"}`) }, "load the plan: plan:1:1"},
		"empty":                   {func(in *workflows.Input) { *in = workflows.Input{} }, "its format is 0"},
		"input missing":           {func(in *workflows.Input) { in.Inputs = nil }, `input "lamp" is missing`},
		"input of another type":   {func(in *workflows.Input) { in.Inputs["lamp"] = json.RawMessage("5") }, `input "lamp": want string, got the number 5`},
		"event without data":      {func(in *workflows.Input) { in.Event.Data = nil }, "got null"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			in := h.input("  - {stop: 'lamp ${event.data.lamp}'}")
			tc.change(&in)
			_, err := h.start(in)
			if name == "event without data" { // null is data, if of little use
				require.ErrorContains(t, err, "no such key: lamp")
				return
			}
			require.ErrorContains(t, err, tc.says)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, "RunFailed", app.Type())
			require.True(t, app.NonRetryable())
		})
	}
}

// A workflow that somebody else wrote, or that was tampered with, meets the guard.
func TestTheGuardStandsBehindTheWorkflow(t *testing.T) {
	input := json.RawMessage(`{"lamp":"desk"}`)
	cover := func(raw, name string) digest.Digest {
		d, err := activities.Call{Activity: name, Version: 1, Input: json.RawMessage(raw)}.Digest()
		require.NoError(t, err)
		return d
	}
	for name, tc := range map[string]struct {
		activity string
		permit   *activities.Permit
	}{
		"no permit":                {"lamp.douse", nil},
		"another call":             {"lamp.douse", &activities.Permit{Covers: []digest.Digest{cover(`{"lamp":"hall"}`, "lamp.douse")}}},
		"another activity":         {"lamp.douse", &activities.Permit{Covers: []digest.Digest{cover(`{"lamp":"desk"}`, "lamp.light")}}},
		"destroy by itself":        {"lamp.smash", &activities.Permit{Covers: []digest.Digest{cover(`{"lamp":"desk"}`, "lamp.smash")}}},
		"approval without persons": {"lamp.smash", &activities.Permit{Approval: "ask", Covers: []digest.Digest{cover(`{"lamp":"desk"}`, "lamp.smash")}}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.env.ExecuteWorkflow(func(ctx workflow.Context) error {
				ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
				return workflow.ExecuteActivity(ctx, tc.activity, input, tc.permit).Get(ctx, nil)
			})
			var app *temporal.ApplicationError
			require.ErrorAs(t, h.env.GetWorkflowError(), &app)
			require.Equal(t, "NotPermitted", app.Type())
			require.Empty(t, h.calls())
		})
	}
}

// An expression that sees a map's order is evaluated once, and everything after agrees with it.
func TestUnstableExpressionsAgreeWithThemselves(t *testing.T) {
	for range 20 {
		h := newHouse(t)
		h.at(time.Minute, func() {
			shown := h.status().Asking()[0].Calls[0].Input
			var in lampInput
			require.NoError(t, json.Unmarshal(shown, &in))
			require.Len(t, in.Note, 8)
			h.approve(alice)
		})
		outcome, err := h.run(`
  - set: {keys: "${event.data.free.map(k, k)}"}
  - id: ask
    approve: "Douse them in the order ${event.data.free.map(k, k).join('')}?"
    approvers: [oncall]
    steps:
      - {id: douse, activity: lamp.douse, with: {lamp: desk, note: "${event.data.free.map(k, k).join('')}"}}
outcome: vars.keys.join("")
`)
		require.NoError(t, err)
		require.Len(t, outcome, 8)
		s := h.status()
		require.Equal(t, string(s.Approvals[0].Calls[0].Input), string(s.Step("douse").Input))
		require.Equal(t, `lamp.douse `+string(s.Step("douse").Input), h.calls()[0])
	}
}
