package playbook

const ruleBadValue = "bad-value"

func badValueRule() Rule {
	return Rule{
		ID:          ruleBadValue,
		Description: "Names and words have the form that their place wants.",
		Why:         "Ids, names and stages are read by expressions, by the record and by people. One form lets all of them find each other.",
		Example: `playbook: example
stage: production
steps:
  - stop: done
`,
		Problem: `example.yaml:2:8: "production" is not a stage; want one of audit, build, code, deploy, run [bad-value]`,
	}
}
