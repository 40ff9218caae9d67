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
	var watch bool
	var wait time.Duration
	var as string
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "Ask a run to stop: it cleans up, puts back what has an undo, and tells what is left done",
		Example: `  starter cancel aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE
  starter cancel --watch aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE
  starter cancel -o json aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE`,
		Args: arguments("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return usagef(cmd, "--wait-timeout %s: want 0s or more", wait)
			}
			ctx, run := cmd.Context(), args[0]
			gate, _, err := a.gate(as)
			if err != nil {
				return err
			}
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
				err = gate.Cancel(ctx, run)
			}
			if err != nil {
				return a.ofGate(err, run)
			}
			if watch {
				return a.cancelled(ctx, runs, run, wait)
			}
			a.say("it ends as soon as the step that is under way has stopped, and what it did is put back: %s", a.command("show", run))
			if a.json() {
				return a.printJSON(cancelJSON{Run: run, Asked: "cancel"})
			}
			return a.print("cancelling  %s", card.Exact(run))
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "watch the run until it is over, and say what is left done")
	a.asFlag(cmd, &as)
	cmd.Flags().DurationVar(&wait, "wait-timeout", time.Hour, "how long to watch")
	return cmd
}

type cancelJSON struct {
	Run   string           `json:"run"`
	Asked string           `json:"asked"`
	State string           `json:"state,omitempty"`
	Left  []*workflows.Act `json:"left,omitempty"`
	More  int              `json:"left_unlisted,omitempty"`
}

// cancelled watches a run that was asked to stop, and says how it ended.
func (a *app) cancelled(ctx context.Context, runs Runs, run string, wait time.Duration) error {
	bounded, stop := context.WithTimeout(ctx, wait)
	defer stop()
	last, err := a.follow(ctx, bounded, runs, run, a.err)
	switch {
	case ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return unknown(fmt.Errorf("the run %s is not over after %s", run, wait), "it goes on: "+a.command("show", run))
	case err != nil:
		return a.ofRun(err, run)
	case a.json():
		return a.printJSON(cancelJSON{Run: run, Asked: "cancel", State: string(last.State), Left: last.Left, More: last.LeftUnlisted})
	}
	if left := len(last.Left) + last.LeftUnlisted; left > 0 {
		a.say("%s left done: %s", count(left, "thing is", "things are"), a.command("show", run))
	}
	return a.print("%-7s %s", last.State, card.Exact(run))
}
