package playbook

import "github.com/countersign/countersign/workflows/expr"

const ruleCovered = "covered"

func coveredRule() Rule {
	return Rule{
		ID:          ruleCovered,
		Description: "An approval covers calls of activities that can be resolved before anyone decides.",
		Why:         "What was seen is what runs. A step that decides later what it does could not be shown, and so not be approved.",
		Example: `playbook: example
stage: run
steps:
  - approve: Delete the bucket?
    approvers: [secops-oncall]
    steps:
      - wait: 10m
      - activity: aws.s3.delete_bucket
        with: {bucket: leaked}
`,
		Problem: `example.yaml:7:9: an approval covers calls of activities, and for_each of such; a step with "wait" goes before or after it [covered]`,
	}
}

// coversLoop reports what keeps a loop from being covered: its items and all of their calls must be
// known before anyone decides.
func (c *checker) coversLoop(s *Step, loop *ForEach, sc *scope) bool {
	ok := true
	for _, inner := range loop.Steps {
		if _, call := inner.Verb.(*Activity); !call {
			c.uncovered(inner, sc)
			ok = false
		} else if inner.If != nil {
			c.reportAt(ruleCovered, inner.If.node, "what an approval covers runs as it was shown, all of it; leave out of the list what is not meant")
		}
	}
	if s.If != nil {
		c.reportAt(ruleCovered, s.If.node, "what an approval covers runs as it was shown, all of it; put the condition on the approval")
	}
	if s.Timeout != 0 || s.Retry.Times > 1 || s.Undo != nil {
		c.reportAt(ruleCovered, s.node, "a loop that an approval covers has no timeout, retry or undo of its own; its calls may have them")
	}
	loop.covered = true
	if !ok && s.named {
		sc.forget(s.ID)
	}
	return ok
}

// coveredCalls checks the calls of one item of a covered loop. They cannot read each other, as they
// are resolved before anyone decides; what collects can.
func (c *checker) coveredCalls(steps []*Step, item *scope) {
	before := item.cover("runs only after the approval: what an approval covers is resolved before anyone decides", steps)
	for _, s := range steps {
		again := c.identify(s)
		c.title(s, before)
		fields := s.Verb.check(c, s, before)
		c.undo(s, fields, before)
		if s.Continue {
			fields = skippable(fields, "the step may have failed")
		}
		item.add(s, fields)
		if again {
			item.forget(s.ID)
		}
	}
}

// uncovered reports a step that no approval can cover, and only that.
func (c *checker) uncovered(s *Step, sc *scope) {
	if keyword := s.Verb.Keyword(); keyword != "" {
		c.reportAt(ruleCovered, s.node, "an approval covers calls of activities, and for_each of such; a step with %q goes before or after it", keyword)
	}
	Walk([]*Step{s}, func(s *Step) {
		if b, ok := s.Verb.(*broken); ok {
			b.check(c, s, sc)
		} else if s.named {
			sc.forget(s.ID)
		}
		if set, ok := s.Verb.(*Set); ok {
			for _, name := range set.Names() {
				sc.setVar(expr.Field{Name: name, Type: expr.Any})
			}
		}
	})
}
