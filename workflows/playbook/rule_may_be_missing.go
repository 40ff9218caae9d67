package playbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

const ruleMayBeMissing = "may-be-missing"

func mayBeMissingRule() Rule {
	return Rule{
		ID:          ruleMayBeMissing,
		Description: "What may not be there is asked for, with .?, has() or a condition around it.",
		Why:         "A step that was skipped has no output, and an event may lack a field. Whoever reads it all the same learns so in the incident, when the run fails. Only dedupe and from need not ask: there an event that lacks a field is refused at the door, before anything ran.",
		Example: `playbook: example
stage: run
inputs:
  user: {type: string}
steps:
  - id: user
    if: inputs.user != "root"
    activity: aws.iam.get_user
    with: {account: "111122223333", user: "${inputs.user}"}
  - stop: "the user has the id ${steps.user.output.user_id}"
`,
		Problem: `example.yaml:10:44: steps.user.output may be missing: it is there only where the condition at line 7 holds; write steps.user.?output.user_id.orValue(""), or ask first: has(steps.user.output) [may-be-missing]`,
	}
}

// reader is a compiled expression or template.
type reader interface {
	Missing(env *expr.Env, known expr.Facts, laws *expr.Laws) []expr.Missing
}

// missing reports what an expression reads though it may not be there.
func (c *checker) missing(n *yaml.Node, read reader, sc *scope) {
	if c.catalog.partial {
		return
	}
	var unsure, absent []expr.Problem
	for _, m := range read.Missing(sc.env(), sc.facts, c.laws) {
		if m.Value != "" {
			absent = append(absent, expr.Problem{Line: m.Line, Column: m.Column, Message: fmt.Sprintf("%s is never %q%s", m.Path, m.Value, m.Near)})
			continue
		}
		if m.Never {
			absent = append(absent, expr.Problem{Line: m.Line, Column: m.Column, Message: fmt.Sprintf("%s has no key %q%s", m.Path, m.Field.Name, m.Near)})
			continue
		}
		how := "ask first: " + m.Ask
		if m.Instead != "" {
			how = fmt.Sprintf("write %s, or %s", m.Instead, how)
		}
		unsure = append(unsure, expr.Problem{Line: m.Line, Column: m.Column, Message: fmt.Sprintf("%s may be missing: %s; %s", m.Path, c.why(m), how)})
	}
	c.reportInside(ruleMayBeMissing, n, unsure)
	c.reportInside(ruleExpression, n, absent)
}

func (c *checker) why(m expr.Missing) string {
	switch root, _, _ := strings.Cut(m.Path, "."); {
	case m.Field.Why != "":
		return m.Field.Why
	case root == "event", root == "candidate":
		return "not every such event has it"
	case root == "steps":
		return "the activity does not always give it"
	default:
		return "it is optional"
	}
}

// claim says of a field of a step that it is, or is not, a value.
func claim(s *Step, field string, value any, not bool) expr.Claim {
	text := fmt.Sprint(value)
	switch value.(type) {
	case string, Status:
		text = strconv.Quote(text)
	}
	return expr.Claim{Path: expr.Path("steps", s.ID, field), Value: text, Not: not}
}

// whole says of a step that it was done.
func whole(s *Step) []expr.Claim {
	if !s.named {
		return nil // nothing can read its status
	}
	return []expr.Claim{claim(s, "status", StatusSkipped, true), claim(s, "status", StatusFailed, true)}
}

// when is what is known where a condition holds, or does not.
func (c *checker) when(e *Expr, holds bool, known expr.Facts, sc *scope) expr.Facts {
	if c.catalog.partial || e == nil || e.Program == nil {
		return known
	}
	return e.When(sc.env(), holds, known, c.laws)
}

// learn notes what is there once a step was done: what it offers, and what the steps inside it did.
func (c *checker) learn(s *Step, fields []expr.Field, before, after *scope) {
	if c.catalog.partial {
		return
	}
	there := added(before, after)
	for _, f := range fields {
		if s.named && !f.Optional {
			there = append(there, expr.Path("steps", s.ID, f.Name))
		}
	}
	if s.If != nil && !s.Continue {
		c.laws.Add(there, after.under...)
	}
	if !s.named {
		return
	}
	c.laws.Add(there, claim(s, "status", StatusDone, false))
	c.laws.Add(there, whole(s)...)
	c.laws.Add([]string{expr.Path("steps", s.ID, "error")}, claim(s, "status", StatusFailed, false))
	if !s.Continue && !after.caught {
		c.laws.Add(there, claim(s, "status", StatusSkipped, true))
	}
}

// unless adds to a claim about a step, which may hold too where the step has failed and the run
// went on, that it did not.
func (sc *scope) unless(s *Step, c expr.Claim) []expr.Claim {
	if sc.caught || s.Continue {
		return []expr.Claim{c, claim(s, "status", StatusFailed, true)}
	}
	return []expr.Claim{c}
}

// given is a field that a step has where another field of it is true.
func (c *checker) given(s *Step, sc *scope, name string, t *expr.Type, where, why string) expr.Field {
	f := expr.Field{Name: name, Type: t, Optional: true, Why: why}
	if s.named {
		f.Ask = expr.Path("steps", s.ID, where)
		c.laws.Add([]string{expr.Path("steps", s.ID, name)}, sc.unless(s, claim(s, where, true, false))...)
	}
	return f
}

// inside gives a block the claims that hold in it and nowhere else: those of its condition where
// they say all of it, or one made up.
func (c *checker) inside(sc *scope, condition []expr.Claim) {
	if len(condition) > 0 {
		sc.under = slices.Concat(sc.under, condition)
		return
	}
	c.blocks++
	sc.under = []expr.Claim{{Path: fmt.Sprintf("block %d", c.blocks), Value: "true"}}
	sc.facts = sc.facts.Claims(sc.under...)
}

// exactly returns the claims that hold where, and only where, a condition does and it is reached:
// where none of the other conditions before it can hold at the same time.
func (c *checker) exactly(e *Expr, others []expr.Facts, sc *scope) []expr.Claim {
	if c.catalog.partial || e == nil || e.Program == nil {
		return nil
	}
	claims, ok := e.Claims(sc.env())
	if !ok {
		return nil
	}
	for _, other := range others {
		if !other.Claims(claims...).Never() {
			return nil
		}
	}
	return claims
}

// added lists what a block that ran to its end has added.
func added(before, after *scope) []string {
	var there []string
	for _, id := range expr.Keys(after.steps) {
		if _, had := before.steps[id]; had {
			continue
		}
		for _, f := range after.steps[id].Type.Fields() {
			if !f.Optional {
				there = append(there, expr.Path("steps", id, f.Name))
			}
		}
	}
	for _, name := range expr.Keys(after.vars) {
		if had, ok := before.vars[name]; !after.vars[name].Optional && (!ok || had.Optional) {
			there = append(there, expr.Path("vars", name))
		}
	}
	return there
}
