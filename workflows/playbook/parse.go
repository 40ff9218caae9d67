package playbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// verb is one row of the table of verbs: the keys that belong to it and how to read it.
type verb struct {
	keyword string
	keys    []string // its own modifiers
	parse   func(p *parser, o object) Verb
}

// verbs are all verbs of the language.
func verbs() map[string]verb {
	table := map[string]verb{}
	for _, v := range []verb{
		activityVerb(), approveVerb(), askVerb(), forEachVerb(), parallelVerb(), playbookVerb(), repeatVerb(), setVerb(), stopVerb(), switchVerb(), tryVerb(), waitVerb(), workflowVerb(),
	} {
		table[v.keyword] = v
	}
	return table
}

// modifiers may stand at any step.
var modifiers = []string{"id", "title", "if", "timeout", "retry", "on_error", "undo"}

// instant are the verbs that only work out values, and workKeys the modifiers that none of them has.
var (
	instant  = []string{"set", "stop"}
	workKeys = []string{"timeout", "retry", "undo"}
)

// The keys of the mappings that are not steps. What is added here is described in schema.go.
var (
	playbookKeys = []string{"playbook", "title", "stage", "labels", "triggers", "schedule", "inputs", "steps", "outcome"}
	scheduleKeys = []string{"cron", "every", "offset", "zone", "jitter", "overlap", "catch_up", "inputs"}
	triggerKeys  = []string{"event", "if", "dedupe"}
	inputKeys    = []string{"type", "title", "from", "default"}
	caseKeys     = []string{"if", "steps"}
	branchKeys   = []string{"steps"}
	waitKeys     = []string{"until", "event", "if", "expires"}
	fieldKeys    = []string{"type", "is", "one_of", "title", "optional"}
	callKeys     = []string{"activity", "with"}
	retryKeys    = []string{"times", "every", "backoff", "max_every"}
	escalateKeys = []string{"after", "groups"}
	undoKeys     = []string{"after"}
)

