package playbook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/workflows/expr"
)

// Value is a tree of literals and templates, such as with: of an activity.
type Value struct {
	literal  json.RawMessage
	template *expr.Template
	items    []*Value
	fields   map[string]*Value

	node *yaml.Node
}

// Eval gives the value as JSON.
func (v *Value) Eval(values map[string]any) (json.RawMessage, error) {
	switch {
	case v.template != nil:
		return v.template.Eval(values)
	case v.items != nil:
		out := make([]json.RawMessage, len(v.items))
		for i, item := range v.items {
			var err error
			if out[i], err = item.Eval(values); err != nil {
				return nil, err
			}
		}
		return json.Marshal(out)
	case v.fields != nil:
		out := make(map[string]json.RawMessage, len(v.fields))
		for _, name := range expr.Keys(v.fields) {
			raw, err := v.fields[name].Eval(values)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			out[name] = raw
		}
		return json.Marshal(out)
	default:
		return v.literal, nil
	}
}

// Stable reports whether two evaluations over the same values are proved to agree.
func (v *Value) Stable() bool {
	if v.template != nil {
		return v.template.Stable()
	}
	for _, item := range v.items {
		if !item.Stable() {
			return false
		}
	}
	for _, name := range expr.Keys(v.fields) {
		if !v.fields[name].Stable() {
			return false
		}
	}
	return true
}

// value checks a tree against the type wanted and compiles its templates. lead begins the messages
// about the keys of an object: "aws.iam.disable_access_key takes". It returns the value's type.
func (c *checker) value(v *Value, want *expr.Type, lead string, sc *scope) *expr.Type {
	switch v.node.Kind {
	case yaml.MappingNode:
		return c.mapping(v, want, lead, sc)
	case yaml.SequenceNode:
		return c.sequence(v, want, lead, sc)
	}
	if v.node.Tag == "!!str" && expr.IsTemplate(v.node.Value) {
		if !c.afford(v.node) {
			return expr.Any
		}
		t, problems := sc.env().CompileTemplate(v.node.Value, want)
		c.reportInside(ruleExpression, v.node, problems)
		if t == nil {
			return expr.Any
		}
		c.read(t.Paths(), sc)
		c.missing(v.node, t, sc)
		v.template = t
		return t.Type()
	}
	return c.literal(v, want)
}

func (c *checker) literal(v *Value, want *expr.Type) *expr.Type {
	if want.Secret() && v.node.Tag == "!!str" && secret.Ref(v.node.Value).Name() == "" {
		// What was written is most likely the secret: it is not said again.
		c.reportAt(ruleBadValue, v.node, "a secret is named, as secret://pagerduty-token, and never written down")
	}
	plain, err := scalar(v.node)
	if err == nil {
		v.literal, err = json.Marshal(plain)
	}
	if err != nil {
		c.reportAt(ruleWrongType, v.node, "%v", err)
		return expr.Any
	}
	if want.Kind() == expr.KindDuration {
		d, err := expr.ParseDuration(v.node.Value)
		if err != nil {
			c.reportAt(ruleWrongType, v.node, "%v", err)
			return want
		}
		v.literal = json.RawMessage(strconv.Quote(d.String()))
	}
	if _, err := want.Decode(v.literal); err != nil {
		hint := ""
		switch want.Kind() {
		case expr.KindString:
			hint = quoted(v.node)
		case expr.KindTimestamp:
			hint = "; write it like 2026-11-20T21:14:00Z"
		case expr.KindBool, expr.KindInt, expr.KindDouble:
			hint = unquoted(v.node, want)
		}
		c.reportAt(ruleWrongType, v.node, "want %s, got %s%s", want, form(v.node), hint)
		return want
	}
	if want.Kind() != expr.KindAny {
		return want
	}
	switch v.node.Tag {
	case "!!null":
		return expr.Null
	case "!!bool":
		return expr.Bool
	case "!!int":
		return expr.Int
	case "!!float":
		return expr.Double
	default:
		return expr.String
	}
}

