package expr

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// unknownNames finds, before CEL's own check, every name and field that does not exist, because it
// can say what CEL cannot: what was expected, the near miss, and why a step is not there yet.
func (e *Env) unknownNames(env celEnv, parsed *ast.AST) []Problem {
	n := &names{vars: e.vars, cel: env.Env, info: parsed.SourceInfo(), local: map[string][]*Type{}}
	n.walk(parsed.Expr())
	return n.problems
}

type names struct {
	vars     map[string]*Type
	cel      *cel.Env
	info     *ast.SourceInfo
	local    map[string][]*Type // names that macros introduced, the innermost last; nil: not known
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
		switch call.FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			return n.index(e, call)
		}
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
	if n.cel.HasFunction(name) || call.IsMemberFunction() && n.isLibrary(call) {
		return
	}
	options := slices.Clone(macros)
	for _, function := range Keys(n.cel.Functions()) {
		if strings.IndexFunc(function, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) }) < 0 && !strings.HasPrefix(function, "_") {
			options = append(options, function)
		}
	}
	n.report(e, "there is no function %q%s", name, DidYouMean(name, options))
}

// isLibrary recognises sets.contains(a, b): a function with a dot in its name, not a method.
func (n *names) isLibrary(call ast.CallExpr) bool {
	target := call.Target()
	return target.Kind() == ast.IdentKind && n.cel.HasFunction(target.AsIdent()+"."+call.FunctionName())
}

func (n *names) comprehension(c ast.ComprehensionExpr) {
	over := n.walk(c.IterRange())
	n.walk(c.AccuInit())
	introduced := map[string]*Type{c.IterVar(): nil, c.AccuVar(): nil}
	if c.HasIterVar2() {
		introduced[c.IterVar2()] = nil
	} else if over != nil && over.kind == KindList {
		introduced[c.IterVar()] = over.elem
	}
	for _, name := range Keys(introduced) {
		n.local[name] = append(n.local[name], introduced[name])
	}
	n.walk(c.LoopCondition())
	n.walk(c.LoopStep())
	n.walk(c.Result())
	for _, name := range Keys(introduced) {
		n.local[name] = n.local[name][:len(n.local[name])-1]
	}
}

func (n *names) ident(e ast.Expr) *Type {
	name := e.AsIdent()
	if local := n.local[name]; len(local) > 0 {
		return local[len(local)-1]
	}
	if t, ok := n.vars[name]; ok {
		return t
	}
	if _, isType := n.cel.CELTypeProvider().FindIdent(name); !isType {
		n.report(e, "unknown name %q%s", name, DidYouMean(name, Keys(n.vars)))
	}
	return nil
}

func (n *names) selection(e ast.Expr) *Type {
	s := e.AsSelect()
	t := n.field(e, n.walk(s.Operand()), s.Operand(), s.FieldName())
	if s.IsTestOnly() {
		return Bool
	}
	return t
}

// index is a?.b, a[b] or a[?b]. An optional chain is typed as if it had a value: what is asked of it
// must exist all the same.
func (n *names) index(e ast.Expr, call ast.CallExpr) *Type {
	of, key := call.Args()[0], call.Args()[1]
	operand := n.walk(of)
	n.walk(key)
	if operand == nil {
		return nil
	}
	if key.Kind() == ast.LiteralKind {
		if name, ok := key.AsLiteral().Value().(string); ok && operand.kind != KindList {
			return n.field(e, operand, of, name)
		}
	}
	return operand.elem
}

// field is the type of a field of an operand.
func (n *names) field(e ast.Expr, operand *Type, of ast.Expr, name string) *Type {
	if operand == nil {
		return nil
	}
	switch operand.kind {
	case KindObject:
		f, ok := operand.Field(name)
		if !ok {
			n.unknownField(e, operand, of, name)
			return nil
		}
		return f.Type
	case KindMap:
		return operand.elem
	case KindAny, KindNull:
		return nil
	default:
		n.report(e, "%s is %s, which has no fields; %q was asked of it", n.text(of), operand, name)
		return nil
	}
}

func (n *names) unknownField(e ast.Expr, operand *Type, of ast.Expr, name string) {
	if hint, ok := operand.hints[name]; ok {
		n.report(e, "%s", hint)
		return
	}
	n.report(e, "%s has no field %q%s", n.text(of), name, DidYouMean(name, operand.FieldNames()))
}

// text writes a chain of names back as its author wrote it.
func (n *names) text(e ast.Expr) string {
	text, err := cel.ExprToString(e, n.info)
	if err != nil {
		return "the value"
	}
	return text
}
