package playbook

const rulePlaybook = "unknown-playbook"

func unknownPlaybookRule() Rule {
	return Rule{
		ID:          rulePlaybook,
		Description: "A playbook that is called is one that can be found.",
		Why:         "A run carries the playbooks that it calls, so they must be known when it is compiled.",
		Example: `playbook: example
stage: run
steps:
  - playbook: aws-contian-key
    with: {user: deployer}
`,
		Problem: `example.yaml:4:15: there is no playbook "aws-contian-key"; did you mean "aws-contain-key"? [unknown-playbook]`,
	}
}
