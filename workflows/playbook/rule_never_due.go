package playbook

const ruleNeverDue = "never-due"

func neverDueRule() Rule {
	return Rule{
		ID:          ruleNeverDue,
		Description: "A schedule is due at some time.",
		Why:         "An audit that never starts looks like one that finds nothing.",
		Example: `playbook: example
stage: audit
schedule:
  cron: 0 6 30 2 *
steps:
  - stop: done
`,
		Problem: `example.yaml:4:9: "0 6 30 2 *" is never: no month that it names has such a day [never-due]`,
	}
}
