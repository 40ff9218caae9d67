package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// flow runs a workflow written in Go as a child and reads its output. It has no story of its own.
func (r *run) flow(ctx workflow.Context, s *playbook.Step, v *playbook.Workflow, row *StepStatus) (map[string]any, error) {
	given, err := r.given(ctx, v.With, v.Signature.Input)
	if err != nil {
		return nil, err
	}
	row.Input, row.Run = r.show(given), r.id()+"/"+r.name(s)
	r.mark(row, playbook.StatusRunning)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:               row.Run,
		WorkflowExecutionTimeout: v.Signature.Timeout,
		WaitForCancellation:      true,
		ParentClosePolicy:        enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
	})
	var output json.RawMessage
	if err := workflow.ExecuteChildWorkflow(ctx, v.Name, given).Get(ctx, &output); err != nil {
		return nil, ended(ctx, row.Run, err)
	}
	decoded, err := v.Signature.Output.Decode(output)
	if err != nil {
		return nil, fmt.Errorf("%s answered what it should not: %w", v.Name, err)
	}
	row.Output = r.show(output)
	return map[string]any{"output": decoded}, nil
}
