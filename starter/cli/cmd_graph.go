package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

func (a *app) graph() *cobra.Command {
	var run string
	cmd := &cobra.Command{
		Use:   "graph PLAYBOOK|FILE",
		Short: "Draw a playbook as a picture: its approvals, branches and effects",
		Long: `Draw a playbook as a picture: its approvals, branches and effects.

Code hosts and wikis show Mermaid as a picture; -o svg is one that every browser shows. A name that
ends in .yaml is a file. With --run the steps have the colours of what became of them in that run,
which needs the server.`,
		Example: `  starter graph aws-compromised-access-key
  starter graph -o svg playbooks/run/aws-compromised-ec2-instance.yaml > picture.svg
  starter graph aws-compromised-access-key --run aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE`,
		Args:        arguments("PLAYBOOK|FILE"),
		Annotations: map[string]string{moreForms: "mermaid svg"},
	}
	cmd.Flags().StringVar(&run, "run", "", "colour the steps by what became of them in this run")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		pb, err := a.playbook(args[0])
		if err != nil {
			return err
		}
		var st *workflows.Status
		if run != "" {
			runs, end, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer end()
			if st, err = runs.Status(cmd.Context(), run); err != nil {
				return a.ofRun(err, run)
			}
			if st.Playbook != pb.Name {
				return refuse(fmt.Errorf("the run %s is one of the playbook %s, not of %s", run, st.Playbook, pb.Name), "draw that: "+a.command("graph", st.Playbook, "--run", run))
			}
			if st.Plan != pb.Digest() {
				a.say("note: the playbook has changed since the run began; its steps are coloured as far as they have the same ids")
			}
		}
		if a.output == "svg" {
			return a.print("%s", strings.TrimSuffix(drawSVG(pb, st), "\n"))
		}
		text := drawMermaid(pb, st)
		if a.json() {
			return a.printJSON(graphJSON{pb.Name, run, text})
		}
		return a.print("%s", strings.TrimSuffix(text, "\n"))
	}
	return cmd
}

type graphJSON struct {
	Playbook string `json:"playbook"`
	Run      string `json:"run,omitempty"`
	Mermaid  string `json:"mermaid"`
}

// playbook finds a playbook by its name, or reads it from a file that is named.
func (a *app) playbook(name string) (*playbook.Playbook, error) {
	if !strings.HasSuffix(name, ".yaml") {
		l, err := a.library()
		if err != nil {
			return nil, err
		}
		pb, err := l.ByName(name)
		if err != nil {
			return nil, refuse(err, "a file is named with its .yaml")
		}
		return pb, nil
	}
	l, problems, err := library.Open(library.Catalog(a.registry, a.flows), name)
	if err != nil {
		return nil, err
	}
	for _, p := range problems {
		a.say("%s", line(p))
	}
	if all := l.Playbooks(); len(problems) == 0 && len(all) == 1 {
		return all[0], nil
	}
	return nil, refuse(fmt.Errorf("%s has %s", name, count(len(problems), "problem", "problems")), "mend it, then: "+a.command("validate", name))
}
