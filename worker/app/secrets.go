package app

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/secret"
)

// secretsEnv is the variable of the environment in the place of --secrets.
const secretsEnv = "COUNTERSIGN_SECRETS"

func secretsFlag(flags *pflag.FlagSet, file *string) {
	flags.StringVar(file, "secrets", os.Getenv(secretsEnv), "`file` that says where secrets are, and which activities may use each (default: $"+secretsEnv+")")
}

// openSecrets reads where secrets are, and tries those that are at hand: a worker that cannot make
// half of its calls should not take any.
func openSecrets(file string, reach aws.Options) (*secret.Resolver, error) {
	if file == "" {
		return nil, nil
	}
	r, err := secret.Load(file, secret.Sources{Env: os.LookupEnv, AWS: aws.Secrets(reach)})
	if err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("read the secrets of %s: %w", file, err)
	}
	return r, nil
}
