package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// flowGrace is how long a workflow whose time is up may take to end what it began, before Temporal
// ends it by force, of which nothing is heard.
const flowGrace = 10 * time.Minute

// flow runs a workflow written in Go as a child and reads its output. It has no story of its own;
// what it changed is told, and put back, as what this run did.
func (r *run) flow(ctx workflow.Context, s *playbook.Step, v *playbook.Workflow, row *StepStatus) (map[string]any, error) {
	given, err := r.given(ctx, v.With, v.Signature.Input)
	if err == nil && len(v.Signature.Effects) > 0 {
		err = r.trail.room()
	}
	if err != nil {
		return nil, err
	}
	row.Input, row.Run = r.show(given), r.id()+"/"+r.name(s)
	r.mark(row, playbook.StatusRunning)
	var report FlowReport
	over, err := bounded(ctx, v.Signature.Timeout, func(ctx workflow.Context) error {
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:               row.Run,
			WorkflowExecutionTimeout: v.Signature.Timeout + flowGrace,
			WaitForCancellation:      true,
			ParentClosePolicy:        enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		})
		return workflow.ExecuteChildWorkflow(ctx, v.Name, given).Get(ctx, &report)
	})
	if err != nil {
		report = reportOf[FlowReport](err)
	}
	for _, t := range report.Trail {
		if s.Undo == nil || s.Undo.Automatic == nil { // nobody asked for it
			t.Back = nil
		}
	}
	r.take(r.name(s)+".", report.Trail)
	switch {
	case over:
		return nil, overtime(v.Name+" took longer than "+playbook.Span(v.Signature.Timeout), err)
	case err != nil:
		return nil, ended(ctx, row.Run, err)
	}
	decoded, err := v.Signature.Output.Decode(report.Output)
	if err != nil {
		return nil, fmt.Errorf("%s answered what it should not: %w", v.Name, err)
	}
	row.Output = r.show(report.Output)
	return map[string]any{"output": decoded}, nil
}
