package playbook

const ruleCall = "cannot-call"

func cannotCallRule() Rule {
	return Rule{
		ID:          ruleCall,
		Description: "A playbook that is called has no problems, does not lead back to its caller, and gets an event of a type that it was written for, if it reads any.",
		Why:         "Runs that call each other in a circle would never end, and a playbook that finds another event than it expects fails in the middle.",
		Example: `playbook: example
stage: run
triggers:
  - event: github.secret_scanning_alert
steps:
  - playbook: aws-contain-finding
`,
		Problem: `example.yaml:6:15: the playbook aws-contain-finding reads its event, which is aws.guardduty.finding; here it may be github.secret_scanning_alert: give it what it needs as inputs [cannot-call]`,
	}
}
