package playbook

import "go.yaml.in/yaml/v3"

const ruleLimits = "limits"

func limitsRule() Rule {
	return Rule{
		ID:          ruleLimits,
		Description: "The file stays within the bounds on size, depth, values and steps.",
		Why:         "A run carries its whole plan, and a worker reads it inside the second that it may take. A file that nobody can read is refused while it is still a file.",
		Example: `playbook: example
stage: run
labels: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}
steps:
  - stop: done
`,
		Problem: `example.yaml:3:130: the file is nested more than 32 levels deep [limits]`,
	}
}

// maxExpressions bounds all expressions of a playbook together, in bytes. A worker compiles a plan
// inside the run, where a second is all it may take; this much takes a good part of half of it.
const maxExpressions = 32 << 10

// afford reports whether one more expression may be compiled.
func (c *checker) afford(n *yaml.Node) bool {
	before := c.spent
	c.spent += len(n.Value)
	if c.spent > maxExpressions && before <= maxExpressions {
		c.reportAt(ruleLimits, n, "the expressions of the playbook are more than %d bytes together; move some into an activity or another playbook", maxExpressions)
	}
	return c.spent <= maxExpressions
}
