package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// Signature is what tests need to know of an activity.
type Signature struct {
	Effect  string
	Targets []string // names of fields of its input
}

// Result is how one case ended.
type Result struct {
	Name string `json:"name"`
	Line int    `json:"line"`
	// Failures say what was expected and what the policy says; empty: it is as expected.
	Failures []string `json:"failures"`
}

// Test runs the cases of a test file, NAME_test.yaml beside NAME.yaml:
//
//	cases:
//	  - name: an access key is disabled by people
//	    call: {activity: aws.iam.disable_access_key, input: {account: "111122223333", user: deployer, access_key_id: AKIA...}}
//	    now: 2026-11-28T21:14:00Z
//	    expect: {mode: approval, rule: change, groups: [secops-oncall], quorum: 1}
//
// In the place of call, calls holds several, of which each must be as expected. A call may have
// undo: run or person; beside it stand playbook, started_by and now (noon of 1 January 2026, a
// Thursday, if left out). Of an activity that is not known, the call also says the effect and the
// targets. expect has the keys mode, rule, groups, quorum, expires and breaker; breaker names the
// one that trips when recent, a mapping of "<activity>@<account>" to numbers, is on record.
//
// Problems are mistakes in the file; then nothing has run.
func (p *Policy) Test(file string, text []byte, known map[string]Signature) ([]Result, Problems) {
	f, root := playbook.Open(file, "a file of tests of a policy", text)
	if root == nil {
		return nil, f.Problems()
	}
	t := &tester{File: f, known: known, names: map[string]int{}}
	top, ok := t.Mapping(root, "a file of tests", "cases")
	if !ok || !top.Require("cases") {
		return nil, f.Problems()
	}
	var cases []testCase
	for _, n := range top.List("cases") {
		cases = append(cases, t.one(n))
	}
	if problems := f.Problems(); len(problems) > 0 {
		return nil, problems
	}
	results := make([]Result, len(cases))
	for i, c := range cases {
		results[i] = c.run(p)
	}
	return results, nil
}

type tester struct {
	*playbook.File

	known map[string]Signature
	names map[string]int
}

type testCase struct {
	name   string
	line   int
	calls  []Facts
	recent map[string]int
	expect expectation
}

// expectation is what the file says; a nil field is not looked at.
type expectation struct {
	mode, rule, breaker *string
	need                grant.Need
	expires             *time.Duration
}

func (t *tester) one(n *yaml.Node) testCase {
	c := testCase{line: n.Line, recent: map[string]int{}}
	m, ok := t.Mapping(n, "a case", "name", "call", "calls", "playbook", "started_by", "now", "recent", "expect")
	if !ok || !m.Require("name", "expect") {
		return c
	}
	c.name = m.Text("name")
	if line, twice := t.names[c.name]; twice {
		t.Bad(n, "the name %q is already that of the case at line %d", c.name, line)
	}
	t.names[c.name] = n.Line
	if m.Has("call") == m.Has("calls") {
		t.Bad(n, "a case has a call, or calls")
	}
	calls := m.List("calls")
	if m.Has("call") {
		calls = []*yaml.Node{m.Node("call")}
	}
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	if at := m.Node("now"); at != nil {
		var err error
		if now, err = time.Parse(time.RFC3339, at.Value); err != nil {
			t.Bad(at, "\"now\" is a time with its zone, like 2026-12-01T00:00:00Z")
		}
	}
	for _, one := range calls {
		f := t.call(one)
		f.Playbook, f.StartedBy, f.Now = m.Text("playbook"), m.Text("started_by"), now
		c.calls = append(c.calls, f)
	}
	m.Entries("recent", func(key, value *yaml.Node) {
		var many int
		if !strings.Contains(key.Value, "@") || value.Tag != "!!int" || value.Decode(&many) != nil || many < 0 {
			t.Bad(key, "\"recent\" is how many effects there were, like \"aws.iam.disable_access_key@111122223333\": 20")
		}
		c.recent[key.Value] = many
	})
	c.expect = t.expectation(m.Node("expect"))
	return c
}

