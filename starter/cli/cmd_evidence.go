package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/evidence"
)

func (a *app) evidence() *cobra.Command {
	var f ledgerFlags
	var to string
	var status bool
	cmd := &cobra.Command{
		Use:   "evidence RUN",
		Short: "Put together what is on record of a run, as a bundle that can be checked alone",
		Long: `Put together what is on record of a run, as a bundle that can be checked alone: the event, the plan, what
people were shown, their votes, the decisions and grants, every call with the provider's request ids,
and a proof that leads from each record to a checkpoint that the gateway signed.

With --status it also has what the run says of itself: its steps, with the values that they were given
and gave. Temporal keeps that, so nothing proves it.`,
		Example: `  starter evidence aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE --checkpoints checkpoints.jsonl --keys grant-keys.pem --to bundle.json
  starter evidence verify bundle.json --keys grant-keys.pem`,
		Args: arguments("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			sealings, _, err := f.sealings(cmd)
			if err != nil {
				return err
			}
			l, err := f.open(cmd.Context(), a, cmd, ledger.Existing())
			if err != nil {
				return err
			}
			defer l.Close()
			b, err := evidence.Collect(cmd.Context(), l, args[0], sealings, a.Now())
			var fault *ledger.Fault
			switch {
			case errors.Is(err, evidence.ErrNoRun):
				return refuse(err, "list runs: "+a.command("runs"))
			case errors.As(err, &fault):
				return refuse(err, "see what else was changed: "+a.command("ledger", "verify"))
			case err != nil:
				return unknown(err, "")
			}
			if status {
				if b.Status, err = a.statusOf(cmd, args[0]); err != nil {
					return err
				}
			}
			if err := b.Evaluate(); err != nil {
				a.say("the expressions could not be evaluated again: %v", err)
			}
			return a.giveEvidence(b, to, f.keys)
		},
	}
	f.ledger(cmd)
	f.seals(cmd)
	cmd.Flags().StringVar(&to, "to", "", "a new `file` for the bundle")
	cmd.Flags().BoolVar(&status, "status", false, "add what the run says of itself, from Temporal")
	cmd.AddCommand(a.evidenceVerify())
	return cmd
}

func (a *app) statusOf(cmd *cobra.Command, run string) (json.RawMessage, error) {
	runs, end, err := a.connect(cmd.Context())
	if err != nil {
		return nil, err
	}
	defer end()
	st, err := runs.Status(cmd.Context(), run)
	if err != nil {
		return nil, a.ofRun(err, run)
	}
	return json.Marshal(st)
}

// giveEvidence writes a bundle, or tells the story in it.
func (a *app) giveEvidence(b evidence.Bundle, to, keys string) error {
	if to == "" {
		if a.json() {
			return a.printJSON(b)
		}
		if err := a.table(b.Story.Rows()); err != nil {
			return err
		}
		a.say("\n%s of the ledger; as a bundle that others can check: -o json, or --to FILE", count(len(b.Records), "record", "records"))
		return nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		return fmt.Errorf("write the evidence: %w", err)
	}
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return refuse(fmt.Errorf("%s is there already", to), "choose another name")
	}
	if err != nil {
		return fmt.Errorf("write the evidence: %w", err)
	}
	_, err = file.Write(out.Bytes())
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the evidence %s: %w", to, err)
	}
	if keys == "" {
		keys = "PUBLIC.pem"
	}
	a.say("check it: %s", a.command("evidence", "verify", to, "--keys", keys))
	if a.json() {
		return a.printJSON(exportJSON{Records: int64(len(b.Records)), File: to})
	}
	return a.print("%s in %s", count(len(b.Records), "record", "records"), to)
}

func (a *app) evidenceVerify() *cobra.Command {
	var f ledgerFlags
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a bundle of evidence, without the ledger",
		Long: `Check a bundle of evidence, without the ledger: that its records are those that the checkpoints in it were
signed over, that its story is theirs, that tickets and grants are signed, that who is named as an
approver said yes, and that every effect rests on a grant or a ticket that covers it.

Exit code 3 says that nothing is wrong with it, and that some of it is not sealed by a checkpoint: it was
collected before there was one, or without --checkpoints.`,
		Example: `  starter evidence verify bundle.json --keys grant-keys.pem`,
		Args:    arguments("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.keys == "" {
				return usagef(cmd, "whose signatures are to be believed? give the gateway's public keys: --keys FILE")
			}
			_, keys, err := f.sealings(cmd)
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return refuse(err, "")
			}
			defer file.Close()
			b, err := evidence.Read(file)
			if err != nil {
				return refuse(fmt.Errorf("%s: %w", args[0], err), "")
			}
			return a.judge(b, b.Verify(keys))
		},
	}
	f.trust(cmd)
	return cmd
}

type verdictJSON struct {
	Run string `json:"run"`
	evidence.Verdict
}

func (a *app) judge(b evidence.Bundle, v evidence.Verdict) error {
	if a.json() {
		if err := a.printJSON(verdictJSON{b.Run, v}); err != nil {
			return err
		}
	} else if len(v.Problems) == 0 {
		err := a.print("%s: %s, %s, %s, %s: each effect rests on what is on record before it",
			cleaned(b.Run), count(v.Records, "record", "records"), count(v.Votes, "vote", "votes"), count(v.Grants, "grant", "grants"), count(v.Effects, "attempt at an effect", "attempts at effects"))
		if err != nil {
			return err
		}
	}
	for _, p := range v.Problems {
		a.say("%s", cleaned(p))
	}
	switch left := v.Records - v.Sealed; {
	case len(v.Problems) > 0:
		return refuse(fmt.Errorf("the evidence of %s does not hold: %s", b.Run, count(len(v.Problems), "problem", "problems")), "")
	case left > 0:
		return unknown(fmt.Errorf("no checkpoint seals %d of its %d records: whoever could write to the ledger could have made them up", left, v.Records), "collect it again later, with the checkpoints")
	}
	return nil
}
