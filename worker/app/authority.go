package app

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/worker/authority"
	"github.com/countersign/countersign/workflows/policy"
)

// trust is where a worker finds what its authority is made of.
type trust struct {
	directory string
	policy    string // a file; "" is the policy that ships
	ledger    string // of which the gateway writes too
	keys      string // the gateway's public keys
	dev       bool   // takes keys of a local deployment
}

// ledgerEnv is the variable of the environment in the place of --ledger: a URL may hold a password,
// which has no place in a list of processes.
const ledgerEnv = "COUNTERSIGN_LEDGER"

func (t *trust) flags(flags *pflag.FlagSet) {
	flags.StringVar(&t.directory, "directory", "", "`file` that names the people of each approving group")
	flags.StringVar(&t.policy, "policy", "", "`file` of rules for effects (default: the policy that ships)")
	flags.StringVar(&t.ledger, "ledger", "", "ledger: a PostgreSQL URL or a SQLite `file` (default: $"+ledgerEnv+")")
	flags.StringVar(&t.keys, "grant-keys", "", "`file` of the gateway's public keys, which starter keys makes")
	flags.BoolVar(&t.dev, "dev", false, "trust keys that a local deployment made")
}

// open builds the authority. Everything that is wrong with what it is made of is told now, not at
// the first effect.
func (t *trust) open(ctx context.Context, registry *activities.Registry, people func() (directory.Directory, error)) (*authority.Authority, func(), error) {
	keys, err := grant.LoadKeys(t.keys, t.dev)
	if err != nil {
		return nil, nil, err
	}
	rules := policy.File(t.policy)
	if _, err := rules(); err != nil {
		return nil, nil, fmt.Errorf("read the policy: %w", err)
	}
	url := t.url()
	if url == "" {
		return nil, nil, fmt.Errorf("want --ledger or $%s: where effects are recorded, without which none is made", ledgerEnv)
	}
	l, err := ledger.Open(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	a, err := authority.New(authority.Options{
		Keys: keys, Ledger: l, Policy: rules,
		Directory: people,
		Effects:   Effects(registry),
	})
	if err != nil {
		_ = l.Close() // nothing was written
		return nil, nil, err
	}
	return a, func() { _ = l.Close() }, nil
}

// url names the ledger.
func (t *trust) url() string {
	if t.ledger != "" {
		return t.ledger
	}
	return os.Getenv(ledgerEnv)
}

// Effects tells the effects of a registry's activities.
func Effects(registry *activities.Registry) func(string) (string, bool) {
	return func(name string) (string, bool) {
		a, ok := registry.Lookup(name)
		if !ok {
			return "", false
		}
		return string(a.Effect), true
	}
}
