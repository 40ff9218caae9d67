package workflows

import (
	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// Catalog gives the checker the registered activities, and workflows where there are any.
func Catalog(r *activities.Registry, flows ...*Registry) playbook.Catalog {
	signatures := playbook.Table[playbook.Signature]{}
	for _, a := range r.All() {
		signatures[a.Name] = signature(a)
	}
	c := playbook.Catalog{Activities: signatures, Workflows: playbook.Table[playbook.WorkflowSignature]{}}
	for _, registry := range flows {
		for _, f := range registry.All() {
			c.Workflows[f.Name] = playbook.WorkflowSignature{
				Title: f.Title, Timeout: f.Timeout, Effects: f.Effects, Input: expr.FromSchema(f.Input.Schema), Output: expr.FromSchema(f.Output.Schema),
			}
		}
	}
	return c
}

// signature is what a playbook must know of an activity.
func signature(a *activities.Activity) playbook.Signature {
	sinks := map[string]playbook.Sink{}
	for _, field := range expr.Keys(a.Sinks) {
		sinks[field] = playbook.Sink(a.Sinks[field])
	}
	queue, heartbeat := a.TaskQueue, a.Heartbeat
	if queue != "" && !a.Elsewhere() {
		queue, heartbeat = "", activities.DefaultHeartbeat // of our worker, which waits for the other
	}
	return playbook.Signature{
		Sinks:     sinks,
		Title:     a.Title,
		Effect:    playbook.Effect(a.Effect),
		Version:   a.Version,
		Undo:      a.Undo,
		Targets:   a.Targets,
		Timeout:   a.Timeout,
		Heartbeat: heartbeat,
		TaskQueue: queue,
		Preview:   a.HasPreview(),
		Input:     expr.FromSchema(a.Input.Schema),
		Output:    expr.FromSchema(a.Output.Schema),
	}
}
