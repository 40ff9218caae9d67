package playtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// The rules of a test file. Those of strict YAML are package playbook's.
const (
	ruleTest   = "test"   // the file cannot be read as tests
	ruleExpect = "expect" // a run did not do what was expected
)

// place is a node of the file, for messages.
type place struct{ node *yaml.Node }

// suite is one test file.
type suite struct {
	tests []*test
}

// test is one test as it was written.
type test struct {
	name       string
	at         place
	event      string
	eventAt    place
	data       json.RawMessage // nil: none
	inputs     map[string]json.RawMessage
	activities map[string][]reply // one for each call in turn, the last for all that follow
	endings    map[string]ending  // of called playbooks that are not run
	flows      map[string]*reply  // of workflows that are not run
	answers    map[string]*answer
	arrivals   []*arrival
	expect     expectation
}

// arrival is an event that arrives while the run goes on.
type arrival struct {
	at    place
	event string
	data  json.RawMessage // nil: none
	after time.Duration   // the run began
}

// reply is what an activity answers.
type reply struct {
	output json.RawMessage
	err    error
}

// answer is what people say to an approval or a question.
type answer struct {
	at      place
	people  []string
	verdict verdict
	reason  string
	values  map[string]json.RawMessage // of an answer to a question
}

type verdict string

const (
	approves verdict = "approve"
	fills    verdict = "answer"
	rejects  verdict = "reject"
	expires  verdict = "expire"
)

type expectation struct {
	at          place
	starts      bool
	outcome     *string
	outcomeAt   place
	failed      *string
	failedAt    place
	approvals   []string
	approvalsAt *place // nil: not checked
	asks        []string
	asksAt      *place // nil: not checked
	calls       []expectedCall
	callsAt     *place // nil: not checked
}

type expectedCall struct {
	at       place
	activity string
	input    json.RawMessage // nil: any
}

// parser reads a test file and collects what is wrong with it.
type parser struct {
	file     string
	registry *activities.Registry
	flows    *workflows.Registry // may be nil
	pb       *playbook.Playbook
	family   *family // pb with what it calls
	problems playbook.Problems
}

func (p *parser) report(n *yaml.Node, format string, args ...any) {
	p.problems = append(p.problems, problem(p.file, place{n}, ruleTest, format, args...))
}

func problem(file string, at place, rule, format string, args ...any) playbook.Problem {
	return playbook.Problem{File: file, Line: at.node.Line, Column: at.node.Column, Rule: rule, Message: fmt.Sprintf(format, args...)}
}

// fields reads a mapping with known keys.
func (p *parser) fields(n *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	p.entries(n, what, func(key, value *yaml.Node) {
		if !slices.Contains(known, key.Value) {
			p.report(key, "%s has no key %q%s", what, key.Value, expr.DidYouMean(key.Value, known))
			return
		}
		out[key.Value] = value
	})
	return out
}

// entries reads a mapping in the order of the file.
func (p *parser) entries(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.report(n, "%s is a mapping", what)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		each(n.Content[i], n.Content[i+1])
	}
}

func (p *parser) text(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || strings.TrimSpace(n.Value) == "" {
		p.report(n, "%s is a text", what)
		return ""
	}
	return n.Value
}

func (p *parser) list(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.report(n, "%s is a list", what)
		return nil
	}
	return n.Content
}

func (p *parser) json(n *yaml.Node) json.RawMessage {
	raw, err := playbook.JSON(n)
	if err != nil {
		p.report(n, "%v", err)
	}
	return raw
}

func (p *parser) suite(root *yaml.Node) *suite {
	top := p.fields(root, "a test file", "tests", "activities")
	shared := p.replies(top["activities"])
	s := &suite{}
	if len(p.problems) == 0 && top["tests"] == nil {
		p.report(root, "the file has no tests")
	}
	names := map[string]bool{}
	for _, n := range p.list(top["tests"], "tests") {
		t := p.test(n, shared)
		if names[t.name] {
			p.report(n, "the name %q is already that of another test", t.name)
		}
		names[t.name] = true
		s.tests = append(s.tests, t)
	}
	return s
}

