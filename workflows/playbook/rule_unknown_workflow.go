package playbook

const ruleWorkflow = "unknown-workflow"

func unknownWorkflowRule() Rule {
	return Rule{
		ID:          ruleWorkflow,
		Description: "A workflow is one that is registered.",
		Why:         "A worker cannot run what it does not have. Workflows written in Go are added by who builds the worker.",
		Example: `playbook: example
stage: run
steps:
  - workflow: acme.posture_reprot
    with: {account: "111122223333"}
`,
		Problem: `example.yaml:4:15: there is no workflow "acme.posture_reprot"; did you mean "acme.posture_report"? [unknown-workflow]`,
	}
}
