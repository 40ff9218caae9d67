package expr

import (
	"encoding/json"
	"fmt"
	"slices"
)

// typeJSON is how a type travels inside a plan: a simple type is its name, the others are
// {"list": T}, {"map": T} and {"object": {"field": T}, "optional": ["field"]}.
type typeJSON struct {
	List     *Type            `json:"list,omitempty"`
	Map      *Type            `json:"map,omitempty"`
	Object   map[string]*Type `json:"object,omitempty"`
	Optional []string         `json:"optional,omitempty"`
}

// MarshalJSON writes the type for a plan. Hints are for authors and do not travel.
func (t *Type) MarshalJSON() ([]byte, error) {
	switch t.kind {
	case KindList:
		return json.Marshal(typeJSON{List: t.elem})
	case KindMap:
		return json.Marshal(typeJSON{Map: t.elem})
	case KindObject:
		out := struct {
			Object   map[string]*Type `json:"object"`
			Optional []string         `json:"optional,omitempty"`
		}{Object: map[string]*Type{}}
		for _, f := range t.fields {
			out.Object[f.Name] = f.Type
			if f.Optional {
				out.Optional = append(out.Optional, f.Name)
			}
		}
		return json.Marshal(out)
	default:
		return json.Marshal(t.kind)
	}
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Type) UnmarshalJSON(raw []byte) error {
	var kind Kind
	if json.Unmarshal(raw, &kind) == nil {
		known, ok := simple[kind]
		if !ok {
			return fmt.Errorf("read a type: unknown kind %q", kind)
		}
		*t = *known
		return nil
	}
	var parts typeJSON
	if err := json.Unmarshal(raw, &parts); err != nil {
		return fmt.Errorf("read a type: %w", err)
	}
	switch {
	case parts.List != nil:
		*t = *List(parts.List)
	case parts.Map != nil:
		*t = *Map(parts.Map)
	default:
		fields := make([]Field, 0, len(parts.Object))
		for name, field := range parts.Object {
			if field == nil {
				return fmt.Errorf("read a type: the field %q has none", name)
			}
			fields = append(fields, Field{Name: name, Type: field, Optional: slices.Contains(parts.Optional, name)})
		}
		*t = *Object(fields...)
	}
	return nil
}
