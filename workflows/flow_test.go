package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

type reportInput struct {
	Lamps []string `json:"lamps"`
	Do    string   `json:"do,omitempty" jsonschema:"the activity to call for each"`
}

type reportOutput struct {
	Lit   int    `json:"lit"`
	Words string `json:"words,omitempty"`
}

// flows are workflows in Go that the tests here run.
func flows() *workflows.Registry {
	r := workflows.NewRegistry()
	workflows.Register(r, workflows.Spec{Name: "lamp.report", Title: "Report on lamps", Effects: []string{"lamp.douse"}}, func(ctx workflow.Context, in reportInput) (reportOutput, error) {
		var out reportOutput
		for _, lamp := range in.Lamps {
			state, err := workflows.Call[lampInput, lampOutput](ctx, in.Do, lampInput{Lamp: lamp})
			if err != nil {
				return out, err
			}
			if state.State == "lit" {
				out.Lit++
			}
		}
		return out, nil
	})
	workflows.Register(r, workflows.Spec{Name: "lamp.linger", Title: "Wait for long", Timeout: time.Hour, Effects: []string{"lamp.light"}}, func(ctx workflow.Context, _ struct{}) (reportOutput, error) {
		err := workflow.Sleep(ctx, 48*time.Hour)
		if err != nil {
			apart, _ := workflow.NewDisconnectedContext(ctx)
			_, _ = workflows.Call[lampInput, lampOutput](apart, "lamp.light", lampInput{Lamp: "hall"})
		}
		return reportOutput{}, err
	})
	return r
}

