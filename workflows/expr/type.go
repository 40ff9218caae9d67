package expr

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Kind is the outer shape of a type.
type Kind string

// The kinds, named as authors write them.
const (
	KindAny       Kind = "any"
	KindNull      Kind = "null"
	KindBool      Kind = "bool"
	KindInt       Kind = "int"
	KindDouble    Kind = "double"
	KindString    Kind = "string"
	KindTimestamp Kind = "timestamp"
	KindDuration  Kind = "duration"
	KindList      Kind = "list"
	KindMap       Kind = "map"
	KindObject    Kind = "object"
)

// Type is what is known of a value before there is one.
type Type struct {
	kind   Kind
	elem   *Type   // of a list or map
	fields []Field // of an object, by name; of a map whose keys are known, its entries
	hints  map[string]string
	values []string // the only ones that a string has; nil: any
	secret bool     // a string that names a secret
}

// Field is one field of an object. An optional one may be absent: has(x.f) or x.?f asks.
type Field struct {
	Name     string
	Type     *Type
	Optional bool
	// Why says of an optional field when it is absent, as the end of a sentence, and Ask is a
	// condition under which it is there, where has(x.f) is not the natural one. Both are for
	// authors and do not travel.
	Why, Ask string
}

// The types without parts.
var (
	Any       = &Type{kind: KindAny}
	Null      = &Type{kind: KindNull}
	Bool      = &Type{kind: KindBool}
	Int       = &Type{kind: KindInt}
	Double    = &Type{kind: KindDouble}
	String    = &Type{kind: KindString}
	Timestamp = &Type{kind: KindTimestamp}
	Duration  = &Type{kind: KindDuration}
)

var simple = map[Kind]*Type{
	KindAny: Any, KindNull: Null, KindBool: Bool, KindInt: Int, KindDouble: Double,
	KindString: String, KindTimestamp: Timestamp, KindDuration: Duration,
}

// OneOf is a string that is one of these.
func OneOf(values ...string) *Type { return &Type{kind: KindString, values: values} }

// List is a list of elem.
func List(elem *Type) *Type { return &Type{kind: KindList, elem: elem} }

// Map is a map from strings to elem.
func Map(elem *Type) *Type { return &Type{kind: KindMap, elem: elem} }

// mapOf is a map of which it is known what it holds: these keys and no others.
func mapOf(elem *Type, entries []Field) *Type {
	return &Type{kind: KindMap, elem: elem, fields: Object(entries...).fields}
}

// Object has exactly these fields.
func Object(fields ...Field) *Type {
	sorted := slices.Clone(fields)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	return &Type{kind: KindObject, fields: sorted}
}

// WithHints returns the object type with explanations for fields that it does not have but that
// an author may well ask for, such as a step that runs later.
func (t *Type) WithHints(hints map[string]string) *Type {
	c := *t
	c.hints = hints
	return &c
}

// Secret reports whether the value is a string that names a secret. It is for whoever checks a file,
// and does not travel.
func (t *Type) Secret() bool { return t.secret }

// Kind returns the outer shape.
func (t *Type) Kind() Kind { return t.kind }

// Elem returns the type of the items of a list or map, nil otherwise.
func (t *Type) Elem() *Type { return t.elem }

// Fields returns the fields of an object, by name.
func (t *Type) Fields() []Field { return t.fields }

// Field finds a field of an object.
func (t *Type) Field(name string) (Field, bool) {
	i, ok := slices.BinarySearchFunc(t.fields, name, func(f Field, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return Field{}, false
	}
	return t.fields[i], true
}

// FieldNames returns the names of an object's fields, sorted.
func (t *Type) FieldNames() []string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.Name
	}
	return names
}

// maxNamed is how many fields of an object are named where the type is shown.
const maxNamed = 12

// String writes the type as authors do; objects show their fields, if they are few enough to read.
func (t *Type) String() string {
	switch t.kind {
	case KindList, KindMap:
		return fmt.Sprintf("%s(%s)", t.kind, t.elem)
	case KindObject:
		names := t.FieldNames()
		if len(names) > maxNamed {
			return fmt.Sprintf("{%s and %d more}", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
		}
		return "{" + strings.Join(names, ", ") + "}"
	default:
		return string(t.kind)
	}
}

// ParseType reads a type as authors write it: string, list(int), map(any).
func ParseType(s string) (*Type, error) {
	if t, ok := simple[Kind(s)]; ok && t != Null {
		return t, nil
	}
	for _, outer := range []Kind{KindList, KindMap} {
		inner, ok := strings.CutPrefix(s, string(outer)+"(")
		if inner, closed := strings.CutSuffix(inner, ")"); ok && closed {
			elem, err := ParseType(inner)
			if err != nil {
				return nil, err
			}
			return &Type{kind: outer, elem: elem}, nil
		}
	}
	return nil, fmt.Errorf("%q is not a type; want any, bool, int, double, string, timestamp, duration, list(T) or map(T)", s)
}

// Same reports whether two types say the same. Hints do not count.
func (t *Type) Same(other *Type) bool {
	if t == other {
		return true
	}
	if t.kind != other.kind || len(t.fields) != len(other.fields) {
		return false
	}
	if t.elem != nil && !t.elem.Same(other.elem) {
		return false
	}
	for i, f := range t.fields {
		o := other.fields[i]
		if f.Name != o.Name || f.Optional != o.Optional || !f.Type.Same(o.Type) {
			return false
		}
	}
	return true
}

// Either is the type of a value that is a t or an other. Where they differ nothing may be proved
// of it: a list that may be a map after all must not count as a list. Of two objects it has the
// fields of both; what only one of them has for certain is optional.
func (t *Type) Either(other *Type) *Type {
	switch {
	case t.kind == KindString && other.kind == KindString && !slices.Equal(t.values, other.values):
		return String
	case t.Same(other):
		return t
	case t.kind != other.kind:
		return Any
	case t.kind == KindList:
		return List(t.elem.Either(other.elem))
	case t.kind == KindMap && (len(t.fields) == 0 || len(other.fields) == 0):
		return Map(t.elem.Either(other.elem))
	}
	var fields []Field
	for _, f := range t.fields {
		o, both := other.Field(f.Name)
		if both {
			f.Type = f.Type.Either(o.Type)
		}
		f.Optional = f.Optional || !both || o.Optional
		f.Why = cmp.Or(f.Why, "not everything that may stand here has it")
		fields = append(fields, f)
	}
	for _, o := range other.fields {
		if _, both := t.Field(o.Name); !both {
			o.Optional, o.Why = true, cmp.Or(o.Why, "not everything that may stand here has it")
			fields = append(fields, o)
		}
	}
	if t.kind == KindMap {
		return mapOf(t.elem.Either(other.elem), fields)
	}
	return Object(fields...)
}

// Accepts reports whether a value of type have may stand where t is wanted. What is any is
// settled at run time, when the value is decoded. An int may stand for a double.
func (t *Type) Accepts(have *Type) bool {
	switch {
	case t.kind == KindAny || have.kind == KindAny:
		return true
	case t.kind == KindDouble && have.kind == KindInt:
		return true
	case t.kind != have.kind:
		return false
	case t.kind == KindList || t.kind == KindMap:
		return t.elem.Accepts(have.elem)
	case t.kind != KindObject:
		return true
	}
	for _, f := range have.fields {
		if w, ok := t.Field(f.Name); !ok || !w.Type.Accepts(f.Type) {
			return false
		}
	}
	for _, w := range t.fields {
		if h, ok := have.Field(w.Name); !w.Optional && (!ok || h.Optional) {
			return false
		}
	}
	return true
}
