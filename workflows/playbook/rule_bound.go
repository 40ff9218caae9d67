package playbook

const ruleBound = "bound"

func boundRule() Rule {
	return Rule{
		ID:          ruleBound,
		Description: "Durations and numbers are within their bounds.",
		Why:         "Every loop, wait and approval ends. The bounds keep a run within what Temporal and a person's patience can take.",
		Example: `playbook: example
stage: run
steps:
  - wait: 90d
  - stop: done
`,
		Problem: `example.yaml:4:11: "wait" is 90d; want 1s to 30d [bound]`,
	}
}

// maxWidth bounds what a run does at the same moment. Temporal takes 2,000 pending calls of a run;
// one that begins more at once would not get on again.
const maxWidth = 500

// width returns how many calls the steps may have under way at the same moment.
func (c *checker) width(steps []*Step) int {
	widest := 0
	for _, s := range steps {
		inside, sum := 1, 0
		for _, block := range Inner(s) {
			w := c.width(block)
			inside, sum = max(inside, w), sum+w
		}
		switch v := s.Verb.(type) {
		case *Parallel:
			inside = max(inside, sum)
		case *ForEach:
			inside *= v.MaxParallel
		}
		if inside > maxWidth {
			c.reportAt(ruleBound, s.node, "the step may do %d things at once; at most %d: lower max_parallel", inside, maxWidth)
			inside = maxWidth
		}
		widest = max(widest, inside)
	}
	return widest
}
