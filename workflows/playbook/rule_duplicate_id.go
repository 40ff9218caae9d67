package playbook

const ruleDuplicateID = "duplicate-id"

func duplicateIDRule() Rule {
	return Rule{
		ID:          ruleDuplicateID,
		Description: "The id of a step is that of no other.",
		Why:         "Expressions and the record name a step by its id. With two of one id nobody could tell whose output is read.",
		Example: `playbook: example
stage: run
steps:
  - id: user
    activity: aws.iam.get_user
    with: {account: "111122223333", user: deployer}
  - id: user
    activity: aws.iam.get_user
    with: {account: "111122223333", user: builder}
`,
		Problem: `example.yaml:7:5: the id "user" is already that of the step at line 4 [duplicate-id]`,
	}
}

// identify reports an id that another step has.
func (c *checker) identify(s *Step) (taken bool) {
	if !s.named || s.ID == "" {
		return false
	}
	if first, taken := c.ids[s.ID]; taken {
		c.reportAt(ruleDuplicateID, s.node, "the id %q is already that of the step at line %d", s.ID, first.node.Line)
		return true
	}
	c.ids[s.ID] = s
	return false
}
