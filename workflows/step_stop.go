package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// end makes this the last step of the run.
func (r *run) end(ctx workflow.Context, v *playbook.Stop) error {
	outcome, err := r.text(ctx, v.Outcome)
	if err != nil {
		return err
	}
	r.stop = &stopped{outcome: outcome, failed: v.Failed}
	return errStopped
}
