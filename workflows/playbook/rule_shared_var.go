package playbook

import "go.yaml.in/yaml/v3"

const ruleSharedVar = "shared-var"

func sharedVarRule() Rule {
	return Rule{
		ID:          ruleSharedVar,
		Description: "What runs side by side, or once per item, sets values of its own.",
		Why:         "Which of two branches set a value last depends on the moment. The run would have one result today and another tomorrow.",
		Example: `playbook: example
stage: run
steps:
  - parallel:
      - steps:
          - set: {who: deployer}
      - steps:
          - set: {who: builder}
`,
		Problem: `example.yaml:8:19: vars.who is set in another branch too (line 6); of branches side by side, only one can set it [shared-var]`,
	}
}

// assignment is a place where a value is set.
type assignment struct {
	name string
	node *yaml.Node
}

// assigned finds what steps set for those that follow. What an item of a loop sets is none of it.
func assigned(steps []*Step) []assignment {
	var found []assignment
	for _, s := range steps {
		if set, ok := s.Verb.(*Set); ok {
			for _, name := range set.Names() {
				found = append(found, assignment{name, set.nodes[name]})
			}
		}
		if _, ok := s.Verb.(*ForEach); ok {
			continue
		}
		for _, block := range Inner(s) {
			found = append(found, assigned(block)...)
		}
	}
	return found
}
