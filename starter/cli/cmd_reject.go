package cli

import (
	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows/approval"
)

func (a *app) reject() *cobra.Command {
	return a.vote(approval.Reject, &cobra.Command{
		Use:   "reject RUN [APPROVAL] --as PERSON",
		Short: "Say no to what a run asks",
		Long: `Say no to what a run asks. One no decides.

APPROVAL may be left out when the run asks one thing. What is asked is shown first, and the answer
counts for exactly that.`,
		Example: `  starter reject aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE --as alice@example.com --reason "a test of ours"
  starter reject aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE contain_user --as alice@example.com --digest a1b2c3d4e5f6`,
	})
}
