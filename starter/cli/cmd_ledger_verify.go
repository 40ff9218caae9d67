package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/ledger"
)

func (a *app) ledgerVerify() *cobra.Command {
	var f ledgerFlags
	var export string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every record, and name the first bad one",
		Long: `Check every record, and name the first bad one.

An export is checked without a database and without a network. Give the checkpoints that the gateway
signed, from where the ledger's operators cannot write: without them neither a tail that was cut off
shows, nor records that were all written anew.

A record may be changed, missing, moved, inserted, forked (there are two of its number), truncated
(the tail is gone) or rewritten (it is not what a checkpoint was signed over).`,
		Example: `  starter ledger verify --export ledger.jsonl --checkpoints checkpoints.jsonl --keys grant-keys.pem
  starter ledger export | starter ledger verify --export -
  starter ledger verify --ledger ledger.db`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if export != "" && f.url != "" {
				return usagef(cmd, "give --export or --ledger, not both")
			}
			sealings, _, err := f.sealings(cmd)
			if err != nil {
				return err
			}
			name, report, err := a.verify(cmd, &f, export, ledger.Over(sealings))
			var fault *ledger.Fault
			if err != nil && !errors.As(err, &fault) {
				return err
			}
			if a.json() {
				if err := a.printJSON(verifyJSON{InOrder: fault == nil, Fault: fault, Report: report}); err != nil {
					return err
				}
			}
			if fault != nil {
				return refuse(fmt.Errorf("%s is not as it was written: %w", name, fault), "keep it as it is, and compare it with an older export and with the checkpoints")
			}
			if a.json() {
				return nil
			}
			return a.printReport(report, f.checkpoints != "")
		},
	}
	f.ledger(cmd)
	f.seals(cmd)
	cmd.Flags().StringVar(&export, "export", "", "`file` that starter ledger export wrote; - is the standard input")
	return cmd
}

type verifyJSON struct {
	InOrder bool          `json:"in_order"`
	Fault   *ledger.Fault `json:"fault,omitempty"`
	ledger.Report
}

// verify checks an export or a ledger, and returns its name.
func (a *app) verify(cmd *cobra.Command, f *ledgerFlags, export string, checkpoints []ledger.Checkpoint) (string, ledger.Report, error) {
	check := func(name string, r io.Reader) (string, ledger.Report, error) {
		report, err := ledger.Verify(r, checkpoints)
		var fault *ledger.Fault
		if err != nil && !errors.As(err, &fault) {
			err = unknown(fmt.Errorf("read %s: %w", name, err), "")
		}
		return name, report, err
	}
	switch {
	case export == "-":
		return check("the export", a.In)
	case export != "":
		file, err := os.Open(export)
		if err != nil {
			return "", ledger.Report{}, refuse(err, "")
		}
		defer file.Close()
		return check("the export "+export, file)
	}
	l, err := f.open(cmd.Context(), a, cmd, ledger.Existing())
	if err != nil {
		return "", ledger.Report{}, err
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(cmd.Context())
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := l.Export(ctx, w)
		_ = w.CloseWithError(err) // it never fails
	}()
	defer func() {
		cancel()
		_ = r.Close() // the export then ends too
		<-done
	}()
	return check("the ledger "+l.Name(), r)
}

func (a *app) printReport(r ledger.Report, checkpoints bool) error {
	if r.Records == 0 {
		return a.print("in order, and empty")
	}
	err := a.print("in order: %s, %s to %s\nthe last one is %s", count(int(r.Records), "record", "records"),
		r.First.Format(time.RFC3339), r.Last.Format(time.RFC3339), r.Head)
	if err != nil {
		return err
	}
	if !checkpoints {
		a.say("no checkpoints were given: records that were cut off or all written anew do not show; see: %s", a.command("ledger", "verify", "--help"))
		return nil
	}
	if left := r.Records - r.Sealed; left > 0 {
		return a.print("sealed by %s up to record %d; %s not", count(r.Checkpoints, "checkpoint", "checkpoints"), r.Sealed, count(int(left), "record after it is", "records after it are"))
	}
	return a.print("sealed by %s", count(r.Checkpoints, "checkpoint", "checkpoints"))
}
