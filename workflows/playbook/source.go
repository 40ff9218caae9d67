package playbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Bounds on a file: a playbook is hostile until it is checked.
const (
	MaxSize  = 256 << 10 // bytes
	maxDepth = 32
	maxNodes = 10_000
)

// source is one file while it is read; it collects the problems found in it.
type source struct {
	file     string
	text     []byte
	lines    []string
	problems Problems
}

func (s *source) report(rule string, line, column int, format string, args ...any) {
	s.problems = append(s.problems, Problem{File: s.file, Line: line, Column: column, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

func (s *source) reportAt(rule string, n *yaml.Node, format string, args ...any) {
	s.report(rule, n.Line, n.Column, format, args...)
}

// read returns the root of the document, or nil when problems forbid to go on.
func (s *source) read() *yaml.Node {
	if len(s.text) > MaxSize {
		s.report(ruleLimits, 1, 1, "the file is %d bytes; at most %d are read", len(s.text), MaxSize)
		return nil
	}
	if !utf8.Valid(s.text) {
		s.report(ruleSyntax, 1, 1, "the file is not UTF-8")
		return nil
	}
	s.lines = strings.Split(string(s.text), "\n")
	decoder := yaml.NewDecoder(bytes.NewReader(s.text))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		s.reportYAML(err)
		return nil
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		s.report(ruleSyntax, 1, 1, "the file holds more than one document; want one playbook a file")
		return nil
	}
	nodes := 0
	s.inspect(&document, 0, &nodes)
	if len(s.problems) > 0 || len(document.Content) == 0 {
		return nil
	}
	return document.Content[0]
}

// reportYAML takes the line out of the parser's message, which is the only place where it is.
func (s *source) reportYAML(err error) {
	if errors.Is(err, io.EOF) {
		s.report(ruleSyntax, 1, 1, "the file is empty; want a playbook")
		return
	}
	line := 1
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if _, scanErr := fmt.Sscanf(message, "line %d:", &line); scanErr == nil {
		_, message, _ = strings.Cut(message, ": ")
	}
	s.report(ruleSyntax, max(1, line), 1, "%s", message)
}

// inspect refuses what strict YAML has no place for. It stops at the first breach of a bound.
func (s *source) inspect(n *yaml.Node, depth int, nodes *int) {
	*nodes++
	switch {
	case *nodes > maxNodes:
		if *nodes == maxNodes+1 {
			s.reportAt(ruleLimits, n, "the file has more than %d nodes", maxNodes)
		}
		return
	case depth > maxDepth:
		s.reportAt(ruleLimits, n, "the file is nested more than %d levels deep", maxDepth)
		return
	case n.Kind == yaml.AliasNode:
		s.reportAt(ruleSyntax, n, "aliases are refused: write the value out")
		return
	case n.Anchor != "":
		s.reportAt(ruleSyntax, n, "anchors are refused: write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		s.reportAt(ruleSyntax, n, "tags are refused: write the value without %s", n.Tag)
	}
	if n.Kind == yaml.MappingNode {
		s.inspectKeys(n)
	}
	for _, child := range n.Content {
		s.inspect(child, depth+1, nodes)
	}
}

func (s *source) inspectKeys(n *yaml.Node) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			s.reportAt(ruleSyntax, key, "keys are plain words")
			continue
		}
		if first, twice := seen[key.Value]; twice {
			s.reportAt(ruleDuplicateKey, key, "the key %q is already at line %d", key.Value, first.Line)
		}
		seen[key.Value] = key
	}
}

// tree gives a node as JSON does. What YAML calls a timestamp is the text that was written.
func tree(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			value, err := tree(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out[n.Content[i].Value] = value
		}
		return out, nil
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if out[i], err = tree(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	default:
		return scalar(n)
	}
}

func scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!null":
		return nil, nil
	case "!!bool", "!!int":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("read %q: %w", n.Value, err)
		}
		return v, nil
	case "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value), nil // the digits as written: 1.0 stays apart from 1
		}
		var v float64
		if err := n.Decode(&v); err != nil || v != v || v > 1e300 || v < -1e300 {
			return nil, fmt.Errorf("%q is not a number that can be kept", n.Value)
		}
		return v, nil
	default:
		return n.Value, nil
	}
}

// reportInside reports problems that were found inside a scalar's text at their places in the file.
func (s *source) reportInside(rule string, n *yaml.Node, problems []expr.Problem) {
	for _, p := range problems {
		line, column := s.place(n, p.Line, p.Column)
		s.report(rule, line, column, "%s", strings.ReplaceAll(p.Message, "\n", " "))
	}
}

// place maps a line and column inside a scalar's value to the file. Where folding has moved the
// text, it is the start of the scalar.
func (s *source) place(n *yaml.Node, line, column int) (int, int) {
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		at := n.Line + line
		if at > len(s.lines) {
			return n.Line, n.Column
		}
		text := s.lines[n.Line] // the line after the "|", which sets the indentation
		return at, len(text) - len(strings.TrimLeft(text, " ")) + column
	case n.Style&yaml.FoldedStyle != 0 || line > 1 || n.Line > len(s.lines):
		return n.Line, n.Column
	}
	runes := []rune(s.lines[n.Line-1])
	at := n.Column - 1
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		at++
	}
	for i := 1; i < column && at < len(runes); i++ {
		at += escapeLength(n.Style, runes[at:])
	}
	if at > len(runes) {
		return n.Line, n.Column
	}
	return n.Line, at + 1
}

// escapeLength is how many runes of a quoted scalar stand for one of its value.
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
