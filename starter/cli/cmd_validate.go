package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows/playbook"
)

func (a *app) validate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [FILE|FOLDER...]",
		Short: "Check playbooks, and print every problem as file:line:col: message [rule]",
		Long: `Check playbooks, and print every problem as file:line:col: message [rule].

A folder stands for all files below it that end in .yaml and not in _test.yaml. Without arguments
it checks the folder of --playbooks, or the library that ships. What a rule in brackets holds, and why,
is said by "starter rules RULE".

With --directory the groups that approvals and questions name are held against that file, as the
worker reads it: they must be there, with as many people as must say yes.

-o sarif prints SARIF 2.1.0, which code hosts show beside the lines of a change; its names of files
are relative to the folder that the command runs in.`,
		Example: `  starter validate
  starter validate playbooks/run
  starter validate --directory deploy/local/people.yaml playbooks
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
			n := len(l.Playbooks())
			are := "are"
			if n == 1 {
				are = "is"
			}
			good := fmt.Sprintf("%s of %s %s good", count(n, "playbook", "playbooks"), a.checked(names), are)
			if len(problems) == 0 {
				a.say("%s", good)
				return nil
			}
			files := map[string]bool{}
			for _, p := range problems {
				files[p.File] = true
			}
			a.say("%s in %s; %s", count(len(problems), "problem", "problems"), count(len(files), "file", "files"), good)
			return told(exitRefused)
		},
	}
	cmd.Flags().StringVar(&a.directory, "directory", "", "`file` that names the people of each approving group")
	return cmd
}

// checked names what validate read.
func (a *app) checked(names []string) string {
	if len(names) == 0 && a.playbooks != "" {
		names = []string{a.playbooks}
	}
	const most = 3
	switch {
	case len(names) == 0:
		return "the shipped library"
	case len(names) > most:
		return fmt.Sprintf("%d files and folders", len(names))
	default:
		words := make([]string, len(names))
		for i, name := range names {
			words[i] = word(name)
		}
		return strings.Join(words, ", ")
	}
}
