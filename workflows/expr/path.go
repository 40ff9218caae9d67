package expr

import (
	"errors"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
)

// path compiles an expression that is names joined by dots and nothing else, inputs.account: most
// expressions of a playbook are. Its type follows from the names, so that nothing needs to be parsed
// before it is evaluated. It returns nil for what is anything else, or has a mistake: check tells.
func (e *Env) path(source string) *Program {
	names := strings.Split(strings.TrimSpace(source), ".")
	if len(source) > maxPath || len(names) > maxNames {
		return nil
	}
	var t *Type
	for i, name := range names {
		switch {
		case !isName(name):
			return nil
		case i == 0:
			t = e.vars[name]
		default:
			t = t.member(name)
		}
		if t == nil {
			return nil
		}
	}
	p := newProgram(source, t, func(options ...cel.ProgramOption) (cel.Program, error) {
		p, problems := e.check(source)
		if len(problems) > 0 {
			return nil, errors.New(problems[0].Message)
		}
		return p.plan(options...)
	})
	p.stable, p.paths = true, [][]string{names}
	return p
}

// Longer than any path in use, and shorter than what CEL refuses.
const (
	maxPath  = 256 // bytes
	maxNames = MaxDepth / 2
)

// member is the type of a field, or of an entry, that is always there, nil where that is not certain.
func (t *Type) member(name string) *Type {
	switch t.kind {
	case KindAny:
		return Any
	case KindObject, KindMap:
		if f, ok := t.Field(name); ok && !f.Optional {
			return f.Type
		}
	}
	return nil
}

// isName recognises what CEL takes for a name in every place.
func isName(s string) bool {
	for i, r := range []byte(s) {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != "" && !slices.Contains(reserved, s)
}

// reserved are the words that CEL keeps for itself:
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
var reserved = []string{
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let",
	"loop", "namespace", "null", "package", "return", "true", "var", "void", "while",
}
