package playbook

const ruleUndo = "undo"

func undoRule() Rule {
	return Rule{
		ID:          ruleUndo,
		Description: "What is to be put back can be put back, by a change.",
		Why:         "Nobody is asked before a run that has failed puts back what it did, so that must be certain to be possible, and harmless.",
		Example: `playbook: example
stage: run
steps:
  - activity: aws.iam.get_user
    with: {account: "111122223333", user: alice}
    undo: automatic
`,
		Problem: `example.yaml:6:11: aws.iam.get_user only reads: there is nothing to put back [undo]`,
	}
}
