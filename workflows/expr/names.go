package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
)

// unknownNames finds, before CEL's own check, every name and field that does not exist, because it
// can say what CEL cannot: what was expected, the near miss, and why a step is not there yet.
func (e *Env) unknownNames(parsed *ast.AST) []Problem {
	n := &names{env: e, info: parsed.SourceInfo(), local: map[string]int{}}
	n.walk(parsed.Expr())
	return n.problems
}

type names struct {
	env      *Env
	info     *ast.SourceInfo
	local    map[string]int // names that macros introduced, with how often
	problems []Problem
}

func (n *names) report(e ast.Expr, format string, args ...any) {
	location := n.info.GetStartLocation(e.ID())
	n.problems = append(n.problems, Problem{
		Line: max(1, location.Line()), Column: max(0, location.Column()) + 1, Message: fmt.Sprintf(format, args...),
	})
}

// walk visits e and returns its type where that follows from names alone, nil where it does not.
func (n *names) walk(e ast.Expr) *Type {
	switch e.Kind() {
	case ast.IdentKind:
		return n.ident(e)
	case ast.SelectKind:
		return n.selection(e)
	case ast.CallKind:
		call := e.AsCall()
		n.function(e, call)
		if call.IsMemberFunction() && !n.isLibrary(call) {
			n.walk(call.Target())
		}
		for _, arg := range call.Args() {
			n.walk(arg)
		}
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			n.walk(item)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			n.walk(entry.AsMapEntry().Key())
			n.walk(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		n.report(e, "objects cannot be made in an expression; use a map, {\"key\": value}")
	case ast.ComprehensionKind:
		n.comprehension(e.AsComprehension())
	}
	return nil
}

// macros are functions of the language that CEL's environment does not list.
var macros = []string{"all", "exists", "exists_one", "filter", "has", "map", "optFlatMap", "optMap", "sortBy"}

// function reports a function that does not exist.
func (n *names) function(e ast.Expr, call ast.CallExpr) {
	name := call.FunctionName()
	if n.env.cel.HasFunction(name) || call.IsMemberFunction() && n.isLibrary(call) {
		return
	}
	options := slices.Clone(macros)
	for _, function := range slices.Sorted(maps.Keys(n.env.cel.Functions())) {
		if strings.IndexFunc(function, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) }) < 0 && !strings.HasPrefix(function, "_") {
			options = append(options, function)
		}
	}
	n.report(e, "there is no function %q%s", name, DidYouMean(name, options))
}

// isLibrary recognises sets.contains(a, b): a function with a dot in its name, not a method.
func (n *names) isLibrary(call ast.CallExpr) bool {
	target := call.Target()
	return target.Kind() == ast.IdentKind && n.env.cel.HasFunction(target.AsIdent()+"."+call.FunctionName())
}

func (n *names) comprehension(c ast.ComprehensionExpr) {
	n.walk(c.IterRange())
	n.walk(c.AccuInit())
	introduced := []string{c.IterVar(), c.AccuVar()}
	if c.HasIterVar2() {
		introduced = append(introduced, c.IterVar2())
	}
	for _, name := range introduced {
		n.local[name]++
	}
	n.walk(c.LoopCondition())
	n.walk(c.LoopStep())
	n.walk(c.Result())
	for _, name := range introduced {
		n.local[name]--
	}
}

func (n *names) ident(e ast.Expr) *Type {
	name := e.AsIdent()
	if n.local[name] > 0 {
		return nil
	}
	if t, ok := n.env.vars[name]; ok {
		return t
	}
	if _, isType := n.env.cel.CELTypeProvider().FindIdent(name); !isType {
		n.report(e, "unknown name %q%s", name, DidYouMean(name, slices.Collect(maps.Keys(n.env.vars))))
	}
	return nil
}

func (n *names) selection(e ast.Expr) *Type {
	s := e.AsSelect()
	operand := n.walk(s.Operand())
	if operand == nil {
		return nil
	}
	switch operand.kind {
	case KindObject:
		f, ok := operand.Field(s.FieldName())
		if !ok {
			n.unknownField(e, operand, s)
			return nil
		}
		if s.IsTestOnly() {
			return Bool
		}
		return f.Type
	case KindMap:
		return operand.elem
	case KindAny, KindNull:
		return nil
	default:
		n.report(e, "%s is %s, which has no fields; %q was asked of it", n.text(s.Operand()), operand, s.FieldName())
		return nil
	}
}

func (n *names) unknownField(e ast.Expr, operand *Type, s ast.SelectExpr) {
	if hint, ok := operand.hints[s.FieldName()]; ok {
		n.report(e, "%s", hint)
		return
	}
	n.report(e, "%s has no field %q%s", n.text(s.Operand()), s.FieldName(), DidYouMean(s.FieldName(), operand.FieldNames()))
}

// text writes a chain of names back as its author wrote it.
func (n *names) text(e ast.Expr) string {
	text, err := cel.ExprToString(e, n.info)
	if err != nil {
		return "the value"
	}
	return text
}
