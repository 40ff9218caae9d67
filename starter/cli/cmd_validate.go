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
it checks the folder of --playbooks, or the library that ships.

-o sarif prints SARIF 2.1.0, which code hosts show beside the lines of a change; its names of files
are relative to the folder that the command runs in.`,
		Example: `  starter validate
  starter validate playbooks/run
  starter validate -o json playbooks
  starter validate -o sarif playbooks`,
		Args:        arguments("[FILE|FOLDER...]"),
		Annotations: map[string]string{moreForms: "sarif"},
		RunE: func(_ *cobra.Command, names []string) error {
			l, problems, err := a.read(names...)
			if err != nil {
				return err
			}
			switch {
			case a.json():
				err = a.printJSON(append(playbook.Problems{}, problems...))
			case a.output == "sarif":
				err = a.printJSON(sarifOf(problems))
			default:
				for _, p := range problems {
					if err = a.print("%s", line(p)); err != nil {
						break
					}
				}
			}
			if err != nil {
				return err
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
