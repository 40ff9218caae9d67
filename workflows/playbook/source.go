package playbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
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
	maxKey   = 128 // bytes; YAML itself takes longer ones only in another notation
	// maxProblems is more than anyone reads, and keeps a hostile file from being answered at length.
	maxProblems = 100
)

// source is one file while it is read; it collects the problems found in it.
type source struct {
	file     string
	text     []byte
	lines    []string
	nodes    int
	problems Problems
	// kind is what the file is, where it is no playbook.
	kind string
}

// want says what should be in the file, and one says what of.
func (s *source) want() (want, one string) {
	if s.kind == "" {
		return "a playbook, which has at least the keys playbook, stage and steps", "playbook"
	}
	return s.kind, s.kind
}

func (s *source) report(rule string, line, column int, format string, args ...any) {
	if len(s.problems) == maxProblems {
		return
	}
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
	// Editors on Windows write a byte order mark and their own line breaks; neither means anything.
	text := bytes.TrimPrefix(s.text, []byte("\ufeff"))
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	s.lines = strings.Split(string(text), "\n")
	if !s.readable() {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		s.reportYAML(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		s.reportYAML(err)
		return nil
	default:
		_, one := s.want()
		s.reportAt(ruleSyntax, &second, "a second document begins here; want one %s a file", strings.TrimPrefix(one, "a "))
		return nil
	}
	s.inspect(&document, 0)
	if len(s.problems) > 0 || len(document.Content) == 0 {
		return nil
	}
	return document.Content[0]
}

// readable reports the first character that is not UTF-8 or that nobody sees.
func (s *source) readable() bool {
	for i, line := range s.lines {
		if !utf8.ValidString(line) {
			valid := strings.IndexFunc(line, func(r rune) bool { return r == utf8.RuneError })
			s.report(ruleSyntax, i+1, utf8.RuneCountInString(line[:valid])+1, "the file is not UTF-8")
			return false
		}
		if at := strings.IndexFunc(line, Hidden); at >= 0 {
			r, _ := utf8.DecodeRuneInString(line[at:])
			s.report(ruleSyntax, i+1, utf8.RuneCountInString(line[:at])+1, "the invisible character %U is refused: what a reviewer sees must be what runs", r)
			return false
		}
	}
	return true
}

// Hidden characters show nothing or reorder what is shown: controls, and the marks that turn the
// direction of text. YAML itself takes none of the controls outside quotes.
func Hidden(r rune) bool {
	switch {
	case r == '\t', r == '\n':
		return false
	case r < ' ', r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
		return true
	default:
		return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}
}

// yamlHints say what to do about the parser's more obscure messages, which come as text only. Of
// those about a block it tells where the block begins, not where it breaks.
var yamlHints = []struct {
	message, hint string
	block         bool
}{
	{message: "mapping values are not allowed", hint: "a value that holds \": \" must be in quotes, or on the lines after |-"},
	{message: "found character that cannot start any token", hint: "a value that begins with this character must be in quotes; indent with spaces, not tabs"},
	{message: "could not find expected ':'", hint: "every line of a mapping is key: value; check the indentation and the quotes up to here"},
	{message: "found unexpected end of stream", hint: "a quote is not closed"},
	{message: "did not find expected ','", hint: "a value inside {} or [] that holds , ? : [ ] { or } must be in quotes", block: true},
	{message: "did not find expected node content", hint: "something is missing between , : [ ] { or }", block: true},
	{message: "did not find expected key", hint: "check the indentation and the quotes", block: true},
	{message: "did not find expected '-' indicator", hint: "check the indentation", block: true},
	{message: "did not find expected <document start>", hint: "check the indentation", block: true},
}

// reportYAML takes the line out of the parser's message, which is the only place where it is.
func (s *source) reportYAML(err error) {
	if errors.Is(err, io.EOF) {
		want, _ := s.want()
		s.report(ruleSyntax, 1, 1, "the file is empty; want %s", want)
		return
	}
	line := 0
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if _, scanErr := fmt.Sscanf(message, "line %d:", &line); scanErr == nil {
		_, message, _ = strings.Cut(message, ": ")
	}
	for _, known := range yamlHints {
		if strings.HasPrefix(message, known.message) {
			message += "; " + known.hint
			if known.block { // its line is that of the block, counted from 0
				line, message = line+1, "in the block that begins here: "+message
			}
			break
		}
	}
	s.report(ruleSyntax, max(1, line), 1, "%s", message)
}

// inspect refuses what strict YAML has no place for. It stops at the first breach of a bound.
func (s *source) inspect(n *yaml.Node, depth int) bool {
	s.nodes++
	switch {
	case s.nodes > maxNodes:
		s.reportAt(ruleLimits, n, "the file has more than %d values", maxNodes)
		return false
	case depth > maxDepth:
		s.reportAt(ruleLimits, n, "the file is nested more than %d levels deep", maxDepth)
		return false
	case n.Kind == yaml.AliasNode:
		s.reportAt(ruleSyntax, n, "the alias *%s is refused: write the value out", n.Value)
		return true
	case n.Anchor != "":
		s.reportAt(ruleSyntax, n, "the anchor &%s is refused: write the value out where it is needed", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		s.reportAt(ruleSyntax, n, "the tag %s is refused: write the value without it", n.Tag)
	}
	if at := strings.IndexFunc(n.Value, Hidden); at >= 0 && n.Kind == yaml.ScalarNode {
		r, _ := utf8.DecodeRuneInString(n.Value[at:])
		s.reportAt(ruleSyntax, n, "the invisible character %U is refused: what a reviewer sees must be what runs", r)
	}
	if n.Kind == yaml.MappingNode {
		s.inspectKeys(n)
	}
	for _, child := range n.Content {
		if !s.inspect(child, depth+1) {
			return false
		}
	}
	return true
}

func (s *source) inspectKeys(n *yaml.Node) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch first, twice := seen[key.Value]; {
		case key.Tag == "!!merge":
			s.reportAt(ruleSyntax, key, "the merge key << is refused: write the keys out")
		case key.Kind == yaml.AliasNode: // inspect reports it
		case key.Kind != yaml.ScalarNode:
			s.reportAt(ruleSyntax, key, "a key is a word; got %s", form(key))
		case len(key.Value) > maxKey:
			s.reportAt(ruleLimits, key, "the key is %d bytes long; at most %d are read", len(key.Value), maxKey)
		case twice:
			s.reportAt(ruleDuplicateKey, key, "the key %q is already at line %d", key.Value, first.Line)
		default:
			seen[key.Value] = key
		}
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
	case "!!bool":
		var v bool
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("%q is not a bool; want true or false", n.Value)
		}
		return v, nil
	case "!!int":
		var v int64
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("the number %s is too large; want at most %d", n.Value, math.MaxInt64)
		}
		return v, nil
	case "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value), nil // the digits as written: 1.0 stays apart from 1
		}
		var v float64
		if err := n.Decode(&v); err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%q is not a number that can be kept", n.Value)
		}
		digits := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(digits, ".e") {
			digits += ".0"
		}
		return json.Number(digits), nil
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
