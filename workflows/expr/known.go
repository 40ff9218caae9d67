package expr

import (
	"slices"
	"sync"

	"github.com/google/cel-go/common/ast"
)

// known keeps programs that were checked. Playbooks of a library say the same thing again and again,
// as do the plans of a worker's runs, and checking is what compiling them costs most.
//
// Two environments give an expression the same meaning if all that it reads has the same type in
// both. So a program is kept with what it reads and the types of that, and found again where those
// are the same. An expression with a mistake is not kept: the hints in messages differ.
var known = struct {
	sync.Mutex

	bySource map[string]*meanings
	programs int
}{bySource: map[string]*meanings{}}

// Bounds on the memory, and on the time of a search. When one is reached, what it bounds is forgotten.
const (
	maxKnown    = 2048
	maxMeanings = 16 // of one text
)

// meanings are the programs that one text stands for, by the types of what it reads.
type meanings struct {
	reads    [][]string
	programs []meaning
}

type meaning struct {
	types   []*Type
	program *Program
}

// recall finds a program that was kept.
func (e *Env) recall(source string) *Program {
	known.Lock()
	defer known.Unlock()
	m := known.bySource[source]
	if m == nil {
		return nil
	}
	types := e.typesOf(m.reads)
	for _, one := range m.programs {
		if slices.EqualFunc(one.types, types, same) {
			return one.program
		}
	}
	return nil
}

// keep keeps a program for expressions with the same meaning.
func (e *Env) keep(p *Program, parsed *ast.AST) {
	reads := pathsOf(parsed)
	known.Lock()
	defer known.Unlock()
	if known.programs >= maxKnown {
		clear(known.bySource)
		known.programs = 0
	}
	m := known.bySource[p.source]
	if m == nil || len(m.programs) == maxMeanings {
		m = &meanings{reads: reads}
		known.bySource[p.source] = m
	}
	m.programs = append(m.programs, meaning{e.typesOf(reads), p})
	known.programs++
}

// same reports whether two types say the same, also of the values that texts can have: a result has
// the values of what it is made of.
func same(a, b *Type) bool {
	if a == b {
		return true
	}
	return a != nil && b != nil && a.Same(b) && sameValues(a, b)
}

func sameValues(a, b *Type) bool {
	if a == b {
		return true
	}
	if !slices.Equal(a.values, b.values) || a.elem != nil && !sameValues(a.elem, b.elem) {
		return false
	}
	for i, f := range a.fields {
		if !sameValues(f.Type, b.fields[i].Type) {
			return false
		}
	}
	return true
}

// typesOf gives the type of each path, or of as much of it as is certainly there: the rest is a part
// of that type. It is nil if the first name is none of ours, such as a variable of a macro.
func (e *Env) typesOf(paths [][]string) []*Type {
	types := make([]*Type, len(paths))
	for i, path := range paths {
		next := e.vars[path[0]]
		for _, name := range path[1:] {
			if next == nil {
				break
			}
			types[i] = next
			next = next.member(name)
		}
		if next != nil {
			types[i] = next
		}
	}
	return types
}

// pathsOf finds what an expression reads: names, each with the fields that are selected of it.
func pathsOf(parsed *ast.AST) [][]string {
	var reads [][]string
	for _, e := range ast.MatchDescendants(ast.NavigateAST(parsed), ast.KindMatcher(ast.IdentKind)) {
		path := []string{e.AsIdent()}
		for {
			parent, ok := e.Parent()
			if !ok || parent.Kind() != ast.SelectKind || parent.AsSelect().IsTestOnly() {
				break
			}
			path = append(path, parent.AsSelect().FieldName())
			e = parent
		}
		reads = append(reads, path)
	}
	return reads
}
