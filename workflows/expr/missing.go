package expr

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// Missing is a place where an expression reads what may not be there.
type Missing struct {
	Line, Column int    // as in a Problem
	Path         string // what is read, as the author wrote it
	Field        Field  // what is known of it; an entry of a map has no Type
	Never        bool   // it is not there in any run
	Near         string // then: "; did you mean ..."
	Value        string // what is compared with it and is not among its values, which is another mistake
	// Instead is the expression around it, asking; empty where no value could stand in.
	Instead string
	// Ask is a condition under which it is there.
	Ask string
}

// Missing finds what the expression reads at a place where the facts hold though it may not be
// there. What asks first is no such place: has(a.b) && a.b == 1, has(a.b) ? a.b : 1, a.?b.
func (p *Program) Missing(env *Env, known Facts, laws *Laws) []Missing {
	if p.checked == nil {
		return nil // all of a path is there
	}
	m := p.presence(env, laws)
	m.walk(p.checked.Expr(), laws.Apply(known), nil)
	return m.found
}

// When returns what is known where the expression gives true, or false.
func (p *Program) When(env *Env, gives bool, known Facts, laws *Laws) Facts {
	if p.checked == nil {
		return laws.Apply(known.Claims(Claim{Path: p.pathName(), Value: strconv.FormatBool(gives)}))
	}
	if holds, ok := p.constant(); ok && holds != gives {
		return Nowhere()
	}
	m := p.presence(env, laws)
	return m.and(laws.Apply(known), m.when(p.checked.Expr(), gives))
}

// Claims returns the claims that hold exactly where the expression gives true; ok is false where
// it says something else, or something of names that change: of vars, or of an item.
func (p *Program) Claims(env *Env) (claims []Claim, ok bool) {
	if p.checked == nil {
		root, _, _ := strings.Cut(p.pathName(), ".")
		return []Claim{{Path: p.pathName(), Value: "true"}}, lastingName(root)
	}
	return p.presence(env, nil).conjuncts(p.checked.Expr())
}

// constant evaluates a condition that reads nothing.
func (p *Program) constant() (holds, ok bool) {
	if len(p.paths) > 0 {
		return false, false
	}
	holds, err := p.Holds(nil)
	return holds, err == nil
}

// pathName is the path that a program reads which does nothing else.
func (p *Program) pathName() string { return strings.TrimSpace(p.source) }

func (p *Program) presence(env *Env, laws *Laws) *presence {
	return &presence{
		shapes: shapes{env: env, objects: &objects{vars: env.vars}, checked: p.checked, local: map[string]*Type{}},
		laws:   laws, names: map[string]string{}, told: map[string]bool{},
	}
}

// presence walks a checked expression with what is known at each place of it.
type presence struct {
	shapes

	laws  *Laws
	names map[string]string // what a name of a macro is called in paths: two of one name differ
	count int
	told  map[string]bool
	found []Missing
}

// and adds g to f, in which nothing is left to follow.
func (m *presence) and(f, g Facts) Facts { return m.laws.follow(f.And(g), g.claims) }

// walk visits e where f holds. chain is the longest chain of fields that e begins, nil if e is no
// part of one.
func (m *presence) walk(e ast.Expr, f Facts, chain ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		m.selection(e, f, chain)
	case ast.CallKind:
		m.call(e, f, chain)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			m.walk(item, f, nil)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			m.walk(entry.AsMapEntry().Key(), f, nil)
			m.walk(entry.AsMapEntry().Value(), f, nil)
		}
	case ast.ComprehensionKind:
		m.loop(e.AsComprehension(), f)
	}
}

func (m *presence) selection(e ast.Expr, f Facts, chain ast.Expr) {
	s := e.AsSelect()
	if s.IsTestOnly() {
		m.walk(s.Operand(), f, nil)
		return
	}
	if chain == nil {
		chain = e
	}
	m.walk(s.Operand(), f, chain)
	m.read(e, s.Operand(), s.FieldName(), f, chain)
}

