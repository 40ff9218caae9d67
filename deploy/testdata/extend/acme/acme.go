// Package acme is what a company adds to Countersign: activities, and workflows that call them.
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
	activities.Register(calls, activities.Spec{
		Name: "acme.badge.block", Title: "Block a badge", Effect: activities.Change, Undo: "acme.badge.restore", Targets: []string{"badge"},
	}, block)
	activities.Register(calls, activities.Spec{
		Name: "acme.badge.restore", Title: "Let a badge open what it did", Effect: activities.Change, Undo: "acme.badge.block", Targets: []string{"badge"},
	}, restore)
	workflows.Register(flows, workflows.Spec{Name: "acme.badge_report", Title: "Count the badges that open doors"}, report)
	workflows.Register(flows, workflows.Spec{
		Name: "acme.badge_sweep", Title: "Block the badges that open doors", Effects: []string{"acme.badge.block"},
	}, sweep)
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

func block(context.Context, badge) (state, error) { return state{Enabled: true}, nil } // what it was

func restore(context.Context, badge) (state, error) { return state{}, nil }

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

func sweep(ctx workflow.Context, in badges) (count, error) {
	var out count
	for _, number := range in.Badges {
		found, err := workflows.Call[badge, state](ctx, "acme.badge.status", badge{number})
		if err == nil && found.Enabled {
			_, err = workflows.Call[badge, state](ctx, "acme.badge.block", badge{number})
			out.Enabled++
		}
		if err != nil {
			return out, err // what it has blocked the run puts back, if its step says so
		}
	}
	return out, nil
}