func (t *tester) call(n *yaml.Node) Facts {
	m, ok := t.Mapping(n, "a call", "activity", "input", "effect", "targets", "undo")
	if !ok || !m.Require("activity", "input") {
		return Facts{}
	}
	name := m.Text("activity")
	s, known := t.known[name]
	switch {
	case known && (m.Has("effect") || m.Has("targets")):
		t.Bad(n, "the effect and the targets of %s are known; leave them out", name)
	case !known && !(m.Has("effect") && m.Has("targets")):
		t.Bad(m.Node("activity"), "no activity is called %q%s; of one that is not known, say the effect and the targets (names of input fields)",
			name, expr.DidYouMean(name, expr.Keys(t.known)))
		return Facts{}
	case !known:
		s.Effect = m.Text("effect")
		for _, field := range m.Texts("targets") {
			s.Targets = append(s.Targets, field.Value)
		}
	}
	if s.Effect != "change" && s.Effect != "destroy" {
		t.Bad(n, "%s is a %s; a policy judges what is a change or a destroy", name, s.Effect)
	}
	raw, err := playbook.JSON(m.Node("input"))
	if err != nil {
		t.Bad(m.Node("input"), "%v", err)
		return Facts{}
	}
	f, err := FactsOf(name, s.Effect, s.Targets, raw)
	if err != nil {
		t.Bad(m.Node("input"), "%v", err)
	}
	if f.Undo = m.Text("undo"); m.Has("undo") && f.Undo != UndoByRun && f.Undo != UndoByPerson {
		t.Bad(m.Node("undo"), "\"undo\" is run or person")
	}
	return f
}

func (t *tester) expectation(n *yaml.Node) expectation {
	var e expectation
	m, ok := t.Mapping(n, "expect", "mode", "rule", "groups", "quorum", "expires", "surfaces", "breaker")
	if !ok {
		return e
	}
	if len(n.Content) == 0 {
		t.Bad(n, "\"expect\" expects nothing")
	}
	text := func(key string) *string {
		if !m.Has(key) {
			return nil
		}
		s := m.Text(key)
		return &s
	}
	e.mode, e.rule, e.breaker = text("mode"), text("rule"), text("breaker")
	if e.mode != nil && Mode(*e.mode).strictness() > Never.strictness() {
		t.Bad(m.Node("mode"), "\"mode\" cannot be %.80q%s", *e.mode, expr.DidYouMean(*e.mode, []string{"automatic", "approval", "manual", "never"}))
	}
	for _, group := range m.Texts("groups") {
		e.need.Groups = append(e.need.Groups, group.Value)
	}
	for _, surface := range m.Texts("surfaces") {
		if !slices.Contains(grant.Surfaces(), surface.Value) {
			t.Bad(surface, "%.80q is no place where people vote%s", surface.Value, expr.DidYouMean(surface.Value, grant.Surfaces()))
		}
		e.need.Surfaces = append(e.need.Surfaces, surface.Value)
	}
	e.need.Quorum = m.Integer("quorum", 1, maxQuorum, 0)
	if m.Has("expires") {
		d := m.Duration("expires", minExpires, maxExpires, 0)
		e.expires = &d
	}
	return e
}

func (c testCase) run(p *Policy) Result {
	r := Result{Name: c.name, Line: c.line, Failures: []string{}}
	for i, f := range c.calls {
		which := ""
		if len(c.calls) > 1 {
			which = fmt.Sprintf("call %d: ", i+1)
		}
		for _, failure := range c.expect.differs(p, f, c.recent) {
			r.Failures = append(r.Failures, which+failure)
		}
	}
	return r
}

// differs says what is not as expected.
func (e expectation) differs(p *Policy, f Facts, recent map[string]int) []string {
	v := p.Judge(f)
	var out []string
	differ := func(what, want, got string) {
		if want != got {
			out = append(out, fmt.Sprintf("expected the %s %q, got %q", what, want, got))
		}
	}
	if e.mode != nil {
		differ("mode", *e.mode, string(v.Mode))
	}
	if e.rule != nil {
		differ("rule", *e.rule, v.Rule)
	}
	if e.need.Groups != nil {
		differ("groups", names(e.need.Groups), names(v.Need.Groups))
	}
	if e.need.Surfaces != nil {
		differ("surfaces", names(e.need.Surfaces), names(v.Need.Surfaces))
	}
	if e.need.Quorum != 0 {
		differ("quorum", fmt.Sprint(e.need.Quorum), fmt.Sprint(v.Need.Quorum))
	}
	if e.expires != nil {
		differ("time to decide", e.expires.String(), v.Expires.String())
	}
	if e.breaker != nil {
		b, _, err := p.Tripped(f, func(time.Time) (map[string]int, error) { return recent, nil })
		if err != nil {
			return append(out, err.Error())
		}
		differ("breaker", *e.breaker, b.Name)
	}
	if len(out) > 0 && v.Reason != "" {
		out[len(out)-1] += ": " + v.Reason
	}
	return out
}

func names(groups []string) string {
	return strings.Join(slices.Sorted(slices.Values(groups)), ", ")
}
