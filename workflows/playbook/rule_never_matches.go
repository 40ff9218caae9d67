package playbook

import (
	"strings"

	"github.com/countersign/countersign/workflows/expr"
)

const ruleNeverMatches = "never-matches"

func neverMatchesRule() Rule {
	return Rule{
		ID:          ruleNeverMatches,
		Description: "Every trigger can start the playbook.",
		Why:         "A playbook that never starts looks like one that was never needed. Only what certainly cannot be is refused: a field that is two things at once, a text that does not begin as it must, a trigger behind one that takes all of its events.",
		Example: `playbook: example
stage: run
triggers:
  - event: aws.guardduty.finding
    if: event.data.type.startsWith("Recon:") && event.data.type == "UnauthorizedAccess:IAMUser/MaliciousIPCaller"
steps:
  - stop: done
`,
		Problem: `example.yaml:5:9: the condition never holds, so the trigger never starts the playbook [never-matches]`,
	}
}

// matches reports a trigger that no event starts: for what it asks itself, or because one before it
// takes every event that it would.
func (c *checker) matches(t *Trigger, sc *scope, before []*Trigger) {
	if c.catalog.partial || c.unread || t.If != nil && t.If.Program == nil {
		return
	}
	for _, earlier := range before {
		if earlier.Event == t.Event && (earlier.If == nil || t.If != nil && text(earlier.If) == text(t.If)) {
			c.reportAt(ruleNeverMatches, t.node, "the trigger at line %d takes every event that this one would", earlier.node.Line)
			return
		}
	}
	if t.If != nil && c.when(t.If, true, expr.Facts{}, sc).Never() {
		c.reportAt(ruleNeverMatches, t.If.node, "the condition never holds, so the trigger never starts the playbook")
	}
}

// text is an expression in one spelling.
func text(e *Expr) string { return strings.Join(strings.Fields(e.node.Value), " ") }
