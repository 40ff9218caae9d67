package expr

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
)

// Env is a set of names and their types, against which expressions are compiled. It does not
// change once made.
type Env struct {
	vars map[string]*Type
	cel  func() (celEnv, error)
}

// celEnv is an Env in CEL's terms. Most places of a playbook read names only and never need it, so
// it is made when it is first asked for.
type celEnv struct {
	*cel.Env

	objects *objects
}

// base holds what every environment shares. Building it parses the libraries' declarations, which
// costs more than all the rest.
var base = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewCustomEnv(
		cel.StdLib(),
		cel.OptionalTypes(cel.OptionalTypesVersion(optionVersion)),
		ext.Strings(ext.StringsVersion(stringsVersion)),
		ext.Lists(ext.ListsVersion(listsVersion)),
		ext.Sets(ext.SetsVersion(setsVersion)),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(MaxLength),
		cel.ParserRecursionLimit(MaxDepth),
		cel.ASTValidators(
			cel.ValidateComprehensionNestingLimit(MaxNestedLoops),
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
		),
	)
})

// NewEnv makes an environment with these names.
func NewEnv(vars map[string]*Type) *Env {
	e := &Env{vars: maps.Clone(vars)}
	e.cel = sync.OnceValues(e.extend)
	return e
}

// extend adds the names to what every environment has.
func (e *Env) extend() (celEnv, error) {
	shared, err := base()
	if err != nil {
		return celEnv{}, fmt.Errorf("make the CEL environment: %w", err)
	}
	o := &objects{Provider: shared.CELTypeProvider(), vars: e.vars}
	options := []cel.EnvOption{cel.CustomTypeProvider(o)}
	for _, name := range Keys(e.vars) {
		options = append(options, cel.Variable(name, o.toCEL(name, e.vars[name])))
	}
	env, err := shared.Extend(options...)
	if err != nil {
		return celEnv{}, fmt.Errorf("make the CEL environment: %w", err)
	}
	return celEnv{env, o}, nil
}

// Var returns the type of a name.
func (e *Env) Var(name string) (*Type, bool) {
	t, ok := e.vars[name]
	return t, ok
}

// objects teaches CEL our object types. Their values are plain maps: without accessors CEL selects
// fields from them as from any map, while the checker knows every field's type.
type objects struct {
	types.Provider

	vars map[string]*Type
}

// namespace begins the name of every object type; the place where the type stands is the rest.
const namespace = "countersign."

// named finds the object type of a name by walking to its place. Types are large (an event's has
// hundreds of objects) and environments many, so nothing is written down ahead.
func (o *objects) named(name string) (*Type, bool) {
	where, ours := strings.CutPrefix(name, namespace)
	if !ours {
		return nil, false
	}
	first, rest, more := strings.Cut(where, ".")
	t, ok := o.vars[first]
	for ok && more {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		switch t.kind {
		case KindList, KindMap:
			t = t.elem
		default:
			var f Field
			f, ok = t.Field(ambiguous.Replace(part))
			t = f.Type
		}
	}
	return t, ok && t.kind == KindObject
}

// toCEL gives t in CEL's terms; each object becomes a named type, named after where it stands.
func (o *objects) toCEL(where string, t *Type) *cel.Type {
	switch t.kind {
	case KindNull:
		return cel.NullType
	case KindBool:
		return cel.BoolType
	case KindInt:
		return cel.IntType
	case KindDouble:
		return cel.DoubleType
	case KindString:
		return cel.StringType
	case KindTimestamp:
		return cel.TimestampType
	case KindDuration:
		return cel.DurationType
	case KindList:
		return cel.ListType(o.toCEL(where+".item", t.elem))
	case KindMap:
		return cel.MapType(cel.StringType, o.toCEL(where+".entry", t.elem))
	case KindObject:
		return cel.ObjectType(namespace + where)
	default:
		return cel.DynType
	}
}

// within names the place of a field. A field's own name may hold dots, and the places of two fields
// must never be spelled alike.
func within(where, field string) string {
	if strings.ContainsAny(field, "~.") {
		field = unambiguous.Replace(field)
	}
	return where + "." + field
}

var (
	unambiguous = strings.NewReplacer("~", "~0", ".", "~1")
	ambiguous   = strings.NewReplacer("~0", "~", "~1", ".")
)

// fromCEL gives a CEL type in ours. Values that cannot leave an expression have none.
func (o *objects) fromCEL(t *cel.Type) (*Type, bool) {
	switch t.Kind() {
	case types.DynKind, types.AnyKind, types.TypeParamKind:
		return Any, true
	case types.NullTypeKind:
		return Null, true
	case types.BoolKind:
		return Bool, true
	case types.IntKind, types.UintKind:
		return Int, true
	case types.DoubleKind:
		return Double, true
	case types.StringKind:
		return String, true
	case types.TimestampKind:
		return Timestamp, true
	case types.DurationKind:
		return Duration, true
	case types.ListKind:
		elem, ok := o.fromCEL(t.Parameters()[0])
		return List(elem), ok
	case types.MapKind:
		elem, ok := o.fromCEL(t.Parameters()[1])
		return Map(elem), ok
	case types.StructKind:
		return o.named(t.TypeName())
	default:
		return nil, false
	}
}

func (o *objects) FindStructType(name string) (*types.Type, bool) {
	if _, ok := o.named(name); ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return o.Provider.FindStructType(name)
}

func (o *objects) FindStructFieldNames(name string) ([]string, bool) {
	if t, ok := o.named(name); ok {
		return t.FieldNames(), true
	}
	return o.Provider.FindStructFieldNames(name)
}

func (o *objects) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	t, ok := o.named(name)
	if !ok {
		return o.Provider.FindStructFieldType(name, field)
	}
	f, ok := t.Field(field)
	if !ok {
		return nil, false
	}
	return &types.FieldType{Type: o.toCEL(within(strings.TrimPrefix(name, namespace), field), f.Type)}, true
}

// NewValue refuses to make objects in expressions: outputs come from activities, not from authors.
func (o *objects) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := o.named(name); ok {
		return types.NewErr("%s cannot be made in an expression", name)
	}
	return o.Provider.NewValue(name, fields)
}
