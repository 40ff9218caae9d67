package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// voteFlags are the flags of approve and reject.
type voteFlags struct {
	who

	reason string
	alone  bool
}

// who says which person answers, and what that person has seen.
type who struct{ person, digest string }

func (w *who) flags(flags *pflag.FlagSet) {
	flags.StringVar(&w.person, "as", "", "the `person` who answers: an id or mail address of the local directory; elsewhere a token says it")
	flags.StringVar(&w.digest, "digest", "", "answer only if the digest of what is asked begins so (8 hex digits or more)")
}

func (w *who) check(cmd *cobra.Command) error {
	w.digest = strings.TrimPrefix(w.digest, "sha256:")
	switch {
	case len(w.person) > approval.MaxPerson:
		return refuse(fmt.Errorf("--as is %d bytes; a mail address has at most %d", len(w.person), approval.MaxPerson), "")
	case card.Clean(w.person, approval.MaxPerson) != w.person:
		return refuse(fmt.Errorf("--as %s holds what does not print", card.Exact(w.person)), "")
	case w.digest != "" && !digestPrefix.MatchString(w.digest):
		return usagef(cmd, "--digest %q: want 8 to 64 hex digits, as the card shows them", w.digest)
	default:
		return nil
	}
}

// saw refuses an answer to something else than the person has seen.
func (w *who) saw(asked digest.Digest) error {
	if strings.HasPrefix(strings.TrimPrefix(string(asked), "sha256:"), w.digest) {
		return nil
	}
	return refuse(fmt.Errorf("nothing was answered: what is asked now is %s, not %s", asked.Short(), w.digest),
		"read the card above; it is not what you were shown before")
}

// vote is the command of one verdict.
func (a *app) vote(verdict approval.Verdict, cmd *cobra.Command) *cobra.Command {
	var f voteFlags
	flags := cmd.Flags()
	f.who.flags(flags)
	flags.StringVar(&f.reason, "reason", "", "why, for the record")
	if verdict == approval.Approve {
		flags.BoolVar(&f.alone, "break-glass", false, "decide alone, in an emergency: takes a --reason and a right by policy, is loud, and is reviewed")
	}
	cmd.Args = arguments("RUN", "[APPROVAL]")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(f.reason) > approval.MaxReason {
			return usagef(cmd, "--reason is %d bytes; at most %d are kept", len(f.reason), approval.MaxReason)
		}
		if err := f.who.check(cmd); err != nil {
			return err
		}
		gate, person, err := a.acting(cmd, f.person)
		if err != nil {
			return err
		}
		f.person = person
		runs, end, err := a.connect(cmd.Context())
		if err != nil {
			return err
		}
		defer end()
		which := ""
		if len(args) == 2 {
			which = args[1]
		}
		return a.cast(cmd.Context(), runs, gate, args[0], which, verdict, f)
	}
	return cmd
}

var digestPrefix = regexp.MustCompile(`^[0-9a-f]{8,64}$`)

// cast shows what is asked and answers exactly that: the vote carries the digest of what was shown.
func (a *app) cast(ctx context.Context, runs Runs, gate Gateway, run, which string, verdict approval.Verdict, f voteFlags) error {
	st, err := runs.Status(ctx, run)
	if err != nil {
		return a.ofRun(err, run)
	}
	asking, err := pick(st, which)
	if err != nil {
		return refuse(err, "see the run: "+a.command("show", run))
	}
	if err := card.Request(a.err, st, asking, a.Now()); err != nil {
		return fmt.Errorf("show what is asked: %w", err) // no answer to what was not shown
	}
	if err := f.saw(asking.Digest); err != nil {
		return err
	}
	result, err := gate.Vote(ctx, run, approval.Vote{
		Approval: asking.ID, Digest: asking.Digest, Person: f.person, Verdict: verdict, Reason: f.reason, BreakGlass: f.alone,
	})
	if errors.Is(err, workflows.ErrNoWorker) {
		return unknown(err, "the vote may still count; to answer again is safe, or see: "+a.command("show", run))
	}
	if err != nil {
		return a.ofGate(err, run)
	}
	if result.Decision != nil && !result.Arrived {
		a.say("the run does not know yet; the gateway tells it until it does: %s", a.command("show", run))
	}
	return a.printVote(asking, verdict, f.person, result)
}

