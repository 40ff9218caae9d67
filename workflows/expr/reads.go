package expr

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// Paths returns what the expression reads of its names: every chain of names and fields, as
// ["event", "data", "id"], to where it is used as a whole. It may list names that a macro introduces.
func (p *Program) Paths() [][]string { return p.paths }

// Paths returns the chains of all expressions of the template.
func (t *Template) Paths() [][]string {
	var all [][]string
	for _, p := range t.parts {
		if p.program != nil {
			all = append(all, p.program.paths...)
		}
	}
	return all
}

func readsOf(e ast.Expr) [][]string {
	if path, ok := chain(e); ok {
		return [][]string{path}
	}
	var found [][]string
	for _, part := range partsOf(e) {
		found = append(found, readsOf(part)...)
	}
	return found
}

// partsOf are the expressions directly inside another.
func partsOf(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.MapKind:
		var parts []ast.Expr
		for _, entry := range e.AsMap().Entries() {
			parts = append(parts, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return parts
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	}
	return nil
}

// chain follows a.b, a.?b, a["b"] and a[?"b"] to the name that they begin with.
func chain(e ast.Expr) ([]string, bool) {
	var operand ast.Expr
	var field string
	switch e.Kind() {
	case ast.IdentKind:
		return []string{e.AsIdent()}, true
	case ast.SelectKind:
		operand, field = e.AsSelect().Operand(), e.AsSelect().FieldName()
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.OptSelect, operators.Index, operators.OptIndex:
		default:
			return nil, false
		}
		key := call.Args()[1]
		if key.Kind() != ast.LiteralKind {
			return nil, false
		}
		name, ok := key.AsLiteral().(types.String)
		if !ok {
			return nil, false
		}
		operand, field = call.Args()[0], string(name)
	default:
		return nil, false
	}
	path, ok := chain(operand)
	return append(path, field), ok
}

// Only leaves of a type what paths lead to, each with all that is below its end. Lists and maps stay
// whole.
func (t *Type) Only(paths [][]string) *Type {
	if t.kind != KindObject || slices.ContainsFunc(paths, func(path []string) bool { return len(path) == 0 }) {
		return t
	}
	below := map[string][][]string{}
	for _, path := range paths {
		below[path[0]] = append(below[path[0]], path[1:])
	}
	var fields []Field
	for _, f := range t.fields {
		if inner := below[f.Name]; inner != nil {
			f.Type = f.Type.Only(inner)
			fields = append(fields, f)
		}
	}
	return Object(fields...)
}
