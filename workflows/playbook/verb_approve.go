package playbook

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Approve asks people. With steps it covers exactly those: they are resolved and shown before
// anyone decides, and run if, and as, they were approved.
//
//	approve: Disable the access key ${inputs.key_id}?
//	approvers: [secops-oncall]
//	quorum: 1
//	expires: 30m
//	escalate: {after: 15m, groups: [secops-leads]}
//	steps: [...]
//
// A step of it is a call, or a for_each of calls, of which all items are known before anyone decides:
// one yes is for all of them.
//
// It offers approved, decision (approved, rejected, expired or skipped), reason (for people to
// read) and by (who decided).
type Approve struct {
	Message   *Value
	Approvers []string      // groups of the directory
	Quorum    int           // how many people must say yes; one no is enough
	Expires   time.Duration // after this long without a decision the answer is no
	Escalate  *Escalation   // nil: nobody else is asked
	Steps     []*Step       // calls of activities, and loops of such

	node *yaml.Node
}

// Escalation asks further groups as well when an approval is not decided after some time. Their
// people then count like those who were asked first; how many must say yes stays the same.
type Escalation struct {
	After  time.Duration // less than the approval has time
	Groups []string      // of the directory

	node *yaml.Node
}

// Bounds and default of an approval.
const (
	DefaultExpiry = 30 * time.Minute
	minExpiry     = time.Minute
	maxExpiry     = 7 * 24 * time.Hour
	maxQuorum     = 10
	// MaxCovered bounds the calls that one approval covers, those of all items counted.
	MaxCovered = 1000
	// maxApprovalName is what a vote may carry: package approval refuses longer ones.
	maxApprovalName = 200
)

func approveVerb() verb {
	return verb{
		keyword: "approve",
		keys:    []string{"approvers", "quorum", "expires", "escalate", "steps"},
		parse: func(p *parser, o object) Verb {
			o.require("approvers")
			a := &Approve{
				Message:   o.value("approve"),
				Approvers: p.groups(o, "approvers"),
				Quorum:    o.integer("quorum", 1, maxQuorum, 1),
				Expires:   o.duration("expires", minExpiry, maxExpiry, DefaultExpiry),
				Steps:     p.block(o, "steps"),
				node:      o.node,
			}
			a.Escalate = p.escalation(o, a)
			return a
		},
	}
}

// groups reads names of groups of the directory.
func (p *parser) groups(o object, key string) []string {
	var groups []string
	for _, n := range o.list(key) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || !nameForm.MatchString(n.Value) {
			p.reportAt(ruleBadValue, n, "%q takes names of groups of the directory, like secops-oncall; got %s", key, form(n))
			continue
		}
		groups = append(groups, n.Value)
	}
	return groups
}

// escalation reads whom else an approval asks, and when.
func (p *parser) escalation(o object, a *Approve) *Escalation {
	n := o.values["escalate"]
	if n == nil {
		return nil
	}
	eo, ok := p.object(n, "escalate", escalateKeys)
	if !ok {
		return nil
	}
	eo.require("after", "groups")
	e := &Escalation{
		After:  eo.duration("after", minExpiry, maxExpiry, minExpiry),
		Groups: p.groups(eo, "groups"),
		node:   eo.values["groups"],
	}
	if e.After >= a.Expires && e.After <= maxExpiry && eo.has("after") {
		p.reportAt(ruleBound, eo.values["after"], "\"after\" of escalate is %s, and the approval has %s: nobody would be asked in time", Span(e.After), Span(a.Expires))
	}
	for i, group := range e.Groups {
		if slices.Contains(a.Approvers, group) && i < len(e.node.Content) {
			p.reportAt(ruleBadValue, e.node, "the group %q is asked from the start: escalate names others", group)
		}
	}
	return e
}

// Keyword implements Verb.
func (*Approve) Keyword() string { return "approve" }

func (a *Approve) inner() [][]*Step { return [][]*Step{a.Steps} }

func (a *Approve) check(c *checker, step *Step, sc *scope) []expr.Field {
	c.text(a.Message, "the question", sc)
	c.people(valueOf(step.node, "approvers"), a.Quorum)
	if a.Escalate != nil {
		c.people(a.Escalate.node, 1)
	}
	c.spoken(step, sc, "approval")
	covered := sc.cover(fmt.Sprintf("runs only after the approval %q: what an approval covers is resolved before anyone decides", step.ID), a.Steps)
	for _, s := range a.Steps {
		if loop, ok := s.Verb.(*ForEach); ok && c.coversLoop(s, loop, sc) {
			again := c.identify(s)
			c.title(s, covered)
			sc.add(s, optional(loop.check(c, s, covered), step))
			if again {
				sc.forget(s.ID)
			}
			continue
		} else if ok {
			continue
		}
		activity, ok := s.Verb.(*Activity)
		if !ok {
			c.uncovered(s, sc)
			continue
		}
		if s.If != nil {
			c.reportAt(ruleCovered, s.If.node, "what an approval covers runs as it was shown, all of it; put the condition on the approval")
		}
		again := c.identify(s)
		c.title(s, covered)
		fields := activity.check(c, s, covered)
		c.undo(s, fields, covered)
		// The step may not run at all (rejected), and later steps must ask.
		fields = optional(fields, step)
		sc.add(s, fields)
		c.learn(s, activity.offers(), sc, sc)
		if !s.Continue && !step.Continue {
			output := []string{expr.Path("steps", s.ID, "output")}
			c.laws.Add(output, sc.unless(step, claim(step, "approved", true, false))...)
			c.laws.Add(output, sc.unless(step, claim(step, "decision", "approved", false))...)
		}
		if again {
			sc.forget(s.ID)
		}
	}
	return []expr.Field{
		{Name: "approved", Type: expr.Bool},
		{Name: "decision", Type: expr.OneOf("approved", "rejected", "expired", "withdrawn", "skipped", "failed")},
		{Name: "reason", Type: expr.String},
		{Name: "by", Type: expr.List(expr.String)},
	}
}

// spoken bounds the name by which people answer a step.
func (c *checker) spoken(step *Step, sc *scope, what string) {
	if name := sc.depth + len(step.ID); name > maxApprovalName {
		c.reportAt(ruleBound, step.node, "the name of the %s, with the loops around it, may have %d characters; at most %d: use shorter ids", what, name, maxApprovalName)
	}
}

// optional marks fields that are there only if the step ran.
func optional(fields []expr.Field, approval *Step) []expr.Field {
	why, ask := "it runs only if the approval before it is given", ""
	if approval.named {
		why = fmt.Sprintf("it runs only if %q is approved", approval.ID)
		ask = expr.Path("steps", approval.ID, "approved")
	}
	out := make([]expr.Field, len(fields))
	for i, f := range fields {
		f.Optional, f.Why, f.Ask = true, why, ask
		out[i] = f
	}
	return out
}
