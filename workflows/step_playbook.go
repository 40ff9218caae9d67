package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// child runs another playbook as a run of its own and waits for its end. It is reached, and
// answered, by its own id: that of this run and the name of the step.
func (r *run) child(ctx workflow.Context, s *playbook.Step, v *playbook.Child, row *StepStatus) (map[string]any, error) {
	given, err := r.given(ctx, v.With, v.Inputs)
	if err == nil {
		err = r.trail.room()
	}
	if err != nil {
		return nil, err
	}
	in := Input{Plan: r.pb.Plan.Playbooks[v.Name], Event: r.in.Event, Parent: r.id()}
	if err := json.Unmarshal(given, &in.Inputs); err != nil {
		return nil, fmt.Errorf("with: want inputs by name: %w", err)
	}
	row.Input, row.Run = r.show(given), in.Parent+"/"+r.name(s)
	r.mark(row, playbook.StatusRunning)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: row.Run,
		// A run that is cancelled waits until what it started has cleaned up. One that Temporal
		// ends by force leaves word.
		WaitForCancellation: true,
		ParentClosePolicy:   enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		Memo:                map[string]any{playbookMemo: v.Name},
	})
	r.status.Called = append(r.status.Called, row.Run)
	defer func() {
		r.status.Called = slices.DeleteFunc(r.status.Called, func(run string) bool { return run == row.Run })
	}()
	var report Report
	if err = workflow.ExecuteChildWorkflow(ctx, RunType, in).Get(ctx, &report); err != nil {
		report = reportOf[Report](err)
	}
	// What it did this run may have to put back. What it left when it failed nobody will.
	r.take(r.name(s)+".", report.Trail)
	if err != nil {
		return nil, ended(ctx, row.Run, err)
	}
	return map[string]any{"outcome": report.Outcome}, nil
}

// ended says how a run that this one waits for has ended. One that somebody cancelled while this one
// goes on has failed: on_error, catch and retry see it.
func ended(ctx workflow.Context, run string, err error) error {
	if temporal.IsCanceledError(err) && ctx.Err() == nil {
		return fmt.Errorf("the run %s was cancelled", run)
	}
	return err
}

// reportOf is what a called run, or a workflow written in Go, reports that failed or was cancelled.
// One that Temporal ended by force reports nothing.
func reportOf[R any](err error) (report R) {
	var app *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch { // details that cannot be read are another version's, and tell nothing
	case errors.As(err, &app) && app.HasDetails():
		_ = app.Details(&report)
	case errors.As(err, &cancelled) && cancelled.HasDetails():
		_ = cancelled.Details(&report)
	}
	return report
}

// playbookMemo is where Temporal keeps the name of a run's playbook that its id does not begin with.
const playbookMemo = "playbook"
