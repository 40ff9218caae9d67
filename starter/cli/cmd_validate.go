package cli

import (
	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows/playbook"
)

func (a *app) validate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE|FOLDER...]",
		Short: "Check playbooks, and print every problem as file:line:col: message [rule]",
		Long: `Check playbooks, and print every problem as file:line:col: message [rule].

A folder stands for all files below it that end in .yaml and not in _test.yaml. Without arguments
it checks the folder of --playbooks, or the library that ships.`,
		Example: `  starter validate
  starter validate playbooks/run
  starter validate -o json playbooks`,
		Args: arguments("[FILE|FOLDER...]"),
		RunE: func(_ *cobra.Command, names []string) error {
			l, problems, err := a.read(names...)
			if err != nil {
				return err
			}
			if a.json() {
				if err := a.printJSON(append(playbook.Problems{}, problems...)); err != nil {
					return err
				}
			} else {
				for _, p := range problems {
					if err := a.print("%s", line(p)); err != nil {
						return err
					}
				}
			}
			good := count(len(l.Playbooks()), "playbook is", "playbooks are")
			if len(problems) == 0 {
				a.say("%s good", good)
				return nil
			}
			files := map[string]bool{}
			for _, p := range problems {
				files[p.File] = true
			}
			a.say("%s in %s; %s good", count(len(problems), "problem", "problems"), count(len(files), "file", "files"), good)
			return told(exitRefused)
		},
	}
}
