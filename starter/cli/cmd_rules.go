package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

func (a *app) rules() *cobra.Command {
	return &cobra.Command{
		Use:   "rules [RULE]",
		Short: "List the rules that validate checks, or explain one with an example",
		Example: `  starter rules
  starter rules needs-approval
  starter rules -o json`,
		Args: arguments("[RULE]"),
		RunE: func(_ *cobra.Command, args []string) error {
			rules := library.Rules()
			if len(args) == 0 {
				return a.listRules(rules)
			}
			ids := make([]string, len(rules))
			for i, rule := range rules {
				if ids[i] = rule.ID; rule.ID != args[0] {
					continue
				}
				if a.json() {
					return a.printJSON(ruleJSONOf(rule))
				}
				return a.printRule(rule)
			}
			return refuse(fmt.Errorf("no rule %q%s", args[0], expr.DidYouMean(args[0], ids)), "see them all: "+a.command("rules"))
		},
	}
}

func (a *app) listRules(rules []playbook.Rule) error {
	if a.json() {
		out := make([]ruleJSON, len(rules))
		for i, rule := range rules {
			out[i] = ruleJSONOf(rule)
		}
		return a.printJSON(out)
	}
	rows := [][]string{{"RULE", "WHAT IT HOLDS"}}
	for _, rule := range rules {
		rows = append(rows, []string{rule.ID, rule.Description})
	}
	return a.table(rows)
}

type ruleJSON struct {
	Rule        string `json:"rule"`
	Description string `json:"description"`
	Why         string `json:"why"`
	Example     string `json:"example"`
	Problem     string `json:"problem"`
}

func ruleJSONOf(r playbook.Rule) ruleJSON {
	return ruleJSON{Rule: r.ID, Description: r.Description, Why: r.Why, Example: r.Example, Problem: r.Problem}
}

func (a *app) printRule(r playbook.Rule) error {
	indented := "    " + strings.ReplaceAll(strings.TrimRight(r.Example, "\n"), "\n", "\n    ")
	return a.print("%s\n  %s\n\n  %s\n\nThis is refused\n%s\n\nwith\n    %s", r.ID, r.Description, r.Why, indented, r.Problem)
}
