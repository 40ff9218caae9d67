package workflows_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

type sweepInput struct {
	Lamps []string `json:"lamps"`
	// Then is what it does with the lamps out: fail, wait, linger or leave.
	Then string `json:"then,omitempty"`
}

// sweeping is a workflow that douses lamps, one after the other.
func sweeping(h *house) {
	workflows.Register(h.workflows, workflows.Spec{
		Name: "lamp.sweep", Title: "Douse lamps", Timeout: time.Hour, Effects: []string{"lamp.light", "lamp.douse", "lamp.douse"},
	}, func(ctx workflow.Context, in sweepInput) (reportOutput, error) {
		for _, lamp := range in.Lamps {
			if _, err := workflows.Call[lampInput, lampOutput](ctx, "lamp.douse", lampInput{Lamp: lamp}); err != nil {
				return reportOutput{}, err
			}
		}
		switch in.Then {
		case "fail":
			return reportOutput{}, errors.New("it is too dark to count")
		case "wait":
			return reportOutput{}, workflow.Sleep(ctx, 30*time.Minute)
		case "linger":
			return reportOutput{}, workflow.Sleep(ctx, 2*time.Hour)
		case "continue":
			return reportOutput{}, workflow.NewContinueAsNewError(ctx, "lamp.sweep", in)
		case "leave":
			workflow.Go(ctx, func(ctx workflow.Context) {
				_, _ = workflows.Call[lampInput, lampOutput](ctx, "lamp.light", lampInput{Lamp: "attic"})
			})
			return reportOutput{}, workflow.Sleep(ctx, time.Second)
		}
		return reportOutput{Lit: len(in.Lamps)}, nil
	})
	h.workflows.Bind(h.env, h.registry)
}

// What a workflow written in Go changed is put back where its step says so, and told where it does
// not.
func TestUndoOfGoWorkflows(t *testing.T) {
	const (
		both   = "a.lamp.douse-2 lamp.light done, a.lamp.douse-1 lamp.light done"
		stands = `a.lamp.douse-1 lamp.douse "desk", a.lamp.douse-2 lamp.douse "hall"`
		with   = "workflow: lamp.sweep, with: {lamps: [desk, hall]"
	)
	for name, tc := range map[string]struct {
		steps  string
		says   string
		undone string // separated by commas, as what is left
		left   string
	}{
		"automatic, newest first":      {"  - {id: a, " + with + "}, undo: automatic}\n  - " + fails, "it is dark", both, ""},
		"without it":                   {"  - {id: a, " + with + "}}\n  - " + fails, "it is dark", "", stands},
		"by calls":                     {"  - {id: a, " + with + "}, undo: [{activity: lamp.light, with: {lamp: all}}]}\n  - " + fails, "it is dark", "a lamp.light done", ""},
		"that failed half way":         {"  - {id: a, " + with + ", then: fail}, undo: automatic}", "it is too dark to count", both, ""},
		"that failed, without it":      {"  - {id: a, " + with + ", then: fail}}", "it is too dark to count", "", stands},
		"that failed, by calls":        {"  - {id: a, " + with + ", then: fail}, undo: [{activity: lamp.light, with: {lamp: all}}]}", "it is too dark to count", "", stands},
		"whose call failed":            {"  - {id: a, workflow: lamp.sweep, with: {lamps: [desk, '']}, undo: automatic}", "the input does not fit", "a.lamp.douse-1 lamp.light done", ""},
		"that took too long":           {"  - {id: a, " + with + ", then: linger}, undo: automatic}", "lamp.sweep took longer than 1h", both, ""},
		"longer than the step":         {"  - {id: a, timeout: 10m, " + with + ", then: wait}, undo: automatic}", "took longer than 10m", both, ""},
		"that would begin anew":        {"  - {id: a, " + with + ", then: continue}, undo: automatic}", "lamp.sweep continues as new after it has changed something", both, ""},
		"that did not wait":            {"  - {id: a, " + with + ", then: leave}, undo: automatic}\n  - " + fails, "it is dark", both, `a.lamp.light-3 lamp.light "attic"`},
		"of all attempts":              {"  - {id: a, retry: {times: 2}, workflow: lamp.sweep, with: {lamps: [desk], then: fail}, undo: automatic}", "it is too dark", "a~2.a.lamp.douse-1 lamp.light done, a.lamp.douse-1 lamp.light done", ""},
		"in a loop":                    {"  - {id: l, for_each: '[\"p\", \"q\"]', steps: [{id: a, workflow: lamp.sweep, with: {lamps: ['${item}']}, undo: automatic}]}\n  - " + fails, "it is dark", "l[1].a.lamp.douse-1 lamp.light done, l[0].a.lamp.douse-1 lamp.light done", ""},
		"in a part":                    {"  - {id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item == 200, workflow: lamp.sweep, with: {lamps: [desk]}, undo: automatic}]}\n  - " + fails, "it is dark", "l[200].a.lamp.douse-1 lamp.light done", ""},
		"in a block as a whole":        {"  - {id: s, switch: [{if: 'true', steps: [{id: a, " + with + "}}]}], undo: [{activity: lamp.light, with: {lamp: all}}]}\n  - " + fails, "it is dark", "s lamp.light done", ""},
		"beside other things":          {"  - {id: b, activity: lamp.light, with: {lamp: hall}, undo: automatic}\n  - {id: a, workflow: lamp.sweep, with: {lamps: [desk]}, undo: automatic}\n  - " + fails, "it is dark", "a.lamp.douse-1 lamp.light done, b lamp.douse done", ""},
		"of a playbook that is called": {"  - {id: p, playbook: sweeps}\n  - " + fails, "it is dark", "p.a.lamp.douse-1 lamp.light done", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			sweeping(h)
			h.do["lamp.light"] = func(_ context.Context, in lampInput) (lampOutput, error) {
				if in.Lamp == "attic" { // which keeps the call under way
					return lampOutput{}, activities.Passing("Stuck", 0, errors.New("it is stuck"))
				}
				return lampOutput{State: "lit", Rooms: []string{"hall"}}, nil
			}
			h.callee("sweeps", "steps: [{id: a, workflow: lamp.sweep, with: {lamps: [desk]}, undo: automatic}]")
			_, err := h.run(tc.steps)
			require.ErrorContains(t, err, tc.says)
			require.Equal(t, tc.undone, strings.Join(h.undone(), ", "))
			require.Equal(t, tc.left, strings.Join(h.left(), ", "))
			for _, a := range h.status().Left {
				require.Equal(t, a.Activity == "lamp.light", a.Unsure, "it began that and did not wait")
			}
		})
	}
}