func TestWorkflowSteps(t *testing.T) {
	for name, tc := range map[string]struct {
		steps   string
		outcome string
		fails   string
		calls   []string
	}{
		"reads": {
			steps:   "  - {id: a, workflow: lamp.report, with: {lamps: ['${inputs.lamp}', hall], do: lamp.look}}\noutcome: string(steps.a.output.lit) + steps.a.output.?words.orValue('-')",
			outcome: "2-", calls: []string{`lamp.look {"lamp":"desk"}`, `lamp.look {"lamp":"hall"}`},
		},
		"long reads and changes": {
			steps:   "  - {workflow: lamp.report, with: {lamps: [desk], do: lamp.watch}}\n  - {workflow: lamp.report, with: {lamps: [desk, hall], do: lamp.douse}}",
			outcome: "done", calls: []string{`lamp.watch {"lamp":"desk"}`, `lamp.douse {"lamp":"desk"}`, `lamp.douse {"lamp":"hall"}`},
		},
		"nothing to call":                    {steps: "  - {id: a, workflow: lamp.report, with: {lamps: []}}\noutcome: string(steps.a.output.lit)", outcome: "0"},
		"what cannot be undone":              {steps: "  - {id: a, workflow: lamp.report, with: {lamps: [desk], do: lamp.smash}}", fails: `step "a": lamp.smash cannot be undone, so people must approve it`},
		"an empty target":                    {steps: "  - {id: a, workflow: lamp.report, with: {lamps: [''], do: lamp.douse}}", fails: `step "a": lamp.douse: the input does not fit`},
		"no such activity":                   {steps: "  - {id: a, workflow: lamp.report, with: {lamps: [desk], do: lamp.lok}}", fails: `step "a": there is no activity "lamp.lok"; did you mean "lamp.look"?`},
		"an input of another type":           {steps: "  - {id: a, workflow: lamp.report, with: {lamps: '${event.data.n}'}}", fails: `step "a": with: lamps: want list(string), got the number 5`},
		"a change of which it does not tell": {steps: "  - {id: a, workflow: lamp.report, with: {lamps: [desk], do: lamp.light}}", fails: `step "a": lamp.light changes something, and lamp.report does not say that it calls it: add "lamp.light" to the Effects of its workflows.Spec`},
		"longer than it may take":            {steps: "  - {id: a, workflow: lamp.linger}", fails: `step "a": lamp.linger took longer than 1h`, calls: []string{`lamp.light {"lamp":"hall"}`}},
		"longer than the step":               {steps: "  - {id: a, timeout: 10m, workflow: lamp.linger}", fails: `step "a": took longer than 10m`, calls: []string{`lamp.light {"lamp":"hall"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.flows(flows())
			outcome, err := h.run(tc.steps)
			if tc.fails != "" {
				require.ErrorContains(t, err, tc.fails)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, tc.outcome, outcome)
			require.Equal(t, tc.calls, h.calls())
		})
	}
}

// flows lets playbooks run these workflows.
func (h *house) flows(r *workflows.Registry) {
	h.workflows = r
	r.Bind(h.env, h.registry)
}

// A change carries a permit for itself alone, as that of a step does.
func TestWorkflowsMeetTheGuard(t *testing.T) {
	h := newHouse(t)
	h.flows(flows())
	_, err := h.run("  - {id: a, workflow: lamp.report, with: {lamps: [desk, hall], do: lamp.douse}}")
	require.NoError(t, err)
	require.Len(t, h.permits, 2)
	for i, lamp := range []string{"desk", "hall"} {
		want, err := activities.Call{Activity: "lamp.douse", Version: 1, Input: []byte(`{"lamp":"` + lamp + `"}`)}.Digest()
		require.NoError(t, err)
		require.Equal(t, []any{want}, []any{h.permits[i].Covers[0]})
		require.Empty(t, h.permits[i].Approval)
	}
	row := h.status().Step("a")
	require.Equal(t, "lamp.report", row.Calls)
	require.Equal(t, "Report on lamps", row.Title)
	require.JSONEq(t, `{"lit":2}`, string(row.Output))
}

func TestCancelReachesAWorkflow(t *testing.T) {
	h := newHouse(t)
	h.flows(flows())
	h.at(time.Minute, func() { h.env.CancelWorkflow() })
	_, err := h.run("  - {id: a, workflow: lamp.linger}")
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, []string{`lamp.light {"lamp":"hall"}`}, h.calls())
}

// A call that fails is told as one of a step is, and tried as often.
func TestWorkflowCallsAreTriedAgain(t *testing.T) {
	h := newHouse(t)
	h.flows(flows())
	attempts := 0
	h.do["lamp.look"] = func(context.Context, lampInput) (lampOutput, error) {
		if attempts++; attempts < 3 {
			return lampOutput{}, activities.Passing("Dark", 0, errors.New("too dark"))
		}
		return lampOutput{}, activities.Permanent("NoSuchLamp", errors.New("there is no such lamp"))
	}
	_, err := h.run("  - {id: a, workflow: lamp.report, with: {lamps: [desk], do: lamp.look}}")
	require.ErrorContains(t, err, `step "a": there is no such lamp`)
	require.Equal(t, 3, attempts)
}

func TestRegisterWorkflowRefuses(t *testing.T) {
	good := workflows.Spec{Name: "lamp.report", Title: "Report"}
	for says, change := range map[string]func(*workflows.Spec){
		"no dotted lower case":  func(s *workflows.Spec) { s.Name = "Report" },
		"its own workflows":     func(s *workflows.Spec) { s.Name = "countersign.run" },
		"title is missing":      func(s *workflows.Spec) { s.Title = "" },
		"an effect has no name": func(s *workflows.Spec) { s.Effects = []string{"lamp.douse", ""} },
		"the timeout is":        func(s *workflows.Spec) { s.Timeout = 1000 * time.Hour },
		"the name is taken":     func(*workflows.Spec) {},
	} {
		r := flows()
		spec := good
		change(&spec)
		require.Panics(t, func() {
			workflows.Register(r, spec, func(workflow.Context, reportInput) (reportOutput, error) { return reportOutput{}, nil })
		}, says)
	}
	require.PanicsWithValue(t, `workflows: register "lamp.words": input: want a struct, got string`, func() {
		workflows.Register(flows(), workflows.Spec{Name: "lamp.words", Title: "Words"}, func(workflow.Context, string) (reportOutput, error) { return reportOutput{}, nil })
	})
}

func TestCatalogKnowsWorkflows(t *testing.T) {
	c := workflows.Catalog(activities.NewRegistry(), flows())
	require.Equal(t, []string{"lamp.linger", "lamp.report"}, c.Workflows.Names())
	s := c.Workflows["lamp.report"]
	require.Equal(t, 24*time.Hour, s.Timeout)
	require.Equal(t, []string{"lamp.douse"}, s.Effects)
	lamps, _ := s.Input.Field("lamps")
	require.Equal(t, expr.KindList, lamps.Type.Kind())
	pb, problems := playbook.Compile("p.yaml", []byte("playbook: p\nstage: run\nsteps: [{id: a, workflow: lamp.report, with: {lamps: [a]}}]\noutcome: steps.a.output.lit\n"), c)
	require.Nil(t, pb)
	require.ErrorContains(t, problems, "the expression gives int; want string")
}

func TestCallOutsideOfARegisteredWorkflow(t *testing.T) {
	h := newHouse(t)
	h.env.ExecuteWorkflow(func(ctx workflow.Context) error {
		_, err := workflows.Call[lampInput, lampOutput](ctx, "lamp.look", lampInput{Lamp: "desk"})
		return err
	})
	require.ErrorContains(t, h.env.GetWorkflowError(), "only a workflow that was registered with workflows.Register can")
}
