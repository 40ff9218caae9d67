package expr

import (
	"slices"
	"strings"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
)

// Text is a place where text that somebody else wrote gets into the value of an expression.
type Text struct {
	Line, Column int    // as in a Problem
	Path         string // where the text comes from, as the author wrote it
	Before       string // what a template says before it
}

// Texts finds the text of others that may be in the value: what hostile paths hold, unless it was
// compared with constants before. Numbers, bools and times are no text.
func (p *Program) Texts(env *Env, hostile func(path string) bool, known Facts, laws *Laws) []Text {
	if p.checked == nil {
		if path := p.pathName(); isText(p.result) && hostile(path) && !known.constant(path) {
			return []Text{{Line: 1, Column: 1, Path: path}}
		}
		return nil
	}
	w := &texts{presence: p.presence(env, laws), hostile: hostile, tainted: map[string]bool{}}
	w.walk(p.checked.Expr(), laws.Apply(known))
	return w.found
}

// Texts finds the text of others that may be in what is rendered, as [Program.Texts] does.
func (t *Template) Texts(env *Env, hostile func(path string) bool, known Facts, laws *Laws) []Text {
	var all []Text
	before := ""
	for _, p := range t.parts {
		if p.program == nil {
			before += p.literal
			continue
		}
		for _, one := range p.program.Texts(env, hostile, known, laws) {
			at := Problem{Line: one.Line, Column: one.Column}.after(t.source, p.offset)
			one.Line, one.Column, one.Before = at.Line, at.Column, before
			all = append(all, one)
		}
		before += "${}"
	}
	return all
}

// constant reports whether what stands at a path is one of some constants.
func (f Facts) constant(path string) bool {
	return f.never || slices.ContainsFunc(f.of(path), func(c Claim) bool { return !c.Not }) || f.has(Claim{Path: amongConstants(path), Value: "true"})
}

// amongConstants names the claim that what stands at a path is one of some constants.
func amongConstants(path string) string { return "constant(" + path + ")" }

func isText(t *Type) bool {
	switch t.kind {
	case KindNull, KindBool, KindInt, KindDouble, KindTimestamp, KindDuration:
		return false
	default:
		return true
	}
}

type texts struct {
	*presence

	hostile func(path string) bool
	tainted map[string]bool // names of macros, as they are called in paths
	found   []Text
}

func (w *texts) walk(e ast.Expr, f Facts) {
	if !isText(w.of(e)) {
		return
	}
	if path, ok := w.path(e); ok {
		root, _, _ := strings.Cut(path, ".")
		if (w.hostile(path) || w.tainted[root]) && !f.constant(path) {
			line, column := w.start(e)
			w.found = append(w.found, Text{Line: line, Column: column, Path: w.text(e)})
		}
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		w.walk(e.AsSelect().Operand(), f)
	case ast.CallKind:
		w.call(e.AsCall(), f)
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			w.walk(item, f)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			w.walk(entry.AsMapEntry().Value(), f)
		}
	case ast.ComprehensionKind:
		w.loop(e.AsComprehension(), f)
	}
}

func (w *texts) call(call ast.CallExpr, f Facts) {
	args := call.Args()
	if call.FunctionName() == operators.Conditional {
		w.walk(args[1], w.and(f, w.when(args[0], true)))
		w.walk(args[2], w.and(f, w.when(args[0], false)))
		return
	}
	if call.IsMemberFunction() {
		w.walk(call.Target(), f)
	}
	for _, arg := range args {
		w.walk(arg, f)
	}
}

// loop visits what is gathered; what an item is made of, it holds.
func (w *texts) loop(c ast.ComprehensionExpr, f Facts) {
	before := len(w.found)
	w.walk(c.IterRange(), f)
	over := w.found[before:]
	w.found = w.found[:before]
	leave := w.bind(c.IterVar(), w.item(c))
	leave = both(leave, w.bind(c.AccuVar(), nil))
	if c.HasIterVar2() {
		leave = both(leave, w.bind(c.IterVar2(), nil))
	}
	for _, name := range []string{c.IterVar(), c.IterVar2()} {
		w.tainted[w.names[name]] = len(over) > 0 && name != ""
	}
	w.walk(c.AccuInit(), f)
	w.walk(c.LoopStep(), f)
	leave()
}

// start is where an expression begins: that of the first name in it.
func (w *texts) start(e ast.Expr) (line, column int) {
	for {
		switch {
		case e.Kind() == ast.SelectKind:
			e = e.AsSelect().Operand()
		case e.Kind() == ast.CallKind && len(e.AsCall().Args()) > 0:
			e = e.AsCall().Args()[0]
		default:
			return w.at(e)
		}
	}
}
