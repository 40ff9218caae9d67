package playbook

const ruleNeedsApproval = "needs-approval"

func needsApprovalRule() Rule {
	return Rule{
		ID:          ruleNeedsApproval,
		Description: "What cannot be undone stands under an approval.",
		Why:         "A change that was wrong is put back. After a destroy there is nothing to put back, so people decide first.",
		Example: `playbook: example
stage: run
steps:
  - activity: aws.s3.delete_bucket
    with: {bucket: leaked}
`,
		Problem: `example.yaml:4:15: aws.s3.delete_bucket cannot be undone: put it under the steps of an approve [needs-approval]`,
	}
}
