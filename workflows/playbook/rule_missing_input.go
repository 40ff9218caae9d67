package playbook

const ruleMissingInput = "missing-input"

func missingInputRule() Rule {
	return Rule{
		ID:          ruleMissingInput,
		Description: "An activity is given every input that it needs.",
		Why:         "An activity refuses a call without its targets. The run would fail at the step, after everything before it was done.",
		Example: `playbook: example
stage: run
steps:
  - activity: aws.iam.get_user
    with: {user: deployer}
`,
		Problem: `example.yaml:5:11: aws.iam.get_user takes "account" (string), which is missing [missing-input]`,
	}
}
