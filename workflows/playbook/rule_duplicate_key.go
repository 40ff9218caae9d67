package playbook

const ruleDuplicateKey = "duplicate-key"

func duplicateKeyRule() Rule {
	return Rule{
		ID:          ruleDuplicateKey,
		Description: "A key stands once in a mapping.",
		Why:         "Of two values only one would count, and which one is not to be seen.",
		Example: `playbook: example
stage: run
steps:
  - stop: contained
    stop: left alone
`,
		Problem: `example.yaml:5:5: the key "stop" is already at line 4 [duplicate-key]`,
	}
}
