package playbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
)

// Match says whether an event starts the playbook, and if so the key under which it is one matter:
// events with the same key join the same run. The first trigger that holds decides. A condition
// that cannot be evaluated is an error, not a no: an event must not be lost to a typing mistake.
func (pb *Playbook) Match(ev event.Event) (key string, ok bool, err error) {
	var errs []error
	var values map[string]any
	for i, t := range pb.Triggers {
		if t.Event != ev.Type {
			continue
		}
		if values == nil { // triggers for the same type of event see the same
			if values, err = eventValues(ev, t.data); err != nil {
				return "", false, err
			}
		}
		if t.If != nil {
			holds, err := t.If.Holds(values)
			if err != nil {
				errs = append(errs, fmt.Errorf("playbook %s, trigger %d: %w", pb.Name, i+1, err))
				continue
			}
			if !holds {
				continue
			}
		}
		key, err := t.key(ev, values)
		if err != nil {
			return "", false, fmt.Errorf("playbook %s, trigger %d: %w", pb.Name, i+1, err)
		}
		return key, true, nil
	}
	return "", false, errors.Join(errs...)
}

func (t *Trigger) key(ev event.Event, values map[string]any) (string, error) {
	if t.Dedupe == nil {
		return ev.Source + "/" + ev.ID, nil
	}
	raw, err := t.Dedupe.Eval(values)
	if err != nil {
		return "", fmt.Errorf("dedupe: %w", err)
	}
	var key string
	if err := json.Unmarshal(raw, &key); err != nil || key == "" {
		return "", fmt.Errorf("dedupe gives %s; want a string that is not empty", raw)
	}
	return key, nil
}

// ResolveInputs gives every input its value: the one given, else the one that from finds in the
// event, else the default. Everything that is missing or mistyped is reported at once.
func (pb *Playbook) ResolveInputs(ev event.Event, given map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	values, err := eventValues(ev, pb.data)
	if err != nil {
		return nil, err
	}
	var errs []error
	resolved := map[string]json.RawMessage{}
	names := make([]string, len(pb.Inputs))
	for i, in := range pb.Inputs {
		names[i] = in.Name
		raw, err := in.resolve(values, given)
		if err == nil {
			_, err = in.Type.Decode(raw)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("input %q: %w", in.Name, err))
			continue
		}
		resolved[in.Name] = raw
	}
	for _, name := range expr.Keys(given) {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("input %q: the playbook %s has none of that name%s", name, pb.Name, expr.DidYouMean(name, names)))
		}
	}
	return resolved, errors.Join(errs...)
}

func (in *Input) resolve(values map[string]any, given map[string]json.RawMessage) (json.RawMessage, error) {
	if raw, ok := given[in.Name]; ok {
		return raw, nil
	}
	var err error
	if in.From != nil {
		var raw json.RawMessage
		if raw, err = in.From.Eval(values); err == nil {
			return raw, nil
		}
	}
	if in.Default != nil {
		return in.Default.Eval(values)
	}
	if err == nil {
		return nil, fmt.Errorf("it must be given (%s), as the playbook does not take it from the event", in.Type)
	}
	return nil, fmt.Errorf("the event lacks what from reads, so it must be given (%s): %w", in.Type, err)
}

// Values are an event, inputs and a run as expressions see them. The worker adds steps and vars.
func (pb *Playbook) Values(ev event.Event, inputs map[string]json.RawMessage) (map[string]any, error) {
	values, err := eventValues(ev, pb.data)
	if err != nil {
		return nil, err
	}
	decoded := map[string]any{}
	for _, in := range pb.Inputs {
		raw, ok := inputs[in.Name]
		if !ok {
			return nil, fmt.Errorf("input %q is missing", in.Name)
		}
		if decoded[in.Name], err = in.Type.Decode(raw); err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
	}
	values["inputs"] = decoded
	return values, nil
}
