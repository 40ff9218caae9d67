package playbook

const ruleActivity = "unknown-activity"

func unknownActivityRule() Rule {
	return Rule{
		ID:          ruleActivity,
		Description: "An activity is one that is registered.",
		Why:         "A worker cannot run what it does not have, and would say so in the middle of an incident.",
		Example: `playbook: example
stage: run
steps:
  - activity: aws.iam.get_usr
    with: {account: "111122223333", user: deployer}
`,
		Problem: `example.yaml:4:15: there is no activity "aws.iam.get_usr"; did you mean "aws.iam.get_user"? [unknown-activity]`,
	}
}
