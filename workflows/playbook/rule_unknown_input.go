package playbook

const ruleInput = "unknown-input"

func unknownInputRule() Rule {
	return Rule{
		ID:          ruleInput,
		Description: "An activity is given only inputs that it takes.",
		Why:         "An input that is misspelt would be left out, and the activity would act on less than was meant.",
		Example: `playbook: example
stage: run
steps:
  - activity: aws.iam.get_user
    with: {account: "111122223333", usr: deployer}
`,
		Problem: `example.yaml:5:37: aws.iam.get_user takes no "usr"; did you mean "user"? [unknown-input]`,
	}
}
