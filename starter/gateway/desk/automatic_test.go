package desk_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// The ticket allows what workflows written in Go say they change, wherever the step stands and however
// deep it is called, and nothing of those that only read.
func TestAutomaticOfGoWorkflows(t *testing.T) {
	input := expr.Object(expr.Field{Name: "lamp", Type: expr.String})
	change := playbook.Signature{Title: "t", Effect: playbook.EffectChange, Version: 1, Undo: "lamp.light", Targets: []string{"lamp"}, Timeout: time.Second, Input: input, Output: input}
	back := change
	back.Undo = "lamp.douse"
	flow := func(effects ...string) playbook.WorkflowSignature {
		return playbook.WorkflowSignature{Title: "t", Timeout: time.Hour, Effects: effects, Input: input, Output: input}
	}
	catalog := playbook.Catalog{
		Activities: playbook.Table[playbook.Signature]{"lamp.douse": change, "lamp.light": back, "lamp.dim": change},
		Workflows:  playbook.Table[playbook.WorkflowSignature]{"lamp.sweep": flow("lamp.dim", "lamp.douse"), "lamp.count": flow()},
		Playbooks:  playbook.Table[playbook.Callee]{},
	}
	automatic := func(name, steps string) []string {
		pb, problems := playbook.Compile(name+".yaml", []byte("playbook: "+name+"\nstage: run\nsteps:\n"+steps), catalog)
		require.Empty(t, problems)
		catalog.Playbooks[name] = playbook.Callee{Plan: pb.Plan}
		loaded, err := pb.Plan.Load()
		require.NoError(t, err)
		all, err := desk.Automatic(loaded)
		require.NoError(t, err)
		return all
	}
	both := []string{"lamp.dim", "lamp.douse"}
	require.Equal(t, both, automatic("sweeps", "  - {workflow: lamp.sweep, with: {lamp: desk}}\n"))
	require.Equal(t, both, automatic("loops", "  - {for_each: '[1]', steps: [{workflow: lamp.sweep, with: {lamp: desk}, undo: automatic}]}\n"))
	require.Equal(t, both, automatic("calls", "  - {playbook: sweeps}\n"))
	require.Empty(t, automatic("counts", "  - {workflow: lamp.count, with: {lamp: desk}}\n"))
	require.Equal(t, []string{"lamp.light"}, automatic("mends", "  - {workflow: lamp.count, with: {lamp: desk}, undo: [{activity: lamp.light, with: {lamp: desk}}]}\n"))
}
