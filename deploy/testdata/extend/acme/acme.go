// Package acme is what a company adds to Countersign: an activity, and a workflow that calls it.
package acme

import (
	"context"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
)

// Register adds what is in this package.
func Register(calls *activities.Registry, flows *workflows.Registry) {
	activities.Register(calls, activities.Spec{
		Name: "acme.badge.status", Title: "Look up a badge", Effect: activities.Read,
	}, status)
	workflows.Register(flows, workflows.Spec{Name: "acme.badge_report", Title: "Count the badges that open doors"}, report)
}

type badge struct {
	Badge string `json:"badge" jsonschema:"number of the badge"`
}

type state struct {
	Enabled bool `json:"enabled"`
}

func status(_ context.Context, in badge) (state, error) {
	return state{Enabled: in.Badge != "0"}, nil // here would be a call to the doors
}

type badges struct {
	Badges []string `json:"badges"`
}

type count struct {
	Enabled int `json:"enabled"`
}

func report(ctx workflow.Context, in badges) (count, error) {
	var out count
	for _, number := range in.Badges {
		found, err := workflows.Call[badge, state](ctx, "acme.badge.status", badge{number})
		if err != nil {
			return out, err
		}
		if found.Enabled {
			out.Enabled++
		}
	}
	return out, nil
}
