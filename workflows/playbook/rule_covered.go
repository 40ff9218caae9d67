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
		Problem: `example.yaml:7:9: an approval covers calls of activities; a step with "wait" goes before or after it [covered]`,
	}
}

// uncovered reports a step that no approval can cover, and only that.
func (c *checker) uncovered(s *Step, sc *scope) {
	if keyword := s.Verb.Keyword(); keyword != "" {
		c.reportAt(ruleCovered, s.node, "an approval covers calls of activities; a step with %q goes before or after it", keyword)
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
