package playbook

const ruleUnknownKey = "unknown-key"

func unknownKeyRule() Rule {
	return Rule{
		ID:          ruleUnknownKey,
		Description: "Every key is one that the language has in this place.",
		Why:         "A key that is misspelt would be left out without a word, and with it the condition or the bound that it was meant to be.",
		Example: `playbook: example
stage: run
steps:
  - stop: done
    fi: event.type == "test.event"
`,
		Problem: `example.yaml:5:5: a step with "stop" has no key "fi"; did you mean "if"? [unknown-key]`,
	}
}
