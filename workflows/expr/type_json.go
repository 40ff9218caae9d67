package expr

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
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

// FromSchema reads the type out of a JSON Schema. What JSON Schema can say and a type cannot
// (unions, references, open objects) becomes any, so it is held at run time instead.
func FromSchema(s *jsonschema.Schema) *Type {
	if s == nil || s.Ref != "" || len(s.AnyOf)+len(s.OneOf)+len(s.AllOf) > 0 {
		return Any
	}
	kind := s.Type
	if nonNull := slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return t == "null" }); len(nonNull) == 1 {
		kind = nonNull[0]
	}
	switch kind {
	case "boolean":
		return Bool
	case "integer":
		return Int
	case "number":
		return Double
	case "null":
		return Null
	case "string":
		switch s.Format {
		case "date-time":
			return Timestamp
		case "duration":
			return Duration
		}
		return String
	case "array":
		return List(FromSchema(s.Items))
	case "object":
		return fromObject(s)
	default:
		return Any
	}
}

func fromObject(s *jsonschema.Schema) *Type {
	if len(s.Properties) == 0 {
		if s.AdditionalProperties == nil {
			return Map(Any)
		}
		if !isFalse(s.AdditionalProperties) {
			return Map(FromSchema(s.AdditionalProperties))
		}
	} else if s.AdditionalProperties != nil && !isFalse(s.AdditionalProperties) {
		return Any
	}
	fields := make([]Field, 0, len(s.Properties))
	for name, p := range s.Properties {
		fields = append(fields, Field{Name: name, Type: FromSchema(p), Optional: !slices.Contains(s.Required, name)})
	}
	return Object(fields...)
}

// isFalse recognises the schema that admits nothing, which JSON writes as false or {"not": {}}.
func isFalse(s *jsonschema.Schema) bool {
	raw, err := json.Marshal(s)
	return err == nil && (string(raw) == "false" || string(raw) == `{"not":{}}` || string(raw) == `{"not":true}`)
}