var (
	nameForm = wordForm{
		regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`),
		"lower case words joined by -, like aws-compromised-access-key",
	}
	idForm = wordForm{
		regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`),
		"a lower case letter, then letters, digits and _, like disable_key",
	}
	eventForm = wordForm{
		regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`),
		"lower case names joined by dots, like aws.guardduty.finding",
	}
)

// maxPlaybookName leaves room for the dedupe key: Temporal takes ids of 1,000 bytes.
const maxPlaybookName = 100

// parser turns nodes into steps. It counts, so that steps without an id get one.
type parser struct {
	*source

	verbs map[string]verb
	steps int
}

func (p *parser) playbook(root *yaml.Node) *Playbook {
	o, ok := p.object(root, "a playbook", playbookKeys)
	if !ok {
		return nil
	}
	o.require("playbook", "stage", "steps")
	pb := &Playbook{
		Name:    o.word("playbook", "the name of a playbook", nameForm),
		Title:   o.text("title"),
		Stage:   o.text("stage"),
		Outcome: o.expression("outcome"),
		Labels:  map[string]string{},
	}
	if n := o.values["playbook"]; len(pb.Name) > maxPlaybookName {
		p.reportAt(ruleBound, n, "the name of the playbook has %d characters; at most %d fit into the ids of its runs", len(pb.Name), maxPlaybookName)
	}
	if pb.Title == "" {
		pb.Title = pb.Name
	}
	if n := o.scalar("stage"); n != nil && !slices.Contains(Stages, pb.Stage) {
		p.reportAt(ruleBadValue, n, "%q is not a stage%s", pb.Stage, expr.DidYouMean(pb.Stage, Stages))
	}
	o.entries("labels", func(key, value *yaml.Node) {
		if value.Kind != yaml.ScalarNode || value.Tag != "!!str" {
			p.reportAt(ruleWrongType, value, "the label %q is a string; got %s%s", key.Value, form(value), quoted(value))
		}
		pb.Labels[key.Value] = value.Value
	})
	for _, n := range o.list("triggers") {
		if t := p.trigger(n); t != nil {
			pb.Triggers = append(pb.Triggers, t)
		}
	}
	if n := o.values["schedule"]; n != nil {
		pb.Schedule = p.schedule(n)
	}
	o.entries("inputs", func(key, value *yaml.Node) {
		pb.Inputs = append(pb.Inputs, p.input(key, value))
	})
	slices.SortFunc(pb.Inputs, func(a, b *Input) int { return strings.Compare(a.Name, b.Name) })
	pb.Steps = p.block(o, "steps")
	return pb
}

func (p *parser) trigger(n *yaml.Node) *Trigger {
	o, ok := p.object(n, "a trigger", triggerKeys)
	if !ok {
		return nil
	}
	o.require("event")
	return &Trigger{
		Event:  o.word("event", "the type of an event", eventForm),
		If:     o.expression("if"),
		Dedupe: o.expression("dedupe"),
		node:   o.values["event"],
	}
}

func (p *parser) input(key, value *yaml.Node) *Input {
	p.spell(key, "the name of an input", idForm)
	o, ok := p.object(value, fmt.Sprintf("the input %q", key.Value), inputKeys)
	if !ok {
		return &Input{Name: key.Value, Type: expr.Any, node: value}
	}
	o.require("type")
	in := &Input{
		Name: key.Value, Title: o.text("title"), Type: expr.Any,
		From: o.expression("from"), Default: o.value("default"), node: value, typeNode: o.values["type"],
	}
	if n := o.scalar("type"); n != nil {
		t, err := expr.ParseType(n.Value)
		if err != nil {
			p.reportAt(ruleBadValue, n, "%v", err)
			return in
		}
		in.Type = t
	}
	return in
}

// block reads a list of steps.
func (p *parser) block(o object, key string) []*Step {
	var steps []*Step
	for _, n := range o.list(key) {
		if s := p.step(n); s != nil {
			steps = append(steps, s)
		}
	}
	return steps
}

func (p *parser) step(n *yaml.Node) *Step {
	if p.steps++; p.steps > maxSteps {
		if p.steps == maxSteps+1 {
			p.reportAt(ruleLimits, n, "the playbook has more than %d steps", maxSteps)
		}
		return nil
	}
	v, ok := p.verb(n)
	if !ok {
		return &Step{Verb: breakOff(n), node: n}
	}
	o, ok := p.object(n, fmt.Sprintf("a step with %q", v.keyword), slices.Concat([]string{v.keyword}, v.keys, modifiers))
	if !ok {
		return &Step{Verb: breakOff(n), node: n}
	}
	s := &Step{
		ID:       o.word("id", "the id of a step", idForm),
		Title:    o.value("title"),
		If:       o.expression("if"),
		Timeout:  o.duration("timeout", time.Second, longest(v.keyword), 0),
		Retry:    p.retry(o, v.keyword),
		Continue: p.onError(o),
		named:    o.has("id"),
		node:     n,
	}
	if !s.named {
		s.ID = fmt.Sprintf("%s-%d", v.keyword, p.steps)
	}
	for _, key := range workKeys {
		if o.has(key) && slices.Contains(instant, v.keyword) {
			p.reportAt(ruleUnknownKey, o.keys[key], "%q is for steps that do something; one with %q only works out values", key, v.keyword)
		}
	}
	if s.Verb = v.parse(p, o); s.Verb == nil {
		s.Verb = breakOff(n)
	}
	if !slices.Contains(instant, v.keyword) {
		s.Undo = p.undo(o)
	}
	return s
}

// broken stands for a step that cannot be read. What is wrong with it has been reported; the names
// that it would have given are kept, so that whoever reads them is not reported as well.
type broken struct{ ids, vars []string }

func breakOff(n *yaml.Node) *broken {
	b := &broken{}
	b.collect(n)
	return b
}

func (b *broken) collect(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "id" && child.Kind == yaml.ScalarNode {
			b.ids = append(b.ids, child.Value)
		}
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "set" && child.Kind == yaml.MappingNode {
			for k := 0; k < len(child.Content); k += 2 {
				b.vars = append(b.vars, child.Content[k].Value)
			}
		}
		b.collect(child)
	}
}

// Keyword implements Verb.
func (*broken) Keyword() string { return "" }

func (b *broken) check(_ *checker, _ *Step, sc *scope) []expr.Field {
	for _, id := range b.ids {
		sc.forget(id)
	}
	for _, name := range b.vars {
		sc.setVar(expr.Field{Name: name, Type: expr.Any})
	}
	return nil
}

// verb finds the one verb of a step.
func (p *parser) verb(n *yaml.Node) (verb, bool) {
	if n.Kind != yaml.MappingNode {
		p.reportAt(ruleWrongType, n, "a step is a mapping with one verb; got %s", form(n))
		return verb{}, false
	}
	var found []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if _, ok := p.verbs[n.Content[i].Value]; ok {
			found = append(found, n.Content[i])
		}
	}
	switch len(found) {
	case 1:
		return p.verbs[found[0].Value], true
	case 0:
		p.reportAt(ruleVerb, n, "the step has no verb%s", p.nearVerb(n, expr.Keys(p.verbs)))
	default:
		p.reportAt(ruleVerb, found[1], "the step has the verbs %q and %q; want one: make them two steps", found[0].Value, found[1].Value)
	}
	return verb{}, false
}

// nearVerb looks among the keys of a step for one that was meant as a verb.
func (p *parser) nearVerb(n *yaml.Node, keywords []string) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if near, ok := expr.Near(key, keywords); ok && !slices.Contains(modifiers, key) {
			return fmt.Sprintf(", but a key %q; did you mean %q?", key, near)
		}
	}
	return "; want one of " + strings.Join(keywords, ", ")
}

// onError reads what happens when a step fails; a run fails with it unless told otherwise.
func (p *parser) onError(o object) bool {
	ways := []string{"continue", "fail"}
	n := o.scalar("on_error")
	if n != nil && !slices.Contains(ways, n.Value) {
		p.reportAt(ruleBadValue, n, "\"on_error\" of %s is %q%s", o.what, n.Value, expr.DidYouMean(n.Value, ways))
	}
	return n != nil && n.Value == "continue"
}

// longest is the most that a step may ask for as its timeout: what is not a call may wait inside.
func longest(keyword string) time.Duration {
	if keyword == "activity" {
		return maxTimeout
	}
	return MaxWait
}

// retry reads how often a step is tried. A call is tried again unless told otherwise; nothing else
// is, as it may ask people once more.
func (p *parser) retry(o object, keyword string) Retry {
	r := DefaultRetry
	n := o.values["retry"]
	if n == nil {
		if keyword != "activity" {
			r.Times = 1
		}
		return r
	}
	ro, ok := p.object(n, "retry", retryKeys)
	if !ok {
		return r
	}
	r.Times = ro.integer("times", 1, 100, r.Times)
	r.Every = ro.duration("every", time.Second, time.Hour, r.Every)
	r.Backoff = ro.integer("backoff", 1, 10, r.Backoff)
	r.MaxEvery = ro.duration("max_every", time.Second, time.Hour, max(r.MaxEvery, r.Every))
	if r.MaxEvery < r.Every {
		p.reportAt(ruleBound, ro.values["max_every"], "\"max_every\" of retry is %s, which is less than every, %s", Span(r.MaxEvery), Span(r.Every))
	}
	return r
}
