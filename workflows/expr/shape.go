package expr

import (
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// shapes knows the types inside a checked expression. It knows more than CEL, for which a map
// literal has any keys and an item of a filtered list is like any other.
type shapes struct {
	env     *Env
	objects *objects
	checked *ast.AST
	local   map[string]*Type // names that macros introduced; nil: as CEL sees it
}

// of returns the type of e; of an optional value, that of the value.
func (s *shapes) of(e ast.Expr) *Type {
	switch e.Kind() {
	case ast.IdentKind:
		if t, ok := s.local[e.AsIdent()]; ok && t != nil {
			return t
		} else if !ok && s.env.vars[e.AsIdent()] != nil {
			return s.env.vars[e.AsIdent()]
		}
	case ast.SelectKind:
		if sel := e.AsSelect(); !sel.IsTestOnly() {
			return s.part(s.of(sel.Operand()), sel.FieldName())
		}
	case ast.CallKind:
		if t := s.call(e.AsCall()); t != nil {
			return t
		}
	case ast.ListKind:
		if items := e.AsList().Elements(); len(items) > 0 {
			elem := s.of(items[0])
			for _, item := range items[1:] {
				elem = elem.Either(s.of(item))
			}
			return List(elem)
		}
	case ast.MapKind:
		if t, ok := s.literal(e); ok {
			return t
		}
	case ast.ComprehensionKind:
		if t := s.comprehension(e.AsComprehension()); t != nil {
			return t
		}
	}
	return s.checkedType(e)
}

// checkedType is the type as CEL sees it.
func (s *shapes) checkedType(e ast.Expr) *Type {
	t := s.checked.GetType(e.ID())
	if t == nil {
		return Any
	}
	if isOptional(t) {
		t = t.Parameters()[0]
	}
	if known, ok := s.objects.fromCEL(t); ok {
		return known
	}
	return Any
}

func isOptional(t *types.Type) bool {
	return t != nil && t.TypeName() == types.OptionalType.TypeName() && len(t.Parameters()) == 1
}

// optional reports whether e gives an optional value, of which every part is optional too.
func (s *shapes) optional(e ast.Expr) bool { return isOptional(s.checked.GetType(e.ID())) }

// part is the type of a field or entry.
func (s *shapes) part(t *Type, name string) *Type {
	if f, ok := t.Field(name); ok {
		return f.Type
	}
	if t.kind == KindMap {
		return t.elem
	}
	return Any
}

func (s *shapes) call(call ast.CallExpr) *Type {
	args := call.Args()
	switch call.FunctionName() {
	case operators.Index, operators.OptSelect, operators.OptIndex:
		outer := s.of(args[0])
		if name, ok := constantString(args[1]); ok {
			return s.part(outer, name)
		}
		if outer.elem != nil {
			return outer.elem
		}
	case operators.Conditional:
		return s.of(args[1]).Either(s.of(args[2]))
	case "orValue", "value":
		if call.IsMemberFunction() {
			return s.of(call.Target())
		}
	}
	return nil
}

// literal is the type of a map whose keys are written down.
func (s *shapes) literal(e ast.Expr) (*Type, bool) {
	t := s.checkedType(e)
	if t.kind != KindMap {
		return nil, false
	}
	var fields []Field
	for _, entry := range e.AsMap().Entries() {
		one := entry.AsMapEntry()
		name, ok := constantString(one.Key())
		if !ok {
			return nil, false
		}
		f := Field{Name: name, Type: s.of(one.Value())}
		if one.IsOptional() {
			f.Optional, f.Why = true, "the map has it only where there is a value"
		}
		fields = append(fields, f)
	}
	return mapOf(t.elem, fields), len(fields) > 0
}

// comprehension recognises filter and map, whose items have the shape of what they are made of.
func (s *shapes) comprehension(c ast.ComprehensionExpr) *Type {
	added, ok := adds(c.LoopStep())
	if !ok {
		return nil
	}
	elem := s.item(c)
	if elem == nil {
		return nil
	}
	leave := s.enter(c.IterVar(), elem)
	defer leave()
	return List(s.of(added))
}

// adds returns the item that a round of filter or map adds to the list.
func adds(step ast.Expr) (ast.Expr, bool) {
	if step.Kind() != ast.CallKind {
		return nil, false
	}
	call := step.AsCall()
	switch args := call.Args(); call.FunctionName() {
	case operators.Conditional:
		return adds(args[1])
	case operators.Add:
		if args[1].Kind() == ast.ListKind && args[1].AsList().Size() == 1 {
			return args[1].AsList().Elements()[0], true
		}
	}
	return nil, false
}

// item is the type of the first name that a comprehension introduces: an item, or a key.
func (s *shapes) item(c ast.ComprehensionExpr) *Type {
	switch over := s.of(c.IterRange()); {
	case over.kind == KindList && !c.HasIterVar2():
		return over.elem
	case over.kind == KindMap && !c.HasIterVar2():
		return String
	default:
		return nil
	}
}

// enter gives a name another meaning, and returns how to give the old one back.
func (s *shapes) enter(name string, t *Type) (leave func()) {
	before, had := s.local[name]
	s.local[name] = t
	return func() {
		if delete(s.local, name); had {
			s.local[name] = before
		}
	}
}

func constantString(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}
