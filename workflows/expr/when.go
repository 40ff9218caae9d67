package expr

import (
	"slices"
	"strconv"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// when returns what is known where e gives a bool.
func (m *presence) when(e ast.Expr, gives bool) Facts {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok && bool(b) != gives {
			return Facts{never: true}
		}
	case ast.SelectKind:
		if s := e.AsSelect(); s.IsTestOnly() {
			path, ok := m.path(s.Operand())
			if !ok {
				return Facts{}
			}
			path = within(path, s.FieldName())
			f := Facts{}.Claims(Claim{Path: "has(" + path + ")", Value: strconv.FormatBool(gives)})
			if gives {
				f = f.There(append(m.asked(s.Operand()), path)...)
			}
			return f
		}
		return m.claim(e, strconv.FormatBool(gives), false)
	case ast.IdentKind:
		return m.claim(e, strconv.FormatBool(gives), false)
	case ast.CallKind:
		return m.laws.Apply(m.whenCall(e, gives))
	}
	return Facts{}
}

func (m *presence) whenCall(e ast.Expr, gives bool) Facts {
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalNot:
		return m.when(args[0], !gives)
	case operators.LogicalAnd, operators.LogicalOr:
		a, b := m.when(args[0], gives), m.when(args[1], gives)
		if gives == (call.FunctionName() == operators.LogicalAnd) {
			return m.and(a, b)
		}
		return a.Or(b)
	case operators.Conditional:
		yes := m.and(m.when(args[0], true), m.when(args[1], gives))
		return yes.Or(m.and(m.when(args[0], false), m.when(args[2], gives)))
	case operators.Equals, operators.NotEquals:
		equal := gives == (call.FunctionName() == operators.Equals)
		return m.compared(args[0], args[1], equal).And(m.compared(args[1], args[0], equal))
	case operators.In:
		return m.among(args[0], args[1], gives)
	case operators.Index:
		return m.claim(e, strconv.FormatBool(gives), false)
	case "hasValue":
		if call.IsMemberFunction() && gives {
			return Facts{}.There(m.asked(call.Target())...)
		}
		return Facts{}
	case "orValue":
		if call.IsMemberFunction() {
			return m.orValue(call, types.Bool(gives), true)
		}
	}
	if text, ok := m.lasting(e); ok {
		return Facts{}.Claims(Claim{Path: text, Value: strconv.FormatBool(gives)})
	}
	return Facts{}
}

// compared is what follows from e == value, or e != value.
func (m *presence) compared(e, value ast.Expr, equal bool) Facts {
	if value.Kind() == ast.CallKind && value.AsCall().FunctionName() == "optional.none" {
		if !equal && m.optional(e) {
			return Facts{}.There(m.asked(e)...)
		}
		return Facts{}
	}
	if value.Kind() != ast.LiteralKind {
		return Facts{}
	}
	literal := value.AsLiteral()
	if b, ok := literal.(types.Bool); ok && !m.optional(e) && (equal || m.of(e).kind == KindBool) {
		return m.when(e, bool(b) == equal)
	}
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "orValue" && e.AsCall().IsMemberFunction() {
		return m.orValue(e.AsCall(), literal, equal).And(m.claim(e, constant(literal), !equal))
	}
	return m.claim(e, constant(literal), !equal)
}

// orValue is what follows where an optional value or what stands in for it is, or is not, a
// constant: where the one that stands in would not do, the value is there.
func (m *presence) orValue(call ast.CallExpr, is ref.Val, equal bool) Facts {
	otherwise := call.Args()[0]
	if otherwise.Kind() != ast.LiteralKind || (constant(otherwise.AsLiteral()) == constant(is)) == equal {
		return Facts{}
	}
	f := Facts{}.There(m.asked(call.Target())...)
	return f.And(m.claim(call.Target(), constant(is), !equal))
}

// among is what follows from e in list, or from its contrary.
func (m *presence) among(e, list ast.Expr, gives bool) Facts {
	if m.of(list).kind == KindMap {
		over, ok := m.path(list)
		if name, constant := constantString(e); ok && constant && gives {
			return Facts{}.There(within(over, name))
		}
		if key, isPath := m.path(e); ok && isPath && gives {
			return Facts{}.There(over + "[" + key + "]")
		}
		return Facts{}
	}
	if list.Kind() != ast.ListKind {
		return Facts{}
	}
	out := Facts{never: gives} // one of the items, or none of them
	path, isPath := m.path(e)
	for _, item := range list.AsList().Elements() {
		if item.Kind() != ast.LiteralKind {
			return Facts{}
		}
		is := m.laws.Apply(m.claim(e, constant(item.AsLiteral()), !gives))
		if gives {
			out = out.Or(is)
		} else {
			out = m.and(out, is)
		}
	}
	if isPath && gives {
		out = out.Claims(Claim{Path: amongConstants(path), Value: "true"})
	}
	return out
}

func (m *presence) claim(e ast.Expr, value string, not bool) Facts {
	path, ok := m.path(e)
	if !ok {
		if path, ok = m.lasting(e); !ok {
			return Facts{}
		}
	}
	if not && (value == "true" || value == "false") && m.of(e).kind == KindAny {
		return Facts{} // what is not true need not be a bool, and so not false
	}
	return m.laws.Apply(Facts{}.Claims(Claim{Path: path, Value: value, Not: not}))
}

// lasting gives the text of an expression that means the same wherever it stands: it reads only
// names whose values do not change.
func (m *presence) lasting(e ast.Expr) (string, bool) {
	lasts := true
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			lasts = lasts && lastingName(e.AsIdent())
		case ast.ComprehensionKind:
			lasts = false
		}
	}))
	return m.text(e), lasts
}

func lastingName(name string) bool {
	return slices.Contains([]string{"event", "inputs", "run", "steps"}, name)
}

// conjuncts are the claims of which e is the conjunction.
func (m *presence) conjuncts(e ast.Expr) ([]Claim, bool) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
		a, okA := m.conjuncts(e.AsCall().Args()[0])
		b, okB := m.conjuncts(e.AsCall().Args()[1])
		return append(a, b...), okA && okB
	}
	// The contrary must follow from the contrary, or the claim says less than e.
	yes, no := m.when(e, true).claims, m.when(e, false).claims
	exact := slices.IndexFunc(yes, func(c Claim) bool { return slices.ContainsFunc(no, c.against) })
	if _, lasts := m.lasting(e); exact < 0 || !lasts {
		return nil, false
	}
	return yes[exact : exact+1], true
}