func TestGoWorkflowIsCancelled(t *testing.T) {
	h := newHouse(t)
	sweeping(h)
	h.at(time.Minute, func() { h.env.CancelWorkflow() })
	_, err := h.run("  - {id: a, workflow: lamp.sweep, with: {lamps: [desk], then: wait}, undo: automatic}")
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, []string{"a.lamp.douse-1 lamp.light done"}, h.undone())
	require.Equal(t, workflows.Cancelled, h.status().State)
}

// A run that ends well keeps what it did.
func TestGoWorkflowThatEndsWell(t *testing.T) {
	for _, step := range []string{"with: {lamps: [desk]}", "with: {lamps: [desk], then: fail}, on_error: continue"} {
		h := newHouse(t)
		sweeping(h)
		_, err := h.run("  - {id: a, workflow: lamp.sweep, " + step + ", undo: automatic}")
		require.NoError(t, err)
		require.Equal(t, []string{`lamp.douse {"lamp":"desk"}`}, h.calls())
		require.Empty(t, h.status().Left)
	}
}

// A workflow remembers so much of what it did, and then changes no more.
func TestGoWorkflowOfManyChanges(t *testing.T) {
	h := newHouse(t)
	workflows.Register(h.workflows, workflows.Spec{Name: "lamp.sweep_all", Title: "Douse all lamps", Effects: []string{"lamp.douse"}}, func(ctx workflow.Context, _ struct{}) (reportOutput, error) {
		for {
			if _, err := workflows.Call[lampInput, lampOutput](ctx, "lamp.douse", lampInput{Lamp: "desk", Note: strings.Repeat("x", 100<<10)}); err != nil {
				return reportOutput{}, err
			}
		}
	})
	h.workflows.Bind(h.env, h.registry)
	_, err := h.run("  - {id: a, workflow: lamp.sweep_all, undo: automatic}")
	require.ErrorContains(t, err, "can remember no more of them to put back or tell")
	done := len(h.undone())
	require.Greater(t, done, 3)
	require.Len(t, h.calls(), 2*done)
}

func TestValidateEffects(t *testing.T) {
	h := newHouse(t)
	sweeping(h)
	require.NoError(t, h.workflows.Validate(h.registry))
	workflows.Register(h.workflows, workflows.Spec{Name: "lamp.wrong", Title: "Wrong", Effects: []string{"lamp.dose", "lamp.look", "lamp.smash"}},
		func(workflow.Context, struct{}) (reportOutput, error) { return reportOutput{}, nil })
	require.EqualError(t, h.workflows.Validate(h.registry), strings.Join([]string{
		`effects of lamp.wrong: there is no activity "lamp.dose"; did you mean "lamp.douse"?`,
		`effects of lamp.wrong: lamp.look only reads; name changes alone`,
		`effects of lamp.wrong: lamp.smash cannot be undone, so people must approve it: a playbook calls it, under an approve`,
	}, "\n"))
	require.ErrorContains(t, h.workflows.Validate(activities.NewRegistry()), "effects of lamp.sweep: there is no activity \"lamp.douse\"")
}

// What a workflow cannot put back by itself its step cannot ask for.
func TestUndoOfAWorkflowIsChecked(t *testing.T) {
	h := newHouse(t)
	h.flows(flows())
	activities.Register(h.registry, activities.Spec{Name: "lamp.mount", Title: "Mount a lamp", Effect: activities.Change, Undo: "lamp.smash", Targets: []string{"lamp"}},
		func(context.Context, lampInput) (lampOutput, error) { return lampOutput{}, nil })
	for name, effects := range map[string][]string{"lamp.read": nil, "lamp.hang": {"lamp.mount"}} {
		workflows.Register(h.workflows, workflows.Spec{Name: name, Title: "T", Effects: effects}, func(workflow.Context, struct{}) (reportOutput, error) { return reportOutput{}, nil })
	}
	for step, says := range map[string]string{
		"{workflow: lamp.report, with: {lamps: []}, undo: {after: 4h}}": `after is for a call, whose activity has an undo; for a step with "workflow", list the calls that put it back`,
		"{workflow: lamp.read, undo: automatic}":                        "lamp.read changes nothing: there is nothing to put back",
		"{workflow: lamp.hang, undo: automatic}":                        "lamp.mount, which lamp.hang may call, is taken back by lamp.smash, which cannot be undone, so nobody may do it unasked",
	} {
		_, problems := playbook.Compile("p.yaml", []byte("playbook: p\nstage: run\nsteps: ["+step+"]\n"), workflows.Catalog(h.registry, h.workflows))
		require.Len(t, problems, 1, step)
		require.Equal(t, says, problems[0].Message)
	}
	pb := h.compile("p", "steps: [{workflow: lamp.report, with: {lamps: []}, undo: automatic}]\n")
	_, err := pb.Plan.Load()
	require.NoError(t, err, "a plan need not have what is called")
}