func (m *presence) call(e ast.Expr, f Facts, chain ast.Expr) {
	call := e.AsCall()
	args := call.Args()
	switch call.FunctionName() {
	case operators.LogicalAnd: // in either order: an error beside false is false
		m.walk(args[0], m.and(f, m.when(args[1], true)), nil)
		m.walk(args[1], m.and(f, m.when(args[0], true)), nil)
		return
	case operators.LogicalOr:
		m.walk(args[0], m.and(f, m.when(args[1], false)), nil)
		m.walk(args[1], m.and(f, m.when(args[0], false)), nil)
		return
	case operators.Conditional:
		m.walk(args[0], f, nil)
		m.walk(args[1], m.and(f, m.when(args[0], true)), nil)
		m.walk(args[2], m.and(f, m.when(args[0], false)), nil)
		return
	case operators.Equals, operators.NotEquals:
		m.values(args[0], args[1], f)
		m.values(args[1], args[0], f)
	case operators.In:
		if args[1].Kind() == ast.ListKind {
			for _, item := range args[1].AsList().Elements() {
				m.values(args[0], item, f)
			}
		}
	case operators.Index:
		if chain == nil {
			chain = e
		}
		m.walk(args[0], f, chain)
		m.walk(args[1], f, nil)
		if name, ok := constantString(args[1]); ok {
			m.read(e, args[0], name, f, chain)
		} else if _, ok := m.path(args[1]); ok {
			m.read(e, args[0], "", f, chain)
		}
		return
	case operators.OptSelect, operators.OptIndex:
		m.walk(args[0], f, chain)
		if len(args) > 1 && args[1].Kind() != ast.LiteralKind {
			m.walk(args[1], f, nil)
		}
		return
	case "value":
		if call.IsMemberFunction() && m.optional(call.Target()) {
			m.unwrap(call.Target(), f)
		}
	}
	if call.IsMemberFunction() {
		m.walk(call.Target(), f, nil)
	}
	for _, arg := range args {
		m.walk(arg, f, nil)
	}
}

// values looks at a constant that a value is compared with, which must be one that it can have.
func (m *presence) values(e, with ast.Expr, f Facts) {
	is, ok := constantString(with)
	if !ok || f.never {
		return
	}
	values := m.of(e).values
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "orValue" && e.AsCall().IsMemberFunction() {
		if otherwise, ok := constantString(e.AsCall().Args()[0]); ok && len(values) > 0 {
			values = append(slices.Clip(values), otherwise)
		}
	}
	if len(values) > 0 && !slices.Contains(values, is) {
		line, column := m.at(with)
		m.found = append(m.found, Missing{Line: line, Column: column, Path: m.text(e), Value: is, Never: true, Near: DidYouMean(is, values)})
	}
}

// loop visits a comprehension. What its names mean inside it, nothing outside knows.
func (m *presence) loop(c ast.ComprehensionExpr, f Facts) {
	m.walk(c.IterRange(), f, nil)
	m.walk(c.AccuInit(), f, nil)
	over, keyed := m.path(c.IterRange())
	keyed = keyed && m.of(c.IterRange()).kind == KindMap
	leave := m.bind(c.IterVar(), m.item(c))
	if keyed {
		f = f.There(over + "[" + m.names[c.IterVar()] + "]")
	}
	leave = both(leave, m.bind(c.AccuVar(), nil))
	if c.HasIterVar2() {
		leave = both(leave, m.bind(c.IterVar2(), nil))
	}
	m.walk(c.LoopCondition(), f, nil)
	m.walk(c.LoopStep(), f, nil)
	m.walk(c.Result(), f, nil)
	leave()
}

func both(a, b func()) func() { return func() { b(); a() } }

// bind gives a name of a macro a type, and a name in paths.
func (m *presence) bind(name string, t *Type) (leave func()) {
	before, had := m.names[name]
	m.count++
	m.names[name] = fmt.Sprintf("%s#%d", name, m.count)
	leaveType := m.enter(name, t)
	return func() {
		leaveType()
		if delete(m.names, name); had {
			m.names[name] = before
		}
	}
}

// read looks at a field or an entry that e reads of operand. An entry whose key is not constant has
// no name.
func (m *presence) read(e, operand ast.Expr, name string, f Facts, chain ast.Expr) {
	if f.never || m.optional(operand) {
		return
	}
	path, known := m.path(e)
	if known && f.isThere(path) {
		return
	}
	outer := m.of(operand)
	field, has := outer.Field(name)
	switch {
	case outer.kind == KindObject && has && field.Optional:
		m.tell(e, field, path, chain)
	case outer.kind == KindMap && has:
		if field.Optional {
			m.tell(e, field, path, chain)
		}
	case outer.kind == KindMap && len(outer.fields) > 0 && name != "":
		if !m.told[path] {
			m.told[path] = true
			line, column := m.at(e)
			m.found = append(m.found, Missing{
				Line: line, Column: column, Path: m.text(operand), Field: Field{Name: name}, Never: true, Near: DidYouMean(name, outer.FieldNames()),
			})
		}
	case outer.kind == KindMap && known:
		m.tell(e, Field{Name: name, Optional: true, Why: "a map holds whatever keys it was given"}, path, chain)
	}
}

