package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
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
			// Temporal takes the request also for a run that is over. Without a worker nobody can tell,
			// and the request is made all the same.
			soon, stop := context.WithTimeout(ctx, 3*time.Second)
			st, err := runs.Status(soon, run)
			stop()
			if err == nil && st.State.Over() {
				return refuse(fmt.Errorf("the run %s is over already: %s", run, st.State), "see what it did: "+a.command("show", run))
			}
			if err == nil || !errors.Is(err, workflows.ErrNoRun) {
				err = runs.Cancel(ctx, run)
			}
			if err != nil {
				return a.ofRun(err, run)
			}
			a.say("it ends as soon as the step that is under way has stopped: %s", a.command("show", run))
			if a.json() {
				return a.printJSON(map[string]string{"run": run, "asked": "cancel"})
			}
			return a.print("cancelling  %s", card.Exact(run))
		},
	}
}
