package playbook

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place maps a line and column inside a scalar's value to the file: through quotes, escapes and
// folded lines. Where that fails it is the start of the scalar.
func (s *source) place(n *yaml.Node, line, column int) (int, int) {
	values := strings.Split(n.Value, "\n")
	if line < 1 || line > len(values) || n.Line > len(s.lines) {
		return n.Line, n.Column
	}
	if n.Style&yaml.LiteralStyle != 0 {
		return s.placeLiteral(n, values[line-1], line, column)
	}
	target := column - 1
	for _, before := range values[:line-1] {
		target += len([]rune(before)) + 1
	}
	a := aligner{style: n.Style, line: n.Line - 1, column: n.Column - 1, lines: s.lines}
	switch {
	case n.Style&yaml.FoldedStyle != 0:
		a.line, a.column = n.Line, 0
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		a.column++
	}
	if !a.walk([]rune(n.Value), target) {
		return n.Line, n.Column
	}
	return a.line + 1, a.column + 1
}

// placeLiteral finds a line of a literal block, which stands in the file as it is, indented.
func (s *source) placeLiteral(n *yaml.Node, value string, line, column int) (int, int) {
	at := n.Line + line // the first line is the one after the "|"
	if at > len(s.lines) || !strings.HasSuffix(s.lines[at-1], value) {
		return n.Line, n.Column
	}
	indent := len([]rune(s.lines[at-1])) - len([]rune(value))
	return at, indent + column
}

// aligner walks the text of a scalar in the file beside its value.
type aligner struct {
	style        yaml.Style
	lines        []string
	line, column int // from 0, in runes

	runes   []rune // of the line
	runesOf int    // which line that is, from 1
}

// walk goes to the place of the value's rune with number target, or to the end of the value.
func (a *aligner) walk(value []rune, target int) bool {
	for i, r := range value {
		if r != ' ' && r != '\t' && r != '\n' {
			if !a.skipSpace() {
				return false
			}
		}
		if i == target {
			return true
		}
		if !a.match(value, i) {
			return false
		}
	}
	return true
}

// rest is what is left of the line.
func (a *aligner) rest() []rune {
	if a.line >= len(a.lines) {
		return nil
	}
	if a.runesOf != a.line+1 {
		a.runes, a.runesOf = []rune(a.lines[a.line]), a.line+1
	}
	return a.runes[min(a.column, len(a.runes)):]
}

// skipSpace passes indentation, folded line breaks and line breaks that were escaped.
func (a *aligner) skipSpace() bool {
	for a.line < len(a.lines) {
		rest := a.rest()
		switch {
		case len(rest) == 0, string(rest) == `\` && a.style&yaml.DoubleQuotedStyle != 0:
			a.line, a.column = a.line+1, 0
		case rest[0] == ' ' || rest[0] == '\t':
			a.column++
		default:
			return true
		}
	}
	return false
}

// match passes what stands in the file for the value's rune with number i.
func (a *aligner) match(value []rune, i int) bool {
	rest, r := a.rest(), value[i]
	if len(rest) > 0 && rest[0] == '\\' && a.style&yaml.DoubleQuotedStyle != 0 && len(rest) > 1 {
		a.column += escapeLength(a.style, rest)
		return true
	}
	if r == ' ' || r == '\t' || r == '\n' {
		blank := !slices.ContainsFunc(rest, func(r rune) bool { return r != ' ' && r != '\t' })
		switch {
		case blank: // a fold; all of its lines at once
			return a.skipSpace() || i == len(value)-1
		case rest[0] == r:
			a.column++
		}
		return true // otherwise it was passed with the fold before it
	}
	if len(rest) == 0 || rest[0] != r {
		return false
	}
	a.column += escapeLength(a.style, rest)
	return true
}

// escapeLength is how many runes of the file stand for one of the value.
func escapeLength(style yaml.Style, at []rune) int {
	switch {
	case style&yaml.SingleQuotedStyle != 0 && len(at) > 1 && at[0] == '\'' && at[1] == '\'':
		return 2
	case style&yaml.DoubleQuotedStyle != 0 && len(at) > 1 && at[0] == '\\':
		if n, ok := map[rune]int{'x': 4, 'u': 6, 'U': 10}[at[1]]; ok {
			return n
		}
		return 2
	default:
		return 1
	}
}