// unwrap looks at what .value() takes out of an optional value.
func (m *presence) unwrap(target ast.Expr, f Facts) {
	for _, path := range m.asked(target) {
		if !f.never && !f.isThere(path) {
			m.tell(target, Field{Optional: true, Why: "it is asked for with ?, and .value() fails where there is none"}, path, nil)
			return
		}
	}
}

func (m *presence) tell(e ast.Expr, field Field, path string, chain ast.Expr) {
	text := m.text(e)
	if path == "" {
		path = text
	}
	if m.told[path] {
		return
	}
	m.told[path] = true
	line, column := m.at(e)
	m.found = append(m.found, Missing{Line: line, Column: column, Path: text, Field: field, Instead: m.instead(e, chain), Ask: cmp.Or(field.Ask, m.question(e))})
}

// question asks whether what e reads is there.
func (m *presence) question(e ast.Expr) string {
	switch {
	case m.optional(e):
		return m.text(e) + ".hasValue()"
	case e.Kind() == ast.CallKind:
		return m.text(e.AsCall().Args()[1]) + " in " + m.text(e.AsCall().Args()[0])
	default:
		return "has(" + m.text(e) + ")"
	}
}

// instead writes a chain of fields again, asking for one of them.
func (m *presence) instead(e, chain ast.Expr) string {
	if chain == nil {
		return ""
	}
	otherwise, ok := map[Kind]string{
		KindString: `""`, KindInt: "0", KindDouble: "0.0", KindBool: "false", KindList: "[]", KindMap: "{}",
	}[m.of(chain).kind]
	if !ok {
		return ""
	}
	return m.asking(chain, e) + ".orValue(" + otherwise + ")"
}

func (m *presence) asking(e, missing ast.Expr) string {
	question := ""
	if e == missing {
		question = "?"
	}
	switch {
	case e.Kind() == ast.SelectKind:
		return m.asking(e.AsSelect().Operand(), missing) + "." + question + e.AsSelect().FieldName()
	case e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Index:
		return m.asking(e.AsCall().Args()[0], missing) + "[" + question + m.text(e.AsCall().Args()[1]) + "]"
	default:
		return m.text(e)
	}
}

// path names what e reads: fields, and entries under constant keys or keys that are paths.
func (m *presence) path(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		if renamed, ok := m.names[e.AsIdent()]; ok {
			return renamed, true
		}
		return e.AsIdent(), true
	case ast.SelectKind:
		s := e.AsSelect()
		outer, ok := m.path(s.Operand())
		return within(outer, s.FieldName()), ok && !s.IsTestOnly()
	case ast.CallKind:
		call := e.AsCall()
		if fn := call.FunctionName(); fn != operators.Index && fn != operators.OptSelect && fn != operators.OptIndex {
			return "", false
		}
		outer, ok := m.path(call.Args()[0])
		if !ok {
			return "", false
		}
		key := call.Args()[1]
		if name, ok := constantString(key); ok {
			return within(outer, name), true
		}
		if key.Kind() == ast.LiteralKind {
			return outer + "[" + constant(key.AsLiteral()) + "]", true
		}
		inner, ok := m.path(key)
		return outer + "[" + inner + "]", ok
	}
	return "", false
}

// asked returns the paths that are there where the optional value e is there.
func (m *presence) asked(e ast.Expr) []string {
	path, ok := m.path(e)
	if !ok || !m.optional(e) {
		return nil
	}
	switch e.Kind() {
	case ast.SelectKind:
		return append(m.asked(e.AsSelect().Operand()), path)
	case ast.CallKind:
		return append(m.asked(e.AsCall().Args()[0]), path)
	default:
		return nil
	}
}

func (m *presence) at(e ast.Expr) (line, column int) {
	location := m.checked.SourceInfo().GetStartLocation(e.ID())
	return max(1, location.Line()), max(0, location.Column()) + 1
}

func (m *presence) text(e ast.Expr) string {
	text, err := cel.ExprToString(e, m.checked.SourceInfo())
	if err != nil {
		return "the value"
	}
	return text
}

// constant writes a literal in the one way in which claims are compared.
func constant(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return strconv.Quote(string(v))
	case types.Null:
		return "null"
	default:
		return fmt.Sprint(v.Value())
	}
}