func (c *checker) sequence(v *Value, want *expr.Type, lead string, sc *scope) *expr.Type {
	elem := expr.Any
	switch want.Kind() {
	case expr.KindList:
		elem = want.Elem()
	case expr.KindAny:
	default:
		c.reportAt(ruleWrongType, v.node, "want %s, got a list", want)
	}
	v.items = []*Value{}
	var found *expr.Type
	for _, n := range v.node.Content {
		item := &Value{node: n}
		v.items = append(v.items, item)
		t := c.value(item, elem, lead, sc)
		if found == nil {
			found = t
		} else {
			found = found.Either(t)
		}
	}
	if found == nil {
		found = elem
	}
	return expr.List(found)
}

func (c *checker) mapping(v *Value, want *expr.Type, lead string, sc *scope) *expr.Type {
	v.fields = map[string]*Value{}
	var fields []expr.Field
	meant := map[string]bool{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, child := v.node.Content[i], &Value{node: v.node.Content[i+1]}
		v.fields[key.Value] = child
		if _, known := want.Field(key.Value); !known {
			if near, ok := expr.Near(key.Value, want.FieldNames()); ok {
				meant[near] = true
			}
		}
		fields = append(fields, expr.Field{Name: key.Value, Type: c.value(child, c.wanted(key, want, lead), strings.TrimSuffix(lead, " takes")+": "+key.Value+" takes", sc)})
	}
	switch want.Kind() {
	case expr.KindObject:
		for _, f := range want.Fields() {
			if _, ok := v.fields[f.Name]; !ok && !f.Optional && !meant[f.Name] {
				c.reportAt(ruleMissingInput, v.node, "%s %q (%s), which is missing", lead, f.Name, f.Type)
			}
		}
		return want
	case expr.KindAny:
		return expr.Object(fields...)
	case expr.KindMap:
		return want
	default:
		c.reportAt(ruleWrongType, v.node, "want %s, got a mapping", want)
		return want
	}
}

// wanted is the type that an entry of a mapping should have.
func (c *checker) wanted(key *yaml.Node, want *expr.Type, lead string) *expr.Type {
	switch want.Kind() {
	case expr.KindMap:
		return want.Elem()
	case expr.KindObject:
		f, ok := want.Field(key.Value)
		if !ok {
			c.reportAt(ruleInput, key, "%s no %q%s", lead, key.Value, expr.DidYouMean(key.Value, want.FieldNames()))
			return expr.Any
		}
		return f.Type
	default:
		return expr.Any
	}
}

// text checks a value that people will read.
func (c *checker) text(v *Value, what string, sc *scope) {
	if v == nil {
		return
	}
	if v.node.Kind != yaml.ScalarNode || v.node.Tag != "!!str" || strings.TrimSpace(v.node.Value) == "" {
		c.reportAt(ruleWrongType, v.node, "%s is a text; got %s%s", what, form(v.node), quoted(v.node))
		return
	}
	c.value(v, expr.String, "", sc)
}

// Partial gives the value as far as it is known, as [expr.Program.Partial] has it.
func (v *Value) Partial(values map[string]any, unknown []string) (expr.Partial, error) {
	var parts any
	var waits []string
	part := func(inner *Value) (json.RawMessage, error) {
		p, err := inner.Partial(values, unknown)
		waits = append(waits, p.Waits...)
		return p.Value, err
	}
	switch {
	case v.template != nil:
		return v.template.Partial(values, unknown)
	case v.items != nil:
		items := make([]json.RawMessage, len(v.items))
		for i, item := range v.items {
			var err error
			if items[i], err = part(item); err != nil {
				return expr.Partial{}, err
			}
		}
		parts = items
	case v.fields != nil:
		fields := map[string]json.RawMessage{}
		for _, name := range expr.Keys(v.fields) {
			var err error
			if fields[name], err = part(v.fields[name]); err != nil {
				return expr.Partial{}, fmt.Errorf("%s: %w", name, err)
			}
		}
		parts = fields
	default:
		return expr.Partial{Value: v.literal}, nil
	}
	raw, err := json.Marshal(parts)
	slices.Sort(waits)
	return expr.Partial{Value: raw, Waits: slices.Compact(waits)}, err
}

// Entry is what a mapping holds under a key, nil for none.
func (v *Value) Entry(key string) *Value { return v.fields[key] }
