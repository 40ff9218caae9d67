package app

import (
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/countersign/countersign/activities/aws/session"
)

// accountsEnv is the variable of the environment in the place of --aws-accounts.
const accountsEnv = "COUNTERSIGN_AWS_ACCOUNTS"

func accountsFlag(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "aws-accounts", os.Getenv(accountsEnv),
		"`file` that says in which AWS accounts to act and by which roles; without it, in the one of the worker's credentials (default: $"+accountsEnv+")")
}

// openAccounts reads the file; without one the worker acts in the account of its credentials.
func openAccounts(file string) (*session.Accounts, error) {
	if file == "" {
		return nil, nil
	}
	return session.LoadAccounts(file)
}

// reach says in which accounts the worker acts, for its log.
func reach(a *session.Accounts) string {
	switch {
	case a == nil:
		return "the one of its credentials"
	case a.Organization:
		return "those of the organization"
	default:
		return strconv.Itoa(len(a.Accounts)) + " listed"
	}
}