// pick finds the open approval that is meant.
func pick(st *workflows.Status, which string) (*workflows.ApprovalStatus, error) {
	open := st.Asking()
	var names []string
	for _, asking := range open {
		if asking.ID == which {
			return asking, nil
		}
		names = append(names, card.Exact(asking.ID))
	}
	for _, a := range st.Approvals {
		switch {
		case a.ID != which:
		case a.Decision != nil:
			return nil, fmt.Errorf("%s is already %s", card.Exact(a.ID), card.Decision(a.Decision))
		default:
			return nil, fmt.Errorf("%s was never decided, and the run is over: %s", card.Exact(a.ID), st.State)
		}
	}
	switch {
	case len(open) == 0 && st.State.Over():
		return nil, fmt.Errorf("the run %s is over (%s) and asks nothing", st.Run, st.State)
	case len(open) == 0 && len(st.Unanswered()) > 0:
		return nil, fmt.Errorf("the run %s asks a question, which takes more than a yes or no; answer it with answer", st.Run)
	case len(open) == 0:
		return nil, fmt.Errorf("the run %s asks nothing now", st.Run)
	case which != "":
		return nil, fmt.Errorf("the run %s does not ask %q; it asks %s", st.Run, which, strings.Join(names, ", "))
	case len(open) > 1:
		return nil, fmt.Errorf("the run %s asks %s; name one", st.Run, strings.Join(names, " and "))
	}
	return open[0], nil
}

type voteJSON struct {
	Run      string             `json:"run"`
	Approval string             `json:"approval"`
	Digest   string             `json:"digest"`
	Person   string             `json:"person"`
	Verdict  approval.Verdict   `json:"verdict"`
	Votes    int                `json:"votes"`
	Quorum   int                `json:"quorum"`
	Decision *approval.Decision `json:"decision"` // null: it is still open
}

func (a *app) printVote(asking *workflows.ApprovalStatus, verdict approval.Verdict, person string, result desk.VoteResult) error {
	if a.json() {
		return a.printJSON(voteJSON{
			Run: asking.Run, Approval: asking.ID, Digest: string(asking.Digest), Person: person, Verdict: verdict,
			Votes: result.Votes, Quorum: asking.Quorum, Decision: result.Decision,
		})
	}
	if result.Late {
		a.say("it was decided before; the vote is on record and changes nothing")
	}
	if d := result.Decision; d != nil {
		return a.print("%s  %s of %s", card.Exact(string(d.Outcome)), card.Exact(asking.ID), card.Exact(asking.Run))
	}
	return a.print("counted  %s of %s: %d of %d", card.Exact(asking.ID), card.Exact(asking.Run), result.Votes, asking.Quorum)
}

// seen is a request that was shown.
type seen = *workflows.ApprovalStatus

// onRequest shows what a run asks and lets something be said of exactly that.
func (a *app) onRequest(cmd *cobra.Command, args []string, f *who, say func(context.Context, Gateway, seen) error) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	gate, person, err := a.acting(cmd, f.person)
	if err != nil {
		return err
	}
	f.person = person
	ctx, run, which := cmd.Context(), args[0], ""
	if len(args) == 2 {
		which = args[1]
	}
	runs, end, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	st, err := runs.Status(ctx, run)
	if err != nil {
		return a.ofRun(err, run)
	}
	asking, err := pick(st, which)
	if err != nil {
		return refuse(err, "see the run: "+a.command("show", run))
	}
	if err := card.Request(a.err, st, asking, a.Now()); err != nil {
		return fmt.Errorf("show what is asked: %w", err)
	}
	if err := f.saw(asking.Digest); err != nil {
		return err
	}
	return say(ctx, gate, asking)
}
