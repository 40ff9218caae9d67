package playbook

import (
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

const ruleEvent = "unknown-event"

func unknownEventRule() Rule {
	return Rule{
		ID:          ruleEvent,
		Description: "The type of an event is not all but that of a known one.",
		Why:         "A playbook that waits for events which nobody sends is missed in the incident it was written for. Sources of one's own need no description, so only what looks like a slip is refused.",
		Example: `playbook: example
stage: run
triggers:
  - event: aws.guardduty.findings
steps:
  - stop: done
`,
		Problem: `example.yaml:4:12: no source sends events of the type "aws.guardduty.findings"; did you mean "aws.guardduty.finding"? [unknown-event]`,
	}
}

// eventData is the type of the data of events of a type: any, unless the catalog knows it. n is
// where the type is named. The plan carries the type.
func (c *checker) eventData(name string, n *yaml.Node) *expr.Type {
	data := c.describe(name, n)
	if _, known := c.catalog.Events.Lookup(name); known {
		c.events[name] = data
	}
	return data
}

// describe is eventData without the plan.
func (c *checker) describe(name string, n *yaml.Node) *expr.Type {
	if data, known := c.catalog.Events.Lookup(name); known {
		return data
	}
	if near, ok := expr.Slip(name, c.catalog.Events.Names()); ok {
		c.reportAt(ruleEvent, n, "no source sends events of the type %q; did you mean %q?", name, near)
	}
	return expr.Any
}