func (p *parser) test(n *yaml.Node, shared map[string][]reply) *test {
	f := p.fields(n, "a test", "name", "event", "data", "inputs", "activities", "playbooks", "workflows", "answers", "events", "expect")
	for _, key := range []string{"name", "event", "expect"} {
		if key == "event" && (len(p.pb.Triggers) == 0 || p.pb.Schedule != nil) {
			continue // it is started by name, by its schedule, or called
		}
		if f[key] == nil && n.Kind == yaml.MappingNode {
			p.report(n, "a test needs the key %q", key)
		}
	}
	t := &test{
		name: p.text(f["name"], "the name of a test"), at: place{n},
		event: p.text(f["event"], "event"), eventAt: place{f["event"]},
		inputs: map[string]json.RawMessage{}, activities: maps.Clone(shared), answers: map[string]*answer{},
	}
	if f["data"] != nil {
		t.data = p.json(f["data"])
	}
	p.entries(f["inputs"], "inputs", func(key, value *yaml.Node) { t.inputs[key.Value] = p.json(value) })
	maps.Copy(t.activities, p.replies(f["activities"]))
	t.endings = p.endings(f["playbooks"])
	t.flows = p.flowReplies(f["workflows"])
	p.entries(f["answers"], "answers", func(key, value *yaml.Node) {
		if a := p.answer(key, value); a != nil {
			t.answers[key.Value] = a
		}
	})
	for _, one := range p.list(f["events"], "events") {
		t.arrivals = append(t.arrivals, p.arrival(one))
	}
	t.expect = p.expectation(f["expect"])
	return t
}

func (p *parser) arrival(n *yaml.Node) *arrival {
	f := p.fields(n, "an event that arrives", "event", "data", "after")
	for _, key := range []string{"event", "after"} {
		if f[key] == nil && n.Kind == yaml.MappingNode {
			p.report(n, "an event that arrives needs the key %q", key)
		}
	}
	a := &arrival{at: place{n}, event: p.text(f["event"], "event")}
	if f["data"] != nil {
		a.data = p.json(f["data"])
	}
	if after := f["after"]; after != nil {
		var err error
		if a.after, err = expr.ParseDuration(after.Value); err != nil || a.after <= 0 {
			p.report(after, "after is a duration like 30s, 5m, 12h or 3d: how long after the run began")
		}
	}
	return a
}

// replies reads what activities answer, and holds it against what they can answer.
func (p *parser) replies(n *yaml.Node) map[string][]reply {
	out := map[string][]reply{}
	names := p.callable()
	p.entries(n, "activities", func(key, value *yaml.Node) {
		a, ok := p.registry.Lookup(key.Value)
		if !ok || !slices.Contains(names, key.Value) {
			p.report(key, "the playbook %s does not call %q%s", p.pb.Name, key.Value, expr.DidYouMean(key.Value, names))
			return
		}
		each := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode && len(value.Content) > 0 {
			each = value.Content
		}
		for _, n := range each {
			if r := p.reply(key.Value, n, a.Output); r != nil {
				out[key.Value] = append(out[key.Value], *r)
			}
		}
	})
	return out
}

// reply reads what an activity or a workflow answers; nil, if that cannot be told.
func (p *parser) reply(name string, n *yaml.Node, gives activities.Schema) *reply {
	f := p.fields(n, "the answer of "+name, "output", "error")
	switch {
	case (f["output"] == nil) == (f["error"] == nil):
		p.report(n, "the answer of %s is an output or an error", name)
		return nil
	case f["output"] != nil:
		r := &reply{output: p.json(f["output"])}
		if err := gives.Validate(r.output); err != nil {
			p.report(f["output"], "%s cannot answer this: %v", name, err)
		}
		return r
	default:
		return &reply{err: p.failure(f["error"])}
	}
}

func (p *parser) failure(n *yaml.Node) error {
	f := p.fields(n, "an error", "kind", "message", "permanent")
	for _, key := range []string{"kind", "message"} {
		if f[key] == nil && n.Kind == yaml.MappingNode {
			p.report(n, "an error needs the key %q", key)
		}
	}
	permanent := false
	if b := f["permanent"]; b != nil && b.Decode(&permanent) != nil {
		p.report(b, "permanent is true or false")
	}
	kind, err := p.text(f["kind"], "kind"), fmt.Errorf("%s", p.text(f["message"], "message"))
	if permanent {
		return activities.Permanent(kind, err)
	}
	return activities.Passing(kind, 0, err)
}

var person = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)

