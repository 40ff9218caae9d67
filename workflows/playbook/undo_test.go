package playbook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// A registry holds activities to their undos. A descriptor, or a plan that somebody wrote, need not.
func TestUndoOfSignatures(t *testing.T) {
	const text = "playbook: p\nstage: run\nsteps:\n  - {activity: lamp.douse, with: {lamp: desk}, undo: automatic}\n"
	for name, tc := range map[string]struct {
		change func(douse, light *playbook.Signature)
		says   string
	}{
		"none":           {func(douse, _ *playbook.Signature) { douse.Undo = "" }, "lamp.douse is a change without undo: it must name the activity that takes it back, or be a destroy [no-undo]"},
		"one that reads": {func(_, light *playbook.Signature) { light.Effect = playbook.EffectRead }, "lamp.light, which takes it back, only reads [no-undo]"},
		"any fields":     {func(_, light *playbook.Signature) { light.Input = expr.Map(expr.Any) }, "lamp.light, which takes lamp.douse back, does not say which fields it takes: list the call, with them [undo]"},
		"another type": {func(_, light *playbook.Signature) {
			light.Input = expr.Object(expr.Field{Name: "lamp", Type: expr.Int})
		}, `lamp.light takes "lamp" (int), which neither`},
		"an open output": {func(douse, light *playbook.Signature) {
			douse.Output, light.Input = expr.Any, expr.Object(expr.Field{Name: "how", Type: expr.Int})
		}, ""},
		"from the output": {func(_, light *playbook.Signature) {
			light.Input = expr.Object(expr.Field{Name: "state", Type: expr.String})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			catalog := lamps()
			douse, light := catalog.Activities["lamp.douse"], catalog.Activities["lamp.light"]
			tc.change(&douse, &light)
			catalog.Activities["lamp.douse"], catalog.Activities["lamp.light"] = douse, light
			pb, problems := playbook.Compile("p.yaml", []byte(text), catalog)
			if tc.says != "" {
				require.ErrorContains(t, problems, tc.says)
				return
			}
			require.Empty(t, problems)
			require.Contains(t, pb.Plan.Activities, "lamp.light", "a plan is whole")
			requireFixedPoint(t, pb)
		})
	}
}

// A plan holds what its steps use. The undo of a call that nobody asked to put back is none of that.
func TestPlanWithoutTheUndo(t *testing.T) {
	pb := compile(t, "playbook: p\nstage: run\nsteps:\n  - {activity: lamp.douse, with: {lamp: desk}}\n")
	require.NotContains(t, pb.Plan.Activities, "lamp.light")
	requireFixedPoint(t, pb)

	asked := compile(t, "playbook: p\nstage: run\nsteps:\n  - {activity: lamp.douse, with: {lamp: desk}, undo: automatic}\n")
	plan := travel(t, asked.Plan)
	delete(plan.Activities, "lamp.light")
	_, err := plan.Load()
	require.ErrorContains(t, err, "the plan does not have lamp.light, which puts back what lamp.douse does [undo]")
}
