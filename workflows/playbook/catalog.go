package playbook

import "github.com/countersign/countersign/workflows/expr"

// Catalog is what a playbook may name outside of its own file. One that is empty knows nothing.
type Catalog struct {
	Activities Table[Signature]
	Playbooks  Table[Callee]
	Workflows  Table[WorkflowSignature]
	// Events are the types of the data of events, by the type of event. What is not among them may
	// come all the same, with data of any type.
	Events Table[*expr.Type]

	// Groups are the people of each group of the directory, nil for one whose people are looked up; nil:
	// which groups there are is not known.
	Groups Table[[]string]

	partial bool // it is a plan's, which holds only what its steps use
}

// Table is one kind of thing in a catalog, by name.
type Table[T any] map[string]T

// Lookup finds a thing by its name.
func (t Table[T]) Lookup(name string) (T, bool) {
	thing, ok := t[name]
	return thing, ok
}

// Names returns all names, sorted.
func (t Table[T]) Names() []string { return expr.Keys(t) }
