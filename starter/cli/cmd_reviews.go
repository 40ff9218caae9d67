package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows/approval"
)

func (a *app) reviews() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "reviews",
		Short: "List what one person decided alone, and close the review of it",
		Example: `  starter reviews --as alice@example.com
  starter reviews close a1b2c3d4e5f6 --as alice@example.com --reason "it was right"`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			g, _, err := a.acting(cmd, as)
			if err != nil {
				return err
			}
			open, err := g.Reviews(cmd.Context())
			if err != nil {
				return a.ofGate(err, "")
			}
			if a.json() {
				return a.printJSON(open)
			}
			for _, r := range open {
				if err := a.print("%s  %s of %s, by %s alone: %s", card.Exact(r.ID), card.Exact(r.Approval), card.Exact(r.Run), card.Exact(r.Person), cleaned(r.Reason)); err != nil {
					return err
				}
			}
			if len(open) == 0 {
				a.say("no review is open")
			}
			return nil
		},
	}
	a.asFlag(cmd, &as)
	var reason, closer string
	closing := &cobra.Command{
		Use:   "close ID --reason WHY",
		Short: "Close a review; whoever decided alone cannot",
		Args:  arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usagef(cmd, "want --reason WHY")
			}
			g, _, err := a.acting(cmd, closer)
			if err != nil {
				return err
			}
			err = g.CloseReview(cmd.Context(), args[0], reason)
			if errors.Is(err, approval.ErrRefused) {
				return refuse(err, "see what is open: "+a.command("reviews"))
			}
			if err != nil {
				return a.ofGate(err, "")
			}
			if a.json() {
				return a.printJSON(map[string]string{"closed": args[0]})
			}
			return a.print("closed  %s", card.Exact(args[0]))
		},
	}
	a.asFlag(closing, &closer)
	closing.Flags().StringVar(&reason, "reason", "", "what the review found (required)")
	cmd.AddCommand(closing)
	return cmd
}
