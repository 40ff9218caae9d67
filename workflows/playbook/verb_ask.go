package playbook

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

// Ask gives people a task with a form. The first answer that fills the form decides.
//
//	ask: Was it you who signed in from ${event.data.sourceIPAddress}?
//	who: [secops-oncall]
//	form:
//	  verdict: {type: string, one_of: [expected, hostile], title: Verdict}
//	  owner: {type: string, is: person}
//	  note: {type: string, is: lines, optional: true}
//	expires: 4h
//
// A string is a text of one line, or what "is" says: lines, date (2026-11-20) or person (an id of the
// directory).
//
// It offers answered, answer (typed by the form; only if somebody answered), by (who did) and
// reason (why nobody did). That nobody answers in time is no failure.
type Ask struct {
	Message *Value
	Who     []string      // groups of the directory
	Form    approval.Form // required fields first, then by name
	Expires time.Duration
}

// Bounds and default of a question.
const (
	DefaultAskExpiry = 24 * time.Hour
	minAskExpiry     = time.Minute
	maxAskExpiry     = 30 * 24 * time.Hour
)

func askVerb() verb {
	return verb{
		keyword: "ask",
		keys:    []string{"who", "form", "expires"},
		parse: func(p *parser, o object) Verb {
			o.require("who", "form")
			return &Ask{
				Message: o.value("ask"),
				Who:     p.groups(o, "who"),
				Form:    p.form(o),
				Expires: o.duration("expires", minAskExpiry, maxAskExpiry, DefaultAskExpiry),
			}
		},
	}
}

func (p *parser) form(o object) approval.Form {
	var form approval.Form
	o.entries("form", func(key, value *yaml.Node) {
		p.spell(key, "the name of a field", idForm)
		form = append(form, p.field(key, value))
	})
	n := o.values["form"]
	switch {
	case n == nil || n.Kind != yaml.MappingNode:
	case len(form) == 0:
		p.reportAt(ruleBadValue, n, "\"form\" is empty; want fields, like {verdict: {type: string}}")
	case len(form) > approval.MaxFields:
		p.reportAt(ruleBound, n, "the form has %d fields; at most %d fit on a card", len(form), approval.MaxFields)
	}
	slices.SortFunc(form, func(a, b approval.Field) int {
		if a.Optional != b.Optional {
			return map[bool]int{false: -1, true: 1}[a.Optional]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return form
}

func (p *parser) field(key, value *yaml.Node) approval.Field {
	f := approval.Field{Name: key.Value, Type: expr.Any}
	o, ok := p.object(value, fmt.Sprintf("the field %q", key.Value), fieldKeys)
	if !ok {
		return f
	}
	o.require("type")
	f.Title, f.Optional = o.text("title"), o.boolean("optional")
	if n := o.values["title"]; n != nil && (len(f.Title) > approval.MaxFieldTitle || expr.IsTemplate(f.Title)) {
		p.reportAt(ruleBadValue, n, "\"title\" of %s is a plain text of at most %d bytes, without ${...}", o.what, approval.MaxFieldTitle)
	}
	if n := o.scalar("type"); n != nil {
		if !slices.Contains(approval.FieldTypes, n.Value) {
			p.reportAt(ruleBadValue, n, "%.40q cannot be the type of a field%s", n.Value, expr.DidYouMean(n.Value, approval.FieldTypes))
			return f
		}
		f.Type, _ = expr.ParseType(n.Value) // each of them is one
	}
	f.OneOf = p.choices(o, f.Type)
	if n := o.scalar("is"); n != nil {
		f.Is = n.Value
		switch {
		case !slices.Contains(approval.Kinds, f.Is):
			p.reportAt(ruleBadValue, n, "%.40q is nothing that a field can be%s; there are %s", f.Is, expr.DidYouMean(f.Is, approval.Kinds), strings.Join(approval.Kinds, ", "))
		case f.Type.Kind() != expr.KindString:
			p.reportAt(ruleBadValue, n, "\"is\" of %s is for strings; its type is %s", o.what, f.Type)
		case o.values["one_of"] != nil:
			p.reportAt(ruleBadValue, n, "%s has \"one_of\", so its values are known; leave out \"is\"", o.what)
		}
	}
	return f
}

// choices reads the values that a field may have.
func (p *parser) choices(o object, t *expr.Type) []json.RawMessage {
	n, items := o.values["one_of"], o.list("one_of")
	switch t.Kind() {
	case expr.KindBool, expr.KindTimestamp:
		if n != nil {
			p.reportAt(ruleBadValue, n, "\"one_of\" of %s is for strings and numbers; a %s has none", o.what, t)
		}
		return nil
	}
	if len(items) > approval.MaxChoices {
		p.reportAt(ruleBound, n, "\"one_of\" of %s has %d values; at most %d can be shown", o.what, len(items), approval.MaxChoices)
	}
	var choices []json.RawMessage
	seen := map[string]bool{}
	for _, item := range items {
		plain, err := scalar(item)
		var raw json.RawMessage
		if err == nil {
			raw, err = json.Marshal(plain)
		}
		if err == nil {
			_, err = t.Decode(raw)
		}
		text, _ := plain.(string)
		switch {
		case err != nil:
			p.reportAt(ruleWrongType, item, "\"one_of\" of %s has values of type %s; got %s%s", o.what, t, form(item), quoted(item))
		case seen[string(raw)]:
			p.reportAt(ruleBadValue, item, "\"one_of\" of %s has %s twice", o.what, raw)
		case t.Kind() == expr.KindString && (strings.TrimSpace(text) != text || text == "" || len(text) > approval.MaxChoice):
			p.reportAt(ruleBadValue, item, "a choice is a text of 1 to %d bytes without spaces around it; got %s", approval.MaxChoice, form(item))
		}
		seen[string(raw)] = true
		choices = append(choices, raw)
	}
	return choices
}

// Keyword implements Verb.
func (*Ask) Keyword() string { return "ask" }

func (a *Ask) check(c *checker, step *Step, sc *scope) []expr.Field {
	c.text(a.Message, "the question", sc)
	c.people(valueOf(step.node, "who"), 1)
	c.spoken(step, sc, "question")
	return []expr.Field{
		{Name: "answered", Type: expr.Bool},
		c.given(step, sc, "answer", a.Form.Type(), "answered", "nobody may have answered"),
		{Name: "by", Type: expr.String},
		{Name: "reason", Type: expr.String},
	}
}
