package activities

import (
	"context"
	"encoding/json"
	"fmt"
)

// Reads are the activities of a registry that only look. Whoever holds one can look at the world
// without a run, and there is nothing in it by which to change it.
type Reads struct {
	byName map[string]*Activity
}

// Reads returns the registry's reads.
func (r *Registry) Reads() Reads {
	reads := Reads{byName: map[string]*Activity{}}
	for name, a := range r.byName {
		if a.Effect == Read && a.call != nil { // what another program answers is not ours to call
			reads.byName[name] = a
		}
	}
	return reads
}

// Call makes one attempt at a read, with the activity's own timeout.
func (r Reads) Call(ctx context.Context, name string, input json.RawMessage) (json.RawMessage, error) {
	a, ok := r.byName[name]
	if !ok {
		return nil, fmt.Errorf("%s is no read of this program", name)
	}
	if err := a.Input.Validate(input); err != nil {
		return nil, fmt.Errorf("%s: the input does not fit: %w", name, err)
	}
	if err := admit(a.Spec, Call{Activity: a.Name, Version: a.Version, Input: input}, nil); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	return a.call(ctx, input)
}
