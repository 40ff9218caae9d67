package playbook

const ruleMissingKey = "missing-key"

func missingKeyRule() Rule {
	return Rule{
		ID:          ruleMissingKey,
		Description: "Every key that is needed is there.",
		Why:         "What the language cannot guess the author says: who approves, when a loop ends, of what type an input is.",
		Example: `playbook: example
stage: run
steps:
  - approve: Delete the bucket?
`,
		Problem: `example.yaml:4:5: a step with "approve" needs the key "approvers" [missing-key]`,
	}
}
