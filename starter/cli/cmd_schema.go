package cli

import (
	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows/playbook"
)

func (a *app) schema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of playbooks, so that editors complete and check them",
		Long: `Print the JSON Schema of playbooks, so that editors complete and check them.

It knows every activity and workflow and the playbooks that others can call, and completes with: by
their names. Editors with the YAML language server take it from a first line of the playbook, or from their settings:

  # yaml-language-server: $schema=playbook.schema.json

What depends on other places of a file it cannot say; starter validate does.`,
		Example: `  starter schema > playbook.schema.json`,
		Args:    arguments(),
		RunE: func(*cobra.Command, []string) error {
			var calls, flows []playbook.CallDoc
			for _, one := range a.registry.All() {
				calls = append(calls, playbook.CallDoc{Name: one.Name, Title: one.Title, Doc: one.Doc, Input: one.Input.Schema})
			}
			for _, one := range a.flows.All() {
				flows = append(flows, playbook.CallDoc{Name: one.Name, Title: one.Title, Doc: one.Doc, Input: one.Input.Schema})
			}
			l, problems, err := a.read()
			if err != nil {
				return err
			}
			if len(problems) > 0 {
				a.say("note: %s in the playbooks; those are left out", count(len(problems), "problem", "problems"))
			}
			var playbooks []playbook.CallDoc
			for _, pb := range l.Playbooks() {
				playbooks = append(playbooks, pb.Doc())
			}
			return a.printJSON(playbook.Schema(calls, flows, playbooks))
		},
	}
}
