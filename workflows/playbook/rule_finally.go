package playbook

const ruleFinally = "finally"

func finallyRule() Rule {
	return Rule{
		ID:          ruleFinally,
		Description: "What runs at the end of a try, whatever happened, does not hide how it ended.",
		Why:         "A stop in finally would turn a failure into an outcome, and a cancelled run into one that is done.",
		Example: `playbook: example
stage: run
steps:
  - try:
      - activity: aws.iam.get_user
        with: {account: "111122223333", user: deployer}
    finally:
      - stop: done
`,
		Problem: `example.yaml:8:9: a stop cannot stand in finally, where it would hide how the steps before it ended [finally]`,
	}
}
