package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
)

// Bind registers the durable code with a Temporal worker, or with what stands for one in tests.
func Bind(w worker.WorkflowRegistry) {
	w.RegisterWorkflowWithOptions(Run, workflow.RegisterOptions{Name: RunType})
	w.RegisterWorkflowWithOptions(Part, workflow.RegisterOptions{Name: PartType})
	w.RegisterWorkflowWithOptions(Back, workflow.RegisterOptions{Name: BackType})
	w.RegisterWorkflowWithOptions(Expiry, workflow.RegisterOptions{Name: ExpiryType})
	w.RegisterWorkflowWithOptions(Relay, workflow.RegisterOptions{Name: activities.RelayWorkflow})
	w.RegisterWorkflowWithOptions(Tick, workflow.RegisterOptions{Name: TickType})
	w.RegisterWorkflowWithOptions(Switchboard, workflow.RegisterOptions{Name: SwitchboardType})
}
