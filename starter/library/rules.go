package library

import "github.com/countersign/countersign/workflows/playbook"

// The rules of a library. Those of one playbook are in package playbook.
const (
	ruleDuplicateName = "duplicate-name"
	ruleUnreadable    = "unreadable"
	ruleFileName      = "file-name"
	ruleSchema        = "event-schema"
	ruleLimits        = "limits" // as the language says it of a file that is too large
)

// Rules are the rules of a library and of the playbooks in it. The example of a rule of the library
// is files, each below a line "-- name --", or a link, "name -> target".
func Rules() []playbook.Rule {
	return append(playbook.Rules(),
		playbook.Rule{
			ID:          ruleDuplicateName,
			Description: "The name of a playbook is that of no other.",
			Why:         "Runs are called by the name of their playbook. With two of one name nobody could tell which of them answered.",
			Example: `-- run/first.yaml --
playbook: example
stage: run
steps:
  - stop: done
-- run/second.yaml --
playbook: example
stage: run
steps:
  - stop: done
`,
			Problem: `run/second.yaml:1:11: the name "example" is already that of run/first.yaml [duplicate-name]`,
		},
		playbook.Rule{
			ID:          ruleUnreadable,
			Description: "A file that looks like a playbook can be read.",
			Why:         "A playbook that is silently not there is missed in the incident it was written for.",
			Example:     "run/example.yaml -> gone.yaml\n",
			Problem:     `run/example.yaml:1:1: it cannot be read: no such file or directory [unreadable]`,
		},
		playbook.Rule{
			ID:          ruleFileName,
			Description: "Playbooks are files that end in .yaml.",
			Why:         "One ending, so that nobody asks why a playbook never starts.",
			Example: `-- run/example.yml --
playbook: example
stage: run
steps:
  - stop: done
`,
			Problem: `run/example.yml:1:1: playbooks are files that end in .yaml; rename it [file-name]`,
		},
		playbook.Rule{
			ID:          ruleSchema,
			Description: "What describes a type of event is a JSON Schema.",
			Why:         "Without the description every playbook for such events goes unchecked.",
			Example:     "-- events/shop.order.schema.json --\n{\"type\": \"object\", \"properties\": []}\n",
			Problem:     `events/shop.order.schema.json:1:1: it is no JSON Schema: it, or the value of one of its keys, is of the wrong type [event-schema]`,
		},
	)
}
