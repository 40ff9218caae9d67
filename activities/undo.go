package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Validate looks at the registry as a whole: every undo exists, is itself a change, and can be
// called with what the activity it takes back has returned and was given.
func (r *Registry) Validate() error {
	var errs []error
	for _, a := range r.All() {
		if a.Undo == "" {
			continue
		}
		if err := r.validateUndo(a); err != nil {
			errs = append(errs, fmt.Errorf("undo of %s: %w", a.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (r *Registry) validateUndo(a *Activity) error {
	undo, ok := r.Lookup(a.Undo)
	if !ok {
		return fmt.Errorf("%s is not registered", a.Undo)
	}
	if undo.Effect == Read {
		return fmt.Errorf("%s only reads", undo.Name)
	}
	var errs []error
	for _, field := range undo.Input.Required {
		want := undo.Input.Properties[field]
		have, ok := a.Output.Properties[field]
		if !ok || !slices.Contains(a.Output.Required, field) {
			have, ok = a.Input.Properties[field]
			ok = ok && slices.Contains(a.Input.Required, field)
		}
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s needs %q, which neither the output nor the input always has", undo.Name, field))
		case !same(want, have):
			errs = append(errs, fmt.Errorf("%s takes %q as another type", undo.Name, field))
		}
	}
	// What the undo may be given it will be given, so an optional field must fit as well.
	for _, field := range slices.Sorted(maps.Keys(undo.Input.Properties)) {
		want := undo.Input.Properties[field]
		if slices.Contains(undo.Input.Required, field) {
			continue
		}
		have, ok := a.Output.Properties[field]
		if !ok {
			have, ok = a.Input.Properties[field]
		}
		if ok && !same(want, have) {
			errs = append(errs, fmt.Errorf("%s may take %q, but as another type", undo.Name, field))
		}
	}
	return errors.Join(errs...)
}

// UndoInput makes the input that takes back one call of a: the fields that the undo knows, from
// the output of the call where it has them (the state saved before the change) and else from its
// input.
func UndoInput(undo *Activity, input, output json.RawMessage) (json.RawMessage, error) {
	raw, err := UndoFields(input, output, slices.Sorted(maps.Keys(undo.Input.Properties)))
	if err == nil {
		err = undo.Input.Validate(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("undo with %s: %w", undo.Name, err)
	}
	return raw, nil
}

// UndoFields is UndoInput for whoever knows of the undo only which fields it takes.
func UndoFields(input, output json.RawMessage, fields []string) (json.RawMessage, error) {
	var in, out map[string]json.RawMessage
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, fmt.Errorf("read the input of the call: %w", err)
	}
	if err := json.Unmarshal(output, &out); err != nil {
		return nil, fmt.Errorf("read the output of the call: %w", err)
	}
	merged := map[string]json.RawMessage{}
	for _, field := range fields {
		if value, ok := in[field]; ok {
			merged[field] = value
		}
		if value, ok := out[field]; ok {
			merged[field] = value
		}
	}
	return json.Marshal(merged)
}
