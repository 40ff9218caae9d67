package playbook

const ruleMissingBound = "missing-bound"

func missingBoundRule() Rule {
	return Rule{
		ID:          ruleMissingBound,
		Description: "What nobody can promise to come is waited for only so long.",
		Why:         "An event may never arrive. A run that waits without an end looks alive and does nothing, and only the author knows how long is long enough.",
		Example: `playbook: example
stage: run
steps:
  - id: more
    wait: {event: aws.guardduty.finding}
`,
		Problem: `example.yaml:5:11: a wait for an event needs the key "expires": how long at most, like 2h [missing-bound]`,
	}
}
