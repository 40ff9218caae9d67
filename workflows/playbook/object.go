package playbook

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// object is a mapping with known keys. Asking for a key of the wrong form reports it.
type object struct {
	*source

	node   *yaml.Node
	what   string
	values map[string]*yaml.Node
	keys   map[string]*yaml.Node
	meant  map[string]bool // keys that an unknown one was probably meant to be
}

// object reads a mapping. Keys outside known are reported with the near miss.
func (s *source) object(n *yaml.Node, what string, known []string) (object, bool) {
	o := object{source: s, node: n, what: what, values: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}, meant: map[string]bool{}}
	if n.Kind != yaml.MappingNode {
		s.reportAt(ruleWrongType, n, "%s is a mapping with the keys %s; got %s", what, strings.Join(known, ", "), form(n))
		return o, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !slices.Contains(known, key.Value) {
			s.reportAt(ruleUnknownKey, key, "%s has no key %q%s", what, key.Value, expr.DidYouMean(key.Value, known))
			if near, ok := expr.Near(key.Value, known); ok {
				o.meant[near] = true
			}
			continue
		}
		o.keys[key.Value], o.values[key.Value] = key, value
	}
	return o, true
}

// form says what a node is, for messages.
func form(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!str":
		return fmt.Sprintf("the string %.40q", n.Value)
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!bool":
		return "the bool " + n.Value
	case n.Tag == "!!timestamp":
		return "the date " + n.Value
	default:
		return "the number " + n.Value
	}
}

// quoted advises on a scalar that YAML does not read as the string it was meant to be.
func quoted(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!str" || n.Tag == "!!null" {
		return ""
	}
	return fmt.Sprintf("; write it in quotes, %q", n.Value)
}

// unquoted advises on a string that would be of the wanted type without its quotes.
func unquoted(n *yaml.Node, want *expr.Type) string {
	if n.Tag != "!!str" {
		return ""
	}
	if _, err := want.Decode(json.RawMessage(n.Value)); err != nil {
		return ""
	}
	return "; write it without quotes, " + n.Value
}

func (o object) has(key string) bool { return o.values[key] != nil }

// require reports a key that is not there, unless a misspelt one stands for it.
func (o object) require(keys ...string) bool {
	ok := true
	for _, key := range keys {
		if !o.has(key) && !o.meant[key] {
			o.reportAt(ruleMissingKey, o.node, "%s needs the key %q", o.what, key)
			ok = false
		}
	}
	return ok
}

// scalar returns the node of a string, or nil.
func (o object) scalar(key string) *yaml.Node {
	n := o.values[key]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		o.reportAt(ruleWrongType, n, "%q of %s is a string; got %s%s", key, o.what, form(n), quoted(n))
		return nil
	}
	return n
}

func (o object) text(key string) string {
	if n := o.scalar(key); n != nil {
		return n.Value
	}
	return ""
}

// word returns a string of a given form.
func (o object) word(key, what string, form wordForm) string {
	n := o.scalar(key)
	if n == nil {
		return ""
	}
	o.spell(n, what, form)
	return n.Value
}

// spell reports a word that has not its form.
func (s *source) spell(n *yaml.Node, what string, form wordForm) {
	if !form.MatchString(n.Value) {
		s.reportAt(ruleBadValue, n, "%.80q cannot be %s; want %s", n.Value, what, form.says)
	} else if slices.Contains(reserved, n.Value) {
		s.reportAt(ruleBadValue, n, "%q cannot be %s: no expression could name it, as it means something else there", n.Value, what)
	}
}

// wordForm is the form of a name and how it is explained.
type wordForm struct {
	*regexp.Regexp

	says string
}

// reserved are the words that CEL does not take as the name of a field.
var reserved = []string{"true", "false", "null", "in"}

// expression returns a bare CEL expression.
func (o object) expression(key string) *Expr {
	n := o.values[key]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		o.reportAt(ruleWrongType, n, "%q of %s is an expression; got %s", key, o.what, form(n))
		return nil
	}
	if strings.HasPrefix(strings.TrimSpace(n.Value), "${") {
		o.reportAt(ruleBadValue, n, "%q takes a bare expression; write it without ${...}", key)
		return nil
	}
	// An expression is its text: the plan must not keep true, 5 or 012 as YAML understands them.
	n.Tag = "!!str"
	return &Expr{node: n}
}

// value returns a tree of literals and templates.
func (o object) value(key string) *Value {
	if n := o.values[key]; n != nil {
		return &Value{node: n}
	}
	return nil
}

// duration returns a bounded duration; absent gives the default.
func (o object) duration(key string, least, most, otherwise time.Duration) time.Duration {
	n := o.values[key]
	if n == nil {
		return otherwise
	}
	d, err := expr.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || err != nil {
		o.reportAt(ruleWrongType, n, "%q of %s is a duration like 30s, 5m, 12h or 3d; got %s", key, o.what, form(n))
		return otherwise
	}
	if d < least || d > most {
		o.reportAt(ruleBound, n, "%q of %s is %s; want %s to %s", key, o.what, n.Value, Span(least), Span(most))
	}
	return d
}

// integer returns a bounded whole number; absent gives the default.
func (o object) integer(key string, least, most, otherwise int) int {
	n := o.values[key]
	if n == nil {
		return otherwise
	}
	var i int
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || n.Decode(&i) != nil {
		o.reportAt(ruleWrongType, n, "%q of %s is a whole number; got %s", key, o.what, form(n))
		return otherwise
	}
	if i < least || i > most {
		o.reportAt(ruleBound, n, "%q of %s is %d; want %d to %d", key, o.what, i, least, most)
	}
	return i
}

// boolean returns true or false; absent is false.
func (o object) boolean(key string) bool {
	n := o.values[key]
	if n == nil {
		return false
	}
	var b bool
	if n.Tag != "!!bool" || n.Decode(&b) != nil {
		o.reportAt(ruleWrongType, n, "%q of %s is true or false; got %s", key, o.what, form(n))
	}
	return b
}

// list returns the items of a list, or nil.
func (o object) list(key string) []*yaml.Node {
	n := o.values[key]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		o.reportAt(ruleWrongType, n, "%q of %s is a list; got %s", key, o.what, form(n))
		return nil
	}
	if len(n.Content) == 0 {
		o.reportAt(ruleBadValue, n, "%q of %s is empty; want at least one entry", key, o.what)
	}
	return n.Content
}

// entries calls each for every entry of a mapping whose keys the author chooses.
func (o object) entries(key string, each func(key, value *yaml.Node)) {
	n := o.values[key]
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		o.reportAt(ruleWrongType, n, "%q of %s is a mapping; got %s", key, o.what, form(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		each(n.Content[i], n.Content[i+1])
	}
}

// Span writes a duration as authors do.
func Span(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.String()
	}
}
