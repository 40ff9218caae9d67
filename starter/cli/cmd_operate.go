package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
)

// asFlag names who acts, where there are tokens to choose from.
func (a *app) asFlag(cmd *cobra.Command, as *string) {
	cmd.Flags().StringVar(as, "as", "", "the `person` who acts, in a local deployment; elsewhere a token says it")
}

func (a *app) delegate() *cobra.Command {
	var f who
	var to, reason string
	cmd := &cobra.Command{
		Use:   "delegate RUN [APPROVAL] --to PERSON",
		Short: "Give your vote on what a run asks to somebody else",
		Long: `Give your vote on what a run asks to somebody else, for this request alone.

It is then theirs and no longer yours. Who started the run, changed what is asked or is whom it is
about cannot be given one.`,
		Example: `  starter delegate aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE --as alice@example.com --to bob@example.com`,
		Args:    arguments("RUN", "[APPROVAL]"),
	}
	f.flags(cmd.Flags())
	cmd.Flags().StringVar(&to, "to", "", "the `person` who gets it (required)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if to == "" {
			return usagef(cmd, "want --to PERSON: who gets the vote")
		}
		return a.onRequest(cmd, args, &f, func(ctx context.Context, g Gateway, asking seen) error {
			d, err := g.Delegate(ctx, args[0], desk.Delegate{Approval: asking.ID, Digest: asking.Digest, To: to, Reason: reason})
			if err != nil {
				return a.ofGate(err, args[0])
			}
			if a.json() {
				return a.printJSON(d)
			}
			return a.print("delegated  %s of %s: %s votes for %s", card.Exact(asking.ID), card.Exact(args[0]), card.Exact(d.To), card.Exact(d.From))
		})
	}
	return cmd
}

func (a *app) edit() *cobra.Command {
	var f who
	var step, file string
	cmd := &cobra.Command{
		Use:   "edit RUN [APPROVAL] --step STEP --input FILE",
		Short: "Change a call before it is decided",
		Long: `Change the input of a call that a run asks about, before it is decided.

The file holds the whole input, as JSON. What is asked is then another request, with another digest:
all votes are void, and whoever changed it has none.`,
		Example: `  starter edit aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE --as alice@example.com --step quarantine --input deploy/testdata/edit.json`,
		Args:    arguments("RUN", "[APPROVAL]"),
	}
	f.flags(cmd.Flags())
	cmd.Flags().StringVar(&step, "step", "", "the `step` of the call (required)")
	cmd.Flags().StringVar(&file, "input", "", "`file` of the input (required)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if step == "" || file == "" {
			return usagef(cmd, "want --step STEP and --input FILE")
		}
		raw, err := os.ReadFile(file)
		if err == nil && !json.Valid(raw) {
			err = fmt.Errorf("%s is no JSON", file)
		}
		if err != nil {
			return refuse(fmt.Errorf("read the input: %w", err), "")
		}
		return a.onRequest(cmd, args, &f, func(ctx context.Context, g Gateway, asking seen) error {
			got, err := g.Edit(ctx, args[0], desk.Edit{Approval: asking.ID, Digest: asking.Digest, Step: step, Input: raw})
			if err != nil {
				return a.ofGate(err, args[0])
			}
			if a.json() {
				return a.printJSON(got)
			}
			return a.print("changed  %s of %s: it is %s now", card.Exact(asking.ID), card.Exact(args[0]), got.Request.Short())
		})
	}
	return cmd
}

func (a *app) keep() *cobra.Command {
	var as, reason string
	cmd := &cobra.Command{
		Use:     "keep RUN [STEP] --reason WHY",
		Short:   "Keep what a run did for a while only",
		Example: `  starter keep aws-compromised-ec2-instance/i-0abc123def4567890 isolate --as alice@example.com --reason "it is hostile"`,
		Args:    arguments("RUN", "[STEP]"),
	}
	a.asFlag(cmd, &as)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record (required)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		k := desk.Keep{Reason: reason}
		if len(args) == 2 {
			k.Step = args[1]
		}
		if reason == "" {
			return usagef(cmd, "want --reason WHY")
		}
		g, _, err := a.acting(cmd, as)
		if err != nil {
			return err
		}
		st, err := g.Keep(cmd.Context(), args[0], k)
		if err != nil {
			return a.ofGate(err, args[0])
		}
		if a.json() {
			return a.printJSON(st)
		}
		return a.print("%s  %s of %s", st.State, card.Exact(st.Step), card.Exact(st.Run))
	}
	return cmd
}

func (a *app) undo() *cobra.Command {
	var as, reason string
	cmd := &cobra.Command{
		Use:   "undo RUN --reason WHY",
		Short: "Take back what a run did, in a run of its own",
		Long: `Take back what a run did, the newest first, in a run of its own.

Policy says who must approve it, and whoever asks for it has no vote. What is no longer as the run
left it stays as it is.`,
		Example: `  starter undo aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE --as carol@example.com --reason "it was a drill"`,
		Args:    arguments("RUN"),
	}
	a.asFlag(cmd, &as)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record (required)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if reason == "" {
			return usagef(cmd, "want --reason WHY")
		}
		g, _, err := a.acting(cmd, as)
		if err != nil {
			return err
		}
		s, err := g.Undo(cmd.Context(), args[0], reason)
		if err != nil {
			return a.ofGate(err, args[0])
		}
		a.say("follow it: %s", a.command("show", s.Run))
		if a.json() {
			return a.printJSON(s)
		}
		return a.print("started %s", card.Exact(s.Run))
	}
	return cmd
}

func (a *app) halt() *cobra.Command {
	return a.flip("halt", "Stop all effects: no worker changes anything from now on", Gateway.Halt)
}

func (a *app) resume() *cobra.Command {
	return a.flip("resume", "Let effects go on after a halt", Gateway.Resume)
}

// flip is the command of the kill switch in one direction.
func (a *app) flip(verb, short string, do func(Gateway, context.Context, string) (desk.Switch, error)) *cobra.Command {
	var as, reason string
	cmd := &cobra.Command{
		Use: verb + " --reason WHY", Short: short,
		Example: `  starter ` + verb + ` --as alice@example.com --reason "incident 12"`,
		Args:    arguments(),
	}
	a.asFlag(cmd, &as)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record (required)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if reason == "" {
			return usagef(cmd, "want --reason WHY")
		}
		g, _, err := a.acting(cmd, as)
		if err != nil {
			return err
		}
		s, err := do(g, cmd.Context(), reason)
		switch {
		case err != nil:
			return a.ofGate(err, "")
		case a.json():
			return a.printJSON(s)
		case s.Halted:
			return a.print("halted  by %s", card.Exact(s.By))
		}
		return a.print("effects go on  by %s", card.Exact(s.By))
	}
	return cmd
}
