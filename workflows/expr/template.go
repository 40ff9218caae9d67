package expr

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Template is a string with "${expression}" in it. One that is a single expression keeps that
// expression's type; any other gives a string. "$${" writes a literal "${".
type Template struct {
	source string
	parts  []part
	result *Type
}

// part is a literal piece, or an expression when program is set.
type part struct {
	literal string
	program *Program
	offset  int // in bytes, of the expression
}

// CompileTemplate checks a string and its result type. Positions count inside the string.
func (e *Env) CompileTemplate(source string, want *Type) (*Template, []Problem) {
	pieces, problem := split(source)
	if problem != nil {
		return nil, []Problem{*problem}
	}
	t := &Template{source: source, result: String}
	var problems []Problem
	for _, piece := range pieces {
		if !piece.isExpr {
			t.parts = append(t.parts, part{literal: piece.text})
			continue
		}
		wanted := Any
		if len(pieces) == 1 {
			wanted = want
		}
		program, found := e.Compile(piece.text, wanted)
		if program != nil && len(pieces) > 1 && !printable(program.result) {
			found = []Problem{{Line: 1, Column: 1, Message: fmt.Sprintf("%s cannot be put into text; choose a part of it", article(program.result.kind))}}
		}
		for _, p := range found {
			problems = append(problems, p.after(source, piece.offset))
		}
		t.parts = append(t.parts, part{program: program, offset: piece.offset})
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if len(t.parts) == 1 && t.parts[0].program != nil {
		t.result = t.parts[0].program.result
	} else if !want.Accepts(String) {
		return nil, []Problem{{Line: 1, Column: 1, Message: fmt.Sprintf("a string stands here; want %s", want)}}
	}
	return t, nil
}

// Source returns the text of the template.
func (t *Template) Source() string { return t.source }

// Type returns the type of the result.
func (t *Template) Type() *Type { return t.result }

// Stable reports whether two renderings of the same values are proved to agree.
func (t *Template) Stable() bool {
	for _, p := range t.parts {
		if p.program != nil && !p.program.Stable() {
			return false
		}
	}
	return true
}

// Missing finds what the expressions of the template read though it may not be there, as
// [Program.Missing] does.
func (t *Template) Missing(env *Env, known Facts, laws *Laws) []Missing {
	var all []Missing
	for _, p := range t.parts {
		if p.program == nil {
			continue
		}
		for _, m := range p.program.Missing(env, known, laws) {
			at := Problem{Line: m.Line, Column: m.Column}.after(t.source, p.offset)
			m.Line, m.Column = at.Line, at.Column
			all = append(all, m)
		}
	}
	return all
}

// Eval renders the template over values that were made by Type.Decode, and returns JSON.
func (t *Template) Eval(values map[string]any) (json.RawMessage, error) {
	if len(t.parts) == 1 && t.parts[0].program != nil {
		return t.parts[0].program.Eval(values)
	}
	var out strings.Builder
	for _, p := range t.parts {
		text := p.literal
		if p.program != nil {
			raw, err := p.program.Eval(values)
			if err != nil {
				return nil, err
			}
			if text, err = p.program.text(raw); err != nil {
				return nil, err
			}
		}
		if out.WriteString(text); out.Len() > MaxResult {
			return nil, fmt.Errorf("render %s: the text is longer than %d bytes", quote(t.source), MaxResult)
		}
	}
	return json.Marshal(out.String())
}

// text writes a result for a person: strings bare, everything else as JSON writes it.
func (p *Program) text(raw json.RawMessage) (string, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	if c := raw[0]; c == '{' || c == '[' || string(raw) == "null" {
		return "", fmt.Errorf("evaluate %s: %s cannot be put into text", quote(p.source), quote(string(raw)))
	}
	return string(raw), nil
}

func printable(t *Type) bool {
	switch t.kind {
	case KindList, KindMap, KindObject, KindNull:
		return false
	default:
		return true
	}
}

func article(k Kind) string {
	if k == KindObject {
		return "an object"
	}
	return "a " + string(k)
}

// piece is what split finds: literal text or the source of an expression, and where it starts.
type piece struct {
	text   string
	isExpr bool
	offset int // in bytes
}

// IsTemplate reports whether s holds anything for a template to do.
func IsTemplate(s string) bool { return strings.Contains(s, "${") }

func split(source string) ([]piece, *Problem) {
	var pieces []piece
	literal := strings.Builder{}
	literalAt := 0
	flush := func(next int) {
		if literal.Len() > 0 {
			pieces = append(pieces, piece{text: literal.String(), offset: literalAt})
			literal.Reset()
		}
		literalAt = next
	}
	for i := 0; i < len(source); {
		switch {
		case strings.HasPrefix(source[i:], "$${"):
			literal.WriteString("${")
			i += len("$${")
		case strings.HasPrefix(source[i:], "${"):
			start := i + len("${")
			length := closingBrace(source[start:])
			if length < 0 {
				p := Problem{Line: 1, Column: 1, Message: `"${" is not closed; write "$${" for the characters themselves`}
				p = p.after(source, i)
				return nil, &p
			}
			flush(start + length + 1)
			pieces = append(pieces, piece{text: source[start : start+length], isExpr: true, offset: start})
			i = start + length + 1
		default:
			literal.WriteByte(source[i])
			i++
		}
	}
	flush(len(source))
	if len(pieces) == 0 {
		pieces = []piece{{}}
	}
	return pieces, nil
}

// closingBrace returns the length of the CEL expression that s begins with, up to its "}", or -1.
// It knows CEL's strings and comments, in which braces mean nothing.
func closingBrace(s string) int {
	depth := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '}' && depth == 0:
			return i
		case c == '{':
			depth++
			i++
		case c == '}':
			depth--
			i++
		case strings.HasPrefix(s[i:], "//"):
			end := strings.IndexByte(s[i:], '\n')
			if end < 0 {
				return -1
			}
			i += end
		case c == '"' || c == '\'':
			raw := i > 0 && strings.ContainsRune("rR", rune(s[i-1]))
			n := stringEnd(s[i:], raw)
			if n < 0 {
				return -1
			}
			i += n
		default:
			i++
		}
	}
	return -1
}

// stringEnd returns the length of the CEL string literal that s begins with, or -1.
func stringEnd(s string, raw bool) int {
	fence := s[:1]
	if triple := strings.Repeat(fence, 3); strings.HasPrefix(s, triple) {
		fence = triple
	}
	for i := len(fence); i < len(s); {
		switch {
		case s[i] == '\\' && !raw:
			i += 2
		case strings.HasPrefix(s[i:], fence):
			return i + len(fence)
		default:
			i++
		}
	}
	return -1
}

// after moves a problem inside an expression to its place in the text around it.
func (p Problem) after(source string, offset int) Problem {
	before := source[:offset]
	if p.Line == 1 {
		p.Column += len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	}
	p.Line += strings.Count(before, "\n")
	return p
}

// ParseDuration reads a duration as authors write it: 30s, 5m, 12h, 3d (a day is 24 hours).
func ParseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		d, err := time.ParseDuration(days + "h")
		if err != nil || d > 365*time.Hour {
			return 0, fmt.Errorf("%q is not a duration; want 30s, 5m, 12h or 3d", s)
		}
		return d * 24, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; want 30s, 5m, 12h or 3d", s)
	}
	return d, nil
}
