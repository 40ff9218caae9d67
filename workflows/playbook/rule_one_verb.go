package playbook

const ruleVerb = "one-verb"

func oneVerbRule() Rule {
	return Rule{
		ID:          ruleVerb,
		Description: "A step has exactly one verb.",
		Why:         "The verb says what the step does. Two of them leave open which comes first.",
		Example: `playbook: example
stage: run
steps:
  - id: user
    activty: aws.iam.get_user
`,
		Problem: `example.yaml:4:5: the step has no verb, but a key "activty"; did you mean "activity"? [one-verb]`,
	}
}
