package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// ledgerEnv is the variable of the environment in the place of --ledger, as package worker/app has
// it: a url may hold a password, which has no place in a list of processes.
const ledgerEnv = "COUNTERSIGN_LEDGER"

// ledgerFlags are those of the commands that read the ledger.
type ledgerFlags struct {
	url         string
	checkpoints string
	keys        string
	dev         bool
}

func (f *ledgerFlags) ledger(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "ledger", "", "ledger: a PostgreSQL URL or a SQLite `file` (default: $"+ledgerEnv+")")
}

func (f *ledgerFlags) trust(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.keys, "keys", "", "`file` of the gateway's public keys")
	cmd.Flags().BoolVar(&f.dev, "dev", false, "trust keys that a local deployment made")
}

func (f *ledgerFlags) seals(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.checkpoints, "checkpoints", "", "`file` of signed checkpoints; needs --keys")
	f.trust(cmd)
}

// open opens the ledger as it is.
func (f *ledgerFlags) open(ctx context.Context, a *app, cmd *cobra.Command, options ...ledger.Option) (*ledger.Ledger, error) {
	url, err := f.named(a, cmd)
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(ctx, url, options...)
	if err != nil {
		return nil, unknown(err, "")
	}
	return l, nil
}

func (f *ledgerFlags) named(a *app, cmd *cobra.Command) (string, error) {
	if url := cmp.Or(f.url, a.env(ledgerEnv)); url != "" {
		return url, nil
	}
	return "", usagef(cmd, "which ledger? give --ledger or $%s", ledgerEnv)
}

// findings opens what audits found, beside the ledger.
func (f *ledgerFlags) findings(ctx context.Context, a *app, cmd *cobra.Command, options ...store.Option) (*store.Store, error) {
	url, err := f.named(a, cmd)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, url, append(options, store.WithClock(a.Now))...)
	if err != nil {
		return nil, unknown(err, "")
	}
	return s, nil
}

// sealings reads the checkpoints and the keys that they are believed by.
func (f *ledgerFlags) sealings(cmd *cobra.Command) ([]ledger.Sealing, grant.Keys, error) {
	var keys grant.Keys
	if f.keys != "" {
		var err error
		if keys, err = grant.LoadKeys(f.keys, f.dev); err != nil {
			hint := ""
			if errors.Is(err, grant.ErrDev) {
				hint = "what a local deployment has signed is checked with --dev"
			}
			return nil, keys, refuse(err, hint)
		}
	}
	if f.checkpoints == "" {
		return nil, keys, nil
	}
	if f.keys == "" {
		return nil, keys, usagef(cmd, "checkpoints are believed by their signature: give --keys too")
	}
	file, err := os.Open(f.checkpoints)
	if err != nil {
		return nil, keys, refuse(err, "")
	}
	defer file.Close()
	read, err := ledger.ReadCheckpoints(file, keys)
	if err != nil {
		return nil, keys, refuse(fmt.Errorf("%s: %w", f.checkpoints, err), "somebody wrote there who has not the gateway's key, or these are not its public keys")
	}
	return read, keys, nil
}

func (a *app) ledger() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Check, export and set up the record of everything that was asked, decided and done",
		Long: `Check, export and set up the record of everything that was asked, decided and done.

Every record is chained to the one before by its hash, so a change shows. Somebody who can write the
whole database anew makes a chain that fits; that shows by the checkpoints that the gateway signs
every minute and takes elsewhere.`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.ledgerVerify(), a.ledgerExport(), a.ledgerMigrate())
	return cmd
}

func (a *app) ledgerExport() *cobra.Command {
	var f ledgerFlags
	var to string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all records, one a line",
		Example: `  starter ledger export --ledger ledger.db > ledger.jsonl
  starter ledger export --to ledger.jsonl`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if a.json() && to == "" {
				return usagef(cmd, "an export is many JSON documents, not one: leave -o json out, or write it with --to FILE")
			}
			if to == "" && terminal(a.Out) {
				return usagef(cmd, "an export holds what others have said as they said it, and a terminal may obey it: write it with --to FILE, or to a pipe")
			}
			l, err := f.open(cmd.Context(), a, cmd, ledger.Existing())
			if err != nil {
				return err
			}
			defer l.Close()
			var out io.Writer = a.Out // as it is: cleaning would be a change
			if to != "" {
				file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if errors.Is(err, fs.ErrExist) {
					return refuse(fmt.Errorf("%s is there already", to), "choose another name")
				}
				if err != nil {
					return fmt.Errorf("write the export: %w", err)
				}
				defer func() { err = errors.Join(err, file.Sync(), file.Close()) }()
				out = file
			}
			n, err := l.Export(cmd.Context(), out)
			if err != nil {
				return unknown(err, "what was written is not whole")
			}
			if to == "" {
				return nil
			}
			if a.json() {
				return a.printJSON(exportJSON{Records: n, File: to})
			}
			return a.print("%s in %s; check it: %s", count(int(n), "record", "records"), to, a.command("ledger", "verify", "--export", to))
		},
	}
	f.ledger(cmd)
	cmd.Flags().StringVar(&to, "to", "", "a new `file` to write (default: the standard output)")
	return cmd
}

type exportJSON struct {
	Records int64  `json:"records"`
	File    string `json:"file"`
}

func (a *app) ledgerMigrate() *cobra.Command {
	var f ledgerFlags
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Make a ledger, or bring its table up to date",
		Long: `Make a ledger, or bring its table up to date. What audits find is kept in tables of its own beside it,
and they are made too.

In production the login that does this owns the table, and is not the one that the gateway and the
worker use: those are members of the role countersign_app, which may read and append and no more.
Where this login may not create roles, create countersign_app and countersign_auditor (both NOLOGIN)
first. To read and verify, a member of countersign_auditor is enough.`,
		Example: `  starter ledger migrate --ledger postgres://operator@db.example.com/countersign
  COUNTERSIGN_LEDGER=ledger.db starter ledger migrate`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := f.open(cmd.Context(), a, cmd)
			if err != nil {
				return err
			}
			defer l.Close()
			found, err := f.findings(cmd.Context(), a, cmd)
			if err != nil {
				return err
			}
			defer found.Close()
			if a.json() {
				return a.printJSON(migratedJSON{Ledger: l.Name()})
			}
			return a.print("the ledger %s is ready", l.Name())
		},
	}
	f.ledger(cmd)
	return cmd
}

type migratedJSON struct {
	Ledger string `json:"ledger"`
}
