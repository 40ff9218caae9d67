package playbook

import "github.com/countersign/countersign/workflows/expr"

const ruleUnreachable = "unreachable"

func unreachableRule() Rule {
	return Rule{
		ID:          ruleUnreachable,
		Description: "Every step, case and default can run.",
		Why:         "A step that no run gets to was meant to do something. Most often a condition around it says the contrary of what its author had in mind.",
		Example: `playbook: example
stage: run
steps:
  - stop: done
  - activity: aws.iam.get_user
    with: {account: "111122223333", user: deployer}
`,
		Problem: `example.yaml:5:5: no run gets here: it always stops before [unreachable]`,
	}
}

// reached reports a step before which every run stops.
func (c *checker) reached(s *Step, sc *scope) {
	if c.catalog.partial || c.unread || !sc.over || sc.told {
		return
	}
	c.reportAt(ruleUnreachable, s.node, "no run gets here: it always stops before")
	sc.told = true
}

// possible reports a condition that can never hold.
func (c *checker) possible(s *Step, sc, inner *scope) {
	if !c.catalog.partial && !c.unread && inner.facts.Never() && !sc.facts.Never() {
		c.reportAt(ruleUnreachable, s.If.node, "the condition never holds here, so the step never runs")
	}
}

// taken reports a case that can never be the first to hold.
func (c *checker) taken(one *Case, sc *scope, rest, holds expr.Facts) {
	switch {
	case c.catalog.partial || c.unread || one.If == nil || sc.facts.Never():
	case rest.Never():
		c.reportAt(ruleUnreachable, one.If.node, "the case is never taken: one before it always is")
	case holds.Never():
		c.reportAt(ruleUnreachable, one.If.node, "the case is never taken: its condition never holds here")
	}
}

// otherwise reports a default that is never taken.
func (c *checker) otherwise(s *Switch, sc *scope, rest expr.Facts) {
	if !c.catalog.partial && !c.unread && rest.Never() && !sc.facts.Never() {
		c.reportAt(ruleUnreachable, s.Default[0].node, "the default is never taken: one of the cases always is")
	}
}
