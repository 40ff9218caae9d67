package cli

import (
	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows/approval"
)

func (a *app) approve() *cobra.Command {
	return a.vote(approval.Approve, &cobra.Command{
		Use:   "approve RUN [APPROVAL] --as PERSON",
		Short: "Say yes to what a run asks",
		Long: `Say yes to what a run asks.

APPROVAL may be left out when the run asks one thing. What is asked is shown first, and the answer
counts for exactly that. With --digest, as the card showed it, nothing is answered if something
else is asked by now.`,
		Example: `  starter approve aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE --as alice@example.com
  starter approve aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE contain_user --as alice@example.com --digest a1b2c3d4e5f6`,
	})
}
