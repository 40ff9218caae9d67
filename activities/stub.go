package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/countersign/countersign/activities/preview"
)

// Stub returns a registry of the same activities, behind the same guard, whose calls answer asks
// for instead of the world: a rehearsal. An answer that the activity could never give is an error,
// so what is rehearsed cannot drift away from what is real.
func (r *Registry) Stub(answer func(ctx context.Context, name string, input json.RawMessage) (json.RawMessage, error)) *Registry {
	stubs := NewRegistry()
	stubs.Guard(rehearsal{})
	for name, a := range r.byName {
		stub := *a
		stub.TaskQueue = "" // no other worker takes part
		stub.registry = stubs
		if a.preview != nil {
			stub.preview = func(context.Context, json.RawMessage) (preview.Preview, error) { return preview.Preview{}, nil }
		}
		stub.call = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
			output, err := answer(ctx, name, input)
			if err != nil {
				return nil, err
			}
			if err := a.Output.Validate(output); err != nil {
				return nil, Permanent("BadOutput", fmt.Errorf("%s cannot answer this: %w", name, err))
			}
			return output, nil
		}
		stubs.byName[name] = &stub
	}
	return stubs
}

// rehearsal admits every effect: those of stubs touch nothing.
type rehearsal struct{}

func (rehearsal) Begin(context.Context, Attempt) (Turn, error) { return rehearsal{}, nil }
func (rehearsal) Earlier() (json.RawMessage, bool)             { return nil, false }
func (rehearsal) Behind() (string, []string)                   { return "", nil }
func (rehearsal) End(context.Context, Outcome) error           { return nil }
