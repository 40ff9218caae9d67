package activities

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/secret"
)

// Schema is the JSON Schema of an activity's input or output, ready to validate with.
type Schema struct {
	*jsonschema.Schema

	resolved *jsonschema.Resolved
}

// InputSchema is that of a struct that is taken in: its required texts are not empty.
func InputSchema[T any]() (Schema, error) { return schemaOf[T](refuseEmptyStrings) }

// OutputSchema is that of a struct that is given out.
func OutputSchema[T any]() (Schema, error) { return schemaOf[T]() }

// schemaOf derives the schema of a struct from its fields: `json` names them, `jsonschema`
// describes them, omitempty or omitzero makes them optional, and any other field is refused.
func schemaOf[T any](changes ...func(*jsonschema.Schema)) (Schema, error) {
	if t := reflect.TypeFor[T](); t.Kind() != reflect.Struct {
		return Schema{}, fmt.Errorf("want a struct, got %s", t)
	}
	s, err := jsonschema.For[T](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[time.Time]():  {Type: "string", Format: "date-time"},
		reflect.TypeFor[secret.Ref](): {Type: "string", Pattern: secret.Pattern},
	}})
	if err != nil {
		return Schema{}, err
	}
	for _, change := range changes {
		change(s)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		return Schema{}, err
	}
	return Schema{Schema: s, resolved: resolved}, nil
}

// refuseEmptyStrings makes every required string non-empty, in nested objects too: an account,
// user or key that is "" is a mistake upstream, and half the providers read it as "all".
func refuseEmptyStrings(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	one := 1
	for _, name := range s.Required {
		if p := s.Properties[name]; p.Type == "string" && p.MinLength == nil {
			p.MinLength = &one
		}
	}
	for _, p := range s.Properties {
		refuseEmptyStrings(p)
	}
	refuseEmptyStrings(s.Items)
	refuseEmptyStrings(s.AdditionalProperties)
}

// Validate holds JSON against the schema.
func (s Schema) Validate(raw json.RawMessage) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return s.resolved.Validate(v)
}

// same reports whether two schemas admit the same values, as far as undo needs to know: it
// compares what they say, descriptions and lower bounds on length aside.
func same(a, b *jsonschema.Schema) bool {
	x, errX := digest.Of(bare(a))
	y, errY := digest.Of(bare(b))
	return errX == nil && errY == nil && x == y
}

func bare(s *jsonschema.Schema) *jsonschema.Schema {
	c := s.CloneSchemas()
	var strip func(*jsonschema.Schema)
	strip = func(s *jsonschema.Schema) {
		if s == nil {
			return
		}
		s.Description, s.MinLength = "", nil
		s.Types = slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return t == "null" })
		if len(s.Types) == 1 {
			s.Type, s.Types = s.Types[0], nil
		}
		strip(s.Items)
		strip(s.AdditionalProperties)
		for _, p := range s.Properties {
			strip(p)
		}
	}
	strip(c)
	return c
}
