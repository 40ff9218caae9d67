package expr

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/countersign/countersign/activities/secret"
)

// FromSchema reads the type out of a JSON Schema. References lead to the schema's own $defs. What
// JSON Schema can say and a type cannot (unions, open objects, types inside themselves) becomes
// any, so it is held at run time instead.
//
// A field that may be null is optional, since null says as little as nothing. Only a list or map
// that may be null stays, as an empty one: that is how Go writes it.
func FromSchema(s *jsonschema.Schema) *Type {
	t, _ := (&schemaReader{root: s}).read(s)
	return t
}

type schemaReader struct {
	root   *jsonschema.Schema
	open   []string // the references that are being followed
	fields int      // read so far
}

// maxFields bounds the fields of a type with all that is in it. References may double a type at
// every step, and a schema of a few lines would fill the memory. A GuardDuty finding has 1,300.
const maxFields = 20_000

// read returns the type, and whether null may stand for it.
func (r *schemaReader) read(s *jsonschema.Schema) (t *Type, null bool) {
	switch {
	case s == nil:
		return Any, true
	case s.Ref != "":
		return r.follow(s.Ref)
	case len(s.AnyOf) == 2 && len(s.OneOf)+len(s.AllOf) == 0:
		return r.orNull(s.AnyOf)
	case len(s.OneOf) == 2 && len(s.AnyOf)+len(s.AllOf) == 0:
		return r.orNull(s.OneOf)
	case len(s.AnyOf)+len(s.OneOf)+len(s.AllOf) > 0:
		return Any, true
	}
	kinds := slices.DeleteFunc(slices.Clone(s.Types), func(kind string) bool { return kind == "null" })
	null = len(kinds) < len(s.Types)
	if s.Type != "" {
		kinds = []string{s.Type}
	}
	if len(kinds) == 0 && !null {
		kinds = kindsOf(s.Enum)
	}
	if len(kinds) != 1 {
		return Any, true
	}
	return r.one(kinds[0], s), null
}

// orNull is a union that only says that null may stand for something.
func (r *schemaReader) orNull(union []*jsonschema.Schema) (*Type, bool) {
	for i, s := range union {
		if s.Type == "null" {
			t, _ := r.read(union[1-i])
			return t, true
		}
	}
	return Any, true
}

func (r *schemaReader) follow(ref string) (*Type, bool) {
	name, local := strings.CutPrefix(ref, "#/$defs/")
	if !local || r.root.Defs[name] == nil || slices.Contains(r.open, name) {
		return Any, true
	}
	r.open = append(r.open, name)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	return r.read(r.root.Defs[name])
}

func (r *schemaReader) one(kind string, s *jsonschema.Schema) *Type {
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
		if s.Pattern == secret.Pattern {
			return &Type{kind: KindString, secret: true}
		}
		return String
	case "array":
		elem, _ := r.read(s.Items)
		return List(elem)
	case "object":
		return r.object(s)
	default:
		return Any
	}
}

func (r *schemaReader) object(s *jsonschema.Schema) *Type {
	if r.fields += len(s.Properties); r.fields > maxFields {
		return Any
	}
	if len(s.Properties) == 0 {
		if s.AdditionalProperties == nil {
			return Map(Any)
		}
		if !isFalse(s.AdditionalProperties) {
			elem, _ := r.read(s.AdditionalProperties)
			return Map(elem)
		}
	} else if s.AdditionalProperties != nil && !isFalse(s.AdditionalProperties) {
		return Any
	}
	fields := make([]Field, 0, len(s.Properties))
	for _, name := range Keys(s.Properties) {
		t, null := r.read(s.Properties[name])
		null = null && t.kind != KindAny && t.kind != KindList && t.kind != KindMap
		fields = append(fields, Field{Name: name, Type: t, Optional: null || !slices.Contains(s.Required, name)})
	}
	return Object(fields...)
}

// kindsOf is the kind of an enumeration that does not say it.
func kindsOf(enum []any) []string {
	for _, v := range enum {
		if _, ok := v.(string); !ok {
			return nil
		}
	}
	if len(enum) == 0 {
		return nil
	}
	return []string{"string"}
}

// isFalse recognises the schema that admits nothing, which JSON writes as false or {"not": {}}.
func isFalse(s *jsonschema.Schema) bool {
	raw, err := json.Marshal(s)
	return err == nil && (string(raw) == "false" || string(raw) == `{"not":{}}` || string(raw) == `{"not":true}`)
}
