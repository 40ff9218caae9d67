package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/worker/app"
	"github.com/countersign/countersign/workflows"
)

// A worker does not start with a workflow that says it changes what is no change.
func TestStartRefusesEffects(t *testing.T) {
	_, err := app.Start(nil, app.Options{
		Directory: func() (directory.Directory, error) { return directory.Directory{}, nil },
		Extensions: []workflows.Extension{func(_ *activities.Registry, flows *workflows.Registry) {
			workflows.Register(flows, workflows.Spec{Name: "acme.sweep", Title: "Sweep", Effects: []string{"acme.badge.block"}},
				func(workflow.Context, struct{}) (struct{}, error) { return struct{}{}, nil })
		}},
	})
	require.ErrorContains(t, err, `start the worker: effects of acme.sweep: there is no activity "acme.badge.block"`)
}
