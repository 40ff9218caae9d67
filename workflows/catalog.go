package workflows

import (
	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// Catalog gives the checker the registered activities.
func Catalog(r *activities.Registry) playbook.Catalog { return catalog{r} }

type catalog struct{ registry *activities.Registry }

func (c catalog) Activity(name string) (playbook.Signature, bool) {
	a, ok := c.registry.Lookup(name)
	if !ok {
		return playbook.Signature{}, false
	}
	return playbook.Signature{
		Title:     a.Title,
		Effect:    playbook.Effect(a.Effect),
		Version:   a.Version,
		Undo:      a.Undo,
		Targets:   a.Targets,
		Timeout:   a.Timeout,
		Heartbeat: a.Heartbeat,
		Input:     expr.FromSchema(a.Input.Schema),
		Output:    expr.FromSchema(a.Output.Schema),
	}, true
}

func (c catalog) Names() []string {
	all := c.registry.All()
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.Name
	}
	return names
}
