package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows"
)

func (a *app) cancel() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel RUN",
		Short: "Ask a run to stop; what it has done stays done",
		Example: `  starter cancel aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE
  starter cancel -o json aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE`,
		Args: arguments("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, run := cmd.Context(), args[0]
			runs, end, err := a.connect(ctx)
			if err != nil {
				return err
			}
			defer end()
			err = runs.Cancel(ctx, run)
			if errors.Is(err, workflows.ErrNoRun) { // also said of a run that is over
				if st, statusErr := runs.Status(ctx, run); statusErr == nil && st.State.Over() {
					return refuse(fmt.Errorf("the run %s is over already: %s", run, st.State), "see what it did: starter show "+word(run))
				}
			}
			if err != nil {
				return a.ofRun(err, run)
			}
			a.say("it ends as soon as the step that is under way has stopped: starter show %s", word(run))
			if a.json() {
				return a.printJSON(map[string]string{"run": run, "asked": "cancel"})
			}
			return a.print("cancelling  %s", cleaned(run))
		},
	}
}
