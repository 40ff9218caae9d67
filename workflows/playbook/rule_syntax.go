package playbook

const ruleSyntax = "syntax"

func syntaxRule() Rule {
	return Rule{
		ID:          ruleSyntax,
		Description: "The file is strict YAML: UTF-8, one document, no anchors, aliases, tags or merge keys, and no invisible characters.",
		Why:         "What a reviewer sees must be what runs. An alias, a merge key or a character that turns text around says one thing to the eye and another to the machine.",
		Example: `playbook: example
stage: run
title: &name Example
steps:
  - stop: *name
`,
		Problem: `example.yaml:3:8: the anchor &name is refused: write the value out where it is needed [syntax]`,
	}
}
