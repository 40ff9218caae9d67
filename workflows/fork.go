package workflows

import (
	"maps"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// fork is the run as one branch, or one round of a loop, sees it: what it sets and publishes is its
// own until it is joined. The story and everything else behind a pointer is that of the run.
func (r *run) fork() *run {
	f := *r
	f.values = maps.Clone(r.values)
	for _, name := range []string{"vars", "steps"} {
		f.values[name] = maps.Clone(r.values[name].(map[string]any))
	}
	return &f
}

// join takes in what a fork's steps published and set.
func (r *run) join(f *run, steps []*playbook.Step) {
	playbook.Walk(steps, func(s *playbook.Step) {
		take(r.values, f.values, "steps", s.ID)
		if set, ok := s.Verb.(*playbook.Set); ok {
			for _, name := range expr.Keys(set.Values) {
				take(r.values, f.values, "vars", name)
			}
		}
	})
}

func take(to, from map[string]any, of, name string) {
	if value, ok := from[of].(map[string]any)[name]; ok {
		to[of].(map[string]any)[name] = value
	}
}
