package takeback

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// write gives the document its text.
func (d *document) write() ([]byte, error) {
	name, err := d.name()
	if err != nil {
		return nil, err
	}
	steps := &yaml.Node{Kind: yaml.SequenceNode}
	for i, b := range d.blocks {
		steps.Content = append(steps.Content, d.block(i, b)...)
	}
	counts, outcome := d.outcome()
	steps.Content = append(steps.Content, counts...)
	root := mapping(
		"playbook", text(name), "title", text(shown("Take back what the run "+d.run+" did")), "stage", text("run"),
		"steps", steps, "outcome", text(outcome),
	)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("write the playbook that takes back the run %s: %w", d.run, err)
	}
	return out.Bytes(), nil
}

// block is the steps of some calls: an approval that covers them, or the calls themselves.
func (d *document) block(i int, b block) []*yaml.Node {
	var steps []*yaml.Node
	for _, c := range b.calls {
		steps = append(steps, mapping("id", text(c.id), "title", literal(c.title), "activity", text(c.activity), "with", c.with, "on_error", text("continue")))
	}
	if b.verdict.Mode != policy.Approval {
		return steps
	}
	groups := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, group := range slices.Compact(slices.Sorted(slices.Values(b.verdict.Need.Groups))) {
		groups.Content = append(groups.Content, text(group))
	}
	question := "Take back this change of the run " + d.run + "?"
	if len(b.calls) > 1 {
		question = fmt.Sprintf("Take back these %d changes of the run %s, the newest first?", len(b.calls), d.run)
	}
	question = shown(question)
	if d.later > 0 && i == 0 { // whoever says yes must not think that it is all
		question += " That is not all: " + d.older() + "; undo the run again afterwards."
	}
	return []*yaml.Node{mapping(
		"id", text(b.id(i)), "approve", literal(question),
		"approvers", groups, "quorum", number(max(b.verdict.Need.Quorum, 1)), "expires", text(playbook.Span(b.expires())),
		"on_error", text("continue"), "steps", &yaml.Node{Kind: yaml.SequenceNode, Content: steps},
	)}
}

// id is that of an approval. Those of calls begin with undo_.
func (block) id(i int) string {
	if i == 0 {
		return "approve"
	}
	return fmt.Sprintf("approve_%d", i+1)
}

// counted is how many steps one expression counts: it may have 4096 characters.
const counted = 20

// outcome is the sentence about how it went, and the steps that count for it where one expression is
// too short for that.
func (d *document) outcome() (counts []*yaml.Node, outcome string) {
	var ids []string
	for _, b := range d.blocks {
		for _, c := range b.calls {
			ids = append(ids, c.id)
		}
	}
	done, changed := []string{}, []string{}
	for chunk := range slices.Chunk(ids, counted) {
		done = append(done, count(chunk, func(id string) string { return fmt.Sprintf(`steps.%s.status == "done"`, id) }))
		changed = append(changed, count(chunk, func(id string) string {
			return fmt.Sprintf(`steps.%s.?error.orValue("").contains(%q)`, id, Changed)
		}))
	}
	if len(ids) > counted {
		for i := range done {
			a, b := fmt.Sprintf("done_%d", i+1), fmt.Sprintf("changed_%d", i+1)
			counts = append(counts, mapping("set", mapping(a, text("${"+done[i]+"}"), b, text("${"+changed[i]+"}"))))
			done[i], changed[i] = "vars."+a, "vars."+b
		}
	}
	sum, since := strings.Join(done, " + "), strings.Join(changed, " + ")
	if len(done) > 1 {
		sum, since = "("+sum+")", "("+since+")"
	}
	says := fmt.Sprintf(`"took back " + string(%s) + " of %d changes; left " + string(%s) + " because the world has changed since"`, sum, len(ids), since)
	for i, b := range d.blocks {
		if b.verdict.Mode == policy.Approval {
			says += fmt.Sprintf(` + (steps.%[1]s.approved ? "" : "; not approved: " + steps.%[1]s.reason)`, b.id(i))
		}
	}
	if rest := d.rest(); rest != "" {
		says += " + " + strconv.QuoteToASCII(rest)
	}
	return counts, says
}

// count is an expression that says for how many steps something holds.
func count(ids []string, holds func(id string) string) string {
	each := make([]string, len(ids))
	for i, id := range ids {
		each[i] = holds(id)
	}
	return "[" + strings.Join(each, ", ") + "].filter(x, x).size()"
}

// maxNamed is how much of what is left out is named.
const maxNamed = 5

// rest says what the document leaves out.
func (d *document) rest() string {
	says := ""
	if n := len(d.left); n > 0 {
		named := slices.Clone(d.left[:min(n, maxNamed)])
		for i := range named {
			named[i] = clip(shown(named[i]), 150)
		}
		says = "; to be taken back by hand: " + strings.Join(named, ", ")
		if n > maxNamed {
			says += fmt.Sprintf(" and %d more", n-maxNamed)
		}
	}
	if d.later > 0 {
		says += "; " + d.older()
	}
	return says
}

// older says what the document leaves to the next.
func (d *document) older() string {
	if d.later == 1 {
		return "1 older change is left for another time"
	}
	return fmt.Sprintf("%d older changes are left for another time", d.later)
}

// value is the input of a call as a playbook writes it: every string as it is, whatever it holds.
func value(raw json.RawMessage) (*yaml.Node, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, fmt.Errorf("its input cannot be read: %w", err)
	}
	return node(v)
}

func node(v any) (*yaml.Node, error) {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range expr.Keys(v) {
			if strings.ContainsFunc(key, playbook.Hidden) || len(key) > maxKey {
				return nil, errors.New("its input has a field that a playbook cannot name")
			}
			inner, err := node(v[key])
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, text(key), inner)
		}
		return n, nil
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			inner, err := node(item)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, inner)
		}
		return n, nil
	case string:
		return literal(v), nil
	case json.Number:
		if f, err := v.Float64(); err != nil || f == 0 && v != "0" { // -0 and the like are 0 there, and another call
			return nil, errors.New("its input has a number that a playbook cannot write")
		}
		if strings.ContainsAny(v.String(), ".eE") {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: v.String()}, nil
		}
		if _, err := v.Int64(); err != nil {
			return nil, errors.New("its input has a number that a playbook cannot write")
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: v.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}, nil
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
}

// maxKey is the longest key that a playbook may have, in bytes.
const maxKey = 128

// literal is a string that stands for itself. What begins an expression is escaped. What nobody can
// see a playbook may not hold: there an expression says it.
func literal(s string) *yaml.Node {
	if strings.ContainsFunc(s, playbook.Hidden) {
		return quoted("${" + strconv.QuoteToASCII(s) + "}")
	}
	return quoted(strings.ReplaceAll(s, "${", "$${"))
}

func quoted(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: s}
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func number(n int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(n)}
}

func mapping(entries ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(entries); i += 2 {
		n.Content = append(n.Content, text(entries[i].(string)), entries[i+1].(*yaml.Node))
	}
	return n
}

// maxShown bounds a text for people, in bytes.
const maxShown = 160

// shown is a text for people, of which every character shows, within bounds.
func shown(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if playbook.Hidden(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?")), maxShown)
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
