package cli

import (
	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
)

func (a *app) show() *cobra.Command {
	return &cobra.Command{
		Use:   "show RUN",
		Short: "Tell the story of a run: its event, steps, approvals, questions and outcome",
		Long: `Tell the story of a run: its event, steps, approvals, questions and outcome.

A playbook that it calls is a run of its own, which the step names: show tells that one too.`,
		Example: `  starter show aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE
  starter show -o json aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE`,
		Args: arguments("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			runs, end, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer end()
			st, err := runs.Status(cmd.Context(), args[0])
			if err != nil {
				return a.ofRun(err, args[0])
			}
			runs.AskExpiring(cmd.Context(), st)
			if a.json() {
				return a.printJSON(st)
			}
			if err := card.Story(a.out, st); err != nil {
				return err
			}
			for _, asking := range st.Asking() {
				a.say("\n%s waits for people: %s", card.Exact(asking.ID), a.answerCommand("approve", st, asking))
			}
			for _, q := range st.Unanswered() {
				a.say("\n%s waits for people: %s", card.Exact(q.ID), a.fillCommand(st, q))
			}
			for _, run := range st.Called {
				a.say("\nit waits for another run: %s", a.command("show", run))
			}
			return nil
		},
	}
}
