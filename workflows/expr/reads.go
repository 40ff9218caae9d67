package expr

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// Reads returns what the expression reads of its names, sorted: "steps.find" where it asks a name
// for one field, "event" where it takes the whole. It may list names that a macro introduces.
func (p *Program) Reads() []string { return p.reads }

// Reads returns what the expressions of the template read, as [Program.Reads] does.
func (t *Template) Reads() []string {
	var all []string
	for _, p := range t.parts {
		if p.program != nil {
			all = append(all, p.program.reads...)
		}
	}
	return all
}

func readsOf(e ast.Expr) []string {
	var found []string
	collectReads(e, &found)
	slices.Sort(found)
	return slices.Compact(found)
}

func collectReads(e ast.Expr, found *[]string) {
	switch e.Kind() {
	case ast.IdentKind:
		*found = append(*found, e.AsIdent())
	case ast.SelectKind:
		s := e.AsSelect()
		collectField(s.Operand(), s.FieldName(), found)
	case ast.CallKind:
		call := e.AsCall()
		if field, ok := optionalField(call); ok {
			collectField(call.Args()[0], field, found)
			return
		}
		if call.IsMemberFunction() {
			collectReads(call.Target(), found)
		}
		for _, arg := range call.Args() {
			collectReads(arg, found)
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			collectReads(item, found)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			collectReads(entry.AsMapEntry().Key(), found)
			collectReads(entry.AsMapEntry().Value(), found)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		for _, part := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			collectReads(part, found)
		}
	}
}

func collectField(operand ast.Expr, field string, found *[]string) {
	if operand.Kind() == ast.IdentKind {
		*found = append(*found, operand.AsIdent()+"."+field)
		return
	}
	collectReads(operand, found)
}

// optionalField recognises a.?b, which CEL writes as a call.
func optionalField(call ast.CallExpr) (string, bool) {
	if call.FunctionName() != operators.OptSelect || len(call.Args()) != 2 || call.Args()[1].Kind() != ast.LiteralKind {
		return "", false
	}
	field, ok := call.Args()[1].AsLiteral().(types.String)
	return string(field), ok
}