func (p *parser) answer(key, n *yaml.Node) *answer {
	asked := p.family.asks()
	ids := expr.Keys(asked)
	asking := asked[stepOf(key.Value)]
	a := &answer{at: place{key}}
	ways := []verdict{approves, rejects, expires}
	keys := []string{"approve", "reject", "expire", "reason"}
	question, asks := asking.(*playbook.Ask)
	switch {
	case asking == nil:
		p.report(key, "the playbook %s asks nothing as %q%s", p.pb.Name, key.Value, expr.DidYouMean(key.Value, ids))
		return nil
	case asks:
		ways, keys = []verdict{fills, expires}, []string{"answer", "by", "expire"}
	}
	f := p.fields(n, "an answer", keys...)
	var given, names []string
	for _, v := range ways {
		names = append(names, string(v))
		if f[string(v)] != nil {
			given = append(given, string(v))
			a.verdict = v
		}
	}
	if len(given) != 1 {
		last := len(names) - 1
		p.report(n, "an answer is one of %s and %s", strings.Join(names[:last], ", "), names[last])
		return nil
	}
	a.reason = p.text(f["reason"], "reason")
	said := f[string(a.verdict)]
	yes := false
	switch {
	case a.verdict == expires:
		if said.Decode(&yes) != nil || !yes || len(f) > 1 {
			p.report(said, "an answer that does not come is {expire: true}")
		}
	case a.verdict == fills:
		p.filled(a, n, question, said, f["by"])
	case said.Kind == yaml.SequenceNode && a.verdict == approves:
		for _, one := range said.Content {
			a.people = append(a.people, p.person(one))
		}
	default:
		a.people = []string{p.person(said)}
	}
	return a
}

// filled reads an answer to a question, and holds it against the form.
func (p *parser) filled(a *answer, n *yaml.Node, question *playbook.Ask, said, by *yaml.Node) {
	if by == nil {
		p.report(n, "an answer needs the key %q: who gives it", "by")
		return
	}
	a.people, a.values = []string{p.person(by)}, map[string]json.RawMessage{}
	p.entries(said, "answer", func(key, value *yaml.Node) { a.values[key.Value] = p.json(value) })
	if err := question.Form.Check(a.values); err != nil {
		p.report(said, "the question does not take this answer: %v", err)
	}
}

func (p *parser) person(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || !person.MatchString(n.Value) {
		p.report(n, "a person is named by mail address, like alice@example.com")
	}
	return n.Value
}

func (p *parser) expectation(n *yaml.Node) expectation {
	e := expectation{at: place{n}, starts: true}
	if n == nil {
		return e
	}
	f := p.fields(n, "expect", "starts", "outcome", "failed", "approvals", "asks", "calls")
	if b := f["starts"]; b != nil {
		if b.Decode(&e.starts) != nil || e.starts || len(f) > 1 {
			p.report(b, "starts is false, and alone: every other expectation is of a run")
		}
		return e
	}
	if (f["outcome"] == nil) == (f["failed"] == nil) && n.Kind == yaml.MappingNode {
		p.report(n, "expect needs one of outcome and failed")
	}
	if o := f["outcome"]; o != nil {
		text := p.text(o, "outcome")
		e.outcome, e.outcomeAt = &text, place{o}
	}
	if o := f["failed"]; o != nil {
		text := p.text(o, "failed")
		e.failed, e.failedAt = &text, place{o}
	}
	if o := f["approvals"]; o != nil {
		e.approvalsAt = &place{o}
		for _, id := range p.list(o, "approvals") {
			e.approvals = append(e.approvals, p.text(id, "an approval"))
		}
	}
	if o := f["asks"]; o != nil {
		e.asksAt = &place{o}
		for _, id := range p.list(o, "asks") {
			e.asks = append(e.asks, p.text(id, "a question"))
		}
	}
	if o := f["calls"]; o != nil {
		e.callsAt = &place{o}
		for _, c := range p.list(o, "calls") {
			e.calls = append(e.calls, p.call(c))
		}
	}
	return e
}

func (p *parser) call(n *yaml.Node) expectedCall {
	c := expectedCall{at: place{n}}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		p.report(n, "a call is the name of an activity and its input, like lamp.look: {lamp: desk}")
		return c
	}
	c.activity = n.Content[0].Value
	if names := p.callable(); !slices.Contains(names, c.activity) {
		p.report(n, "the playbook %s does not call %q%s", p.pb.Name, c.activity, expr.DidYouMean(c.activity, names))
	}
	if n.Content[1].Tag != "!!null" {
		c.input = p.json(n.Content[1])
	}
	return c
}
