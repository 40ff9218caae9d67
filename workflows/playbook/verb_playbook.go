package playbook

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

// Child runs another playbook as a run of its own, with approvals of its own, and waits for its end.
//
//	playbook: aws-contain-key
//	with: {user: "${inputs.user}"}
//
// The called playbook needs no trigger. If it fails, also by stop with failed: true, the step fails
// for the same reason; if the run is cancelled, so is the called one, whose finally still runs.
//
// Its event is that of the caller. If it has triggers, it was written for events of their types: it
// may read the event, and take inputs from it, only where every trigger of the caller is for one of
// those types. Otherwise all inputs without a default are given in with.
//
// It offers outcome.
type Child struct {
	Name string
	With *Value
	// Inputs is what with may give.
	Inputs *expr.Type

	node *yaml.Node
}

func playbookVerb() verb {
	return verb{
		keyword: "playbook",
		keys:    []string{"with"},
		parse: func(_ *parser, o object) Verb {
			n, with := o.call("playbook")
			if n == nil {
				return nil
			}
			return &Child{Name: n.Value, With: with, Inputs: expr.Any, node: n}
		},
	}
}

// Keyword implements Verb.
func (*Child) Keyword() string { return "playbook" }

func (v *Child) check(c *checker, step *Step, sc *scope) []expr.Field {
	offers := []expr.Field{{Name: "outcome", Type: expr.String}}
	c.childName(step, sc)
	callee, ok := c.catalog.Playbooks.Lookup(v.Name)
	if !ok {
		c.reportAt(rulePlaybook, v.node, "there is no playbook %q%s", v.Name, orWhere(expr.DidYouMean(v.Name, c.catalog.Playbooks.Names())))
		return offers
	}
	if callee.Why != "" {
		c.reportAt(ruleCall, v.node, "the playbook %s cannot be called: %s", v.Name, callee.Why)
		return offers
	}
	face, err := callee.Plan.face()
	if err != nil {
		c.reportAt(ruleCall, v.node, "the playbook %s cannot be called: %v", v.Name, err)
		return offers
	}
	if calls := callee.Plan.calls() + 1; calls > maxCalls {
		c.reportAt(ruleLimits, v.node, "with %s playbooks are called %d deep; at most %d", v.Name, calls, maxCalls)
		return offers
	}
	fits := c.sameEvents(face.events)
	if !fits && len(face.events) > 0 && face.reads > 0 {
		c.reportAt(ruleCall, v.node, "the playbook %s reads its event, which is %s; %s: give it what it needs as inputs",
			v.Name, strings.Join(face.events, " or "), c.otherEvents())
	}
	v.Inputs = v.takes(c, face, fits)
	c.value(v.With, v.Inputs, fmt.Sprintf("the playbook %s takes", v.Name), sc)
	if _, had := c.called[v.Name]; !had {
		c.called[v.Name] = callee.Plan
		if c.carried += callee.Plan.size(); c.carried > maxPlan {
			c.reportAt(ruleLimits, v.node, "with %s the playbooks that are called have %d bytes together, which each run carries; at most %d", v.Name, c.carried, maxPlan)
		}
	}
	return offers
}

// maxChildName lets a run that is maxCalls deep have an id that Temporal takes, of 1,000 bytes.
const maxChildName = 150

// childName checks the name that a step adds to the id of the run, for what it starts.
func (c *checker) childName(step *Step, sc *scope) {
	if name := sc.depth + len(step.ID); name > maxChildName {
		c.reportAt(ruleBound, step.node, "the name of the step, with the loops around it, may have %d characters; at most %d fit into the id of the run it starts: use shorter ids", name, maxChildName)
	}
}

// orWhere says where a playbook is looked for, if no name is near.
func orWhere(near string) string {
	if near != "" {
		return near
	}
	return "; it is looked for among the files that are read, beside them, and in the folder of --playbooks"
}

// sameEvents reports whether every event that starts this playbook is of one of these types.
func (c *checker) sameEvents(events []string) bool {
	for _, t := range c.starts {
		if !slices.Contains(events, t.Event) {
			return false
		}
	}
	return len(c.starts) > 0
}

// otherEvents says what event this playbook has instead.
func (c *checker) otherEvents() string {
	if len(c.starts) == 0 {
		return "here it may be any, as this playbook has no triggers"
	}
	return "here it may be " + strings.Join(triggerTypes(c.starts), " or ")
}

// takes is the type of with: what the called playbook needs and does not find by itself.
func (v *Child) takes(c *checker, face *face, fits bool) *expr.Type {
	fields := make([]expr.Field, len(face.inputs))
	for i, in := range face.inputs {
		optional := in.Default != nil || in.From != nil && fits
		if in.From != nil && !optional && !v.With.gives(in.Name) {
			c.reportAt(ruleMissingInput, v.With.node, "the playbook %s takes %q (%s) from an event that it does not have here: give it", v.Name, in.Name, in.Type)
			optional = true // it has been said
		}
		fields[i] = expr.Field{Name: in.Name, Type: in.Type, Optional: optional}
	}
	return expr.Object(fields...)
}

// gives reports whether a mapping has an entry, or may have it: one that is an expression may.
func (v *Value) gives(name string) bool {
	if v.node.Kind != yaml.MappingNode {
		return true
	}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		if v.node.Content[i].Value == name {
			return true
		}
	}
	return false
}
