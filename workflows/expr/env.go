package expr

import (
	"fmt"
	"maps"
	"slices"
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
	vars    map[string]*Type
	objects *objects
	cel     *cel.Env
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
func NewEnv(vars map[string]*Type) (*Env, error) {
	shared, err := base()
	if err != nil {
		return nil, fmt.Errorf("make the CEL environment: %w", err)
	}
	e := &Env{vars: maps.Clone(vars), objects: &objects{Provider: shared.CELTypeProvider(), byName: map[string]*Type{}}}
	options := []cel.EnvOption{cel.CustomTypeProvider(e.objects)}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		options = append(options, cel.Variable(name, e.objects.toCEL(name, vars[name])))
	}
	if e.cel, err = shared.Extend(options...); err != nil {
		return nil, fmt.Errorf("make the CEL environment: %w", err)
	}
	return e, nil
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

	byName map[string]*Type
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
		name := "countersign." + where
		if _, known := o.byName[name]; !known {
			o.byName[name] = t
			for _, f := range t.fields {
				o.toCEL(within(where, f.Name), f.Type)
			}
		}
		return cel.ObjectType(name)
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

var unambiguous = strings.NewReplacer("~", "~0", ".", "~1")

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
		object, ok := o.byName[t.TypeName()]
		return object, ok
	default:
		return nil, false
	}
}

func (o *objects) FindStructType(name string) (*types.Type, bool) {
	if _, ok := o.byName[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return o.Provider.FindStructType(name)
}

func (o *objects) FindStructFieldNames(name string) ([]string, bool) {
	if t, ok := o.byName[name]; ok {
		return t.FieldNames(), true
	}
	return o.Provider.FindStructFieldNames(name)
}

func (o *objects) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	t, ok := o.byName[name]
	if !ok {
		return o.Provider.FindStructFieldType(name, field)
	}
	f, ok := t.Field(field)
	if !ok {
		return nil, false
	}
	return &types.FieldType{Type: o.toCEL(within(name[len("countersign."):], field), f.Type)}, true
}

// NewValue refuses to make objects in expressions: outputs come from activities, not from authors.
func (o *objects) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := o.byName[name]; ok {
		return types.NewErr("%s cannot be made in an expression", name)
	}
	return o.Provider.NewValue(name, fields)
}
