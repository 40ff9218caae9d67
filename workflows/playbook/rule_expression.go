package playbook

const ruleExpression = "expression"

func expressionRule() Rule {
	return Rule{
		ID:          ruleExpression,
		Description: "Expressions are CEL of the right type, and read only what is there by then.",
		Why:         "An expression is evaluated once, in the incident. All that can be known of it before is its names, its types and the order of the steps.",
		Example: `playbook: example
stage: run
steps:
  - id: user
    activity: aws.iam.get_user
    with: {account: "111122223333", user: deployer}
  - stop: "the user has the id ${steps.user.output.user_idd}"
`,
		Problem: `example.yaml:7:51: steps.user.output has no field "user_idd"; did you mean "user_id"? [expression]`,
	}
}
