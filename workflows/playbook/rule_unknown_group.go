package playbook

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/workflows/expr"
)

const ruleGroup = "unknown-group"

func unknownGroupRule() Rule {
	return Rule{
		ID:          ruleGroup,
		Description: "People are asked who are there: groups of the directory, with as many people as must say yes.",
		Why:         "An approval that nobody can give expires, and what should have been contained is not. It is checked where the directory is known: validate --directory FILE.",
		Example: `playbook: example
stage: run
steps:
  - approve: Delete the bucket?
    approvers: [secops-onsall]
`,
		Problem: `example.yaml:5:17: the directory has no group "secops-onsall"; did you mean "secops-oncall"? [unknown-group]`,
	}
}

// people checks a list of groups, of which so many people must be there.
func (c *checker) people(n *yaml.Node, quorum int) {
	if c.catalog.Groups == nil || n == nil || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return
	}
	var groups, people []string
	counted := true
	for _, group := range n.Content {
		if group.Tag != "!!str" || !nameForm.MatchString(group.Value) {
			return // it has been said
		}
		members, known := c.catalog.Groups.Lookup(group.Value)
		if !known {
			c.reportAt(ruleGroup, group, "the directory has no group %q%s", group.Value, expr.DidYouMean(group.Value, c.catalog.Groups.Names()))
			return
		}
		counted = counted && members != nil
		groups, people = append(groups, group.Value), append(people, members...)
	}
	slices.Sort(people)
	if there := len(slices.Compact(people)); counted && there < quorum {
		c.reportAt(ruleGroup, n, "%d people must say yes, and in %s there are only %d", quorum, strings.Join(groups, ", "), there)
	}
}

// valueOf finds the value of a key of a mapping.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
