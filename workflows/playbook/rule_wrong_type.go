package playbook

const ruleWrongType = "wrong-type"

func wrongTypeRule() Rule {
	return Rule{
		ID:          ruleWrongType,
		Description: "Every value has the type that its place wants.",
		Why:         "YAML reads an account id without quotes as a number and drops its zeros. Better told now than by the provider in the middle of a run.",
		Example: `playbook: example
stage: run
steps:
  - activity: aws.iam.get_user
    with: {account: 012345678901, user: deployer}
`,
		Problem: `example.yaml:5:21: want string, got the number 012345678901; write it in quotes, "012345678901" [wrong-type]`,
	}
}
