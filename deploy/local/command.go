package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows/approval"
)

// Streams are what the command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Terminal says that somebody sits at In and may be asked.
	Terminal bool
}

// options are the command's flags.
type options struct {
	state     string
	fresh     bool
	event     string
	directory string
	policy    string
	slack     string
	chat      *chat // nil: nobody is asked in Slack
	once      bool
	schedules bool
	estate    int
	playbooks fs.FS // nil: those that ship
	approveAs string
	rejectAs  string
	reason    string
	answerAs  string
	answers   []string
	as        string
	wait      time.Duration
}

// Exit codes.
const (
	exitDone  = 0
	exitNot   = 1 // the outcome was not reached, or something failed
	exitUsage = 2
)

// errOutcome ends a --once whose run did not reach the outcome asked for; the story says why.
var errOutcome = errors.New("the outcome was not reached")

// Main runs the command and returns its exit code.
func Main(ctx context.Context, args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once

	var o options
	started := false
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Run everything on this machine, send a finding and ask what to do about it",
		Example: `  go run ./deploy/local
  go run ./deploy/local --event playbooks/events/guardduty-ec2-bitcoin-dns.json
  go run ./deploy/local --once --approve-as alice@example.com
  go run ./deploy/local --estate 200
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 go run ./deploy/local`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			var err error
			if o.chat, err = o.readChat(); err != nil {
				return err
			}
			started = true
			return o.run(cmd.Context(), s)
		},
	}
	cmd.SetArgs(args)
	cmd.SetOut(s.Out)
	cmd.SetErr(s.Err)
	flags := cmd.Flags()
	flags.StringVar(&o.state, "state", filepath.Join(".countersign", "local"), "`folder` for everything it keeps between starts")
	flags.BoolVar(&o.fresh, "fresh", false, "forget earlier starts")
	flags.StringVar(&o.event, "event", "", "`file` with the event to send, instead of the sample finding")
	flags.StringVar(&o.directory, "directory", "", "`file` that names the people of each approving group (default: alice, bob and carol at example.com)")
	flags.StringVar(&o.policy, "policy", "", "`file` of rules for effects (default: the policy that ships)")
	flags.StringVar(&o.slack, "slack", "", "`file` that says where in Slack people are asked; the tokens are in the environment")
	flags.BoolVar(&o.schedules, "schedules", false, "have the playbooks start by themselves when their schedules say so")
	flags.IntVar(&o.estate, "estate", 0, "stand in for an organization of so many `accounts`, and send nothing unless --event says what")
	flags.BoolVar(&o.once, "once", false, "end when the runs have ended, instead of staying up")
	flags.StringVar(&o.approveAs, "approve-as", "", "approve whatever is asked, as this `person`")
	flags.StringVar(&o.rejectAs, "reject-as", "", "reject whatever is asked, as this `person`")
	flags.StringVar(&o.reason, "reason", "", "why, with --approve-as or --reject-as")
	flags.StringVar(&o.answerAs, "answer-as", "", "answer whatever question is asked, as this `person`")
	flags.StringArrayVar(&o.answers, "answer", nil, "value of a field, `name=value`, with --answer-as; may repeat")
	flags.StringVar(&o.as, "as", "alice@example.com", "the `person` who answers at this terminal")
	flags.DurationVar(&o.wait, "wait", 10*time.Minute, "the longest that --once waits")

	err := cmd.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case !started:
		fmt.Fprintf(s.Err, "local: %v\nsee go run ./deploy/local --help\n", err)
		return exitUsage
	default:
		fmt.Fprintln(s.Err, "local:", err)
		return exitNot
	}
}

func (o options) validate() error {
	switch {
	case o.approveAs != "" && o.rejectAs != "":
		return errors.New("--approve-as and --reject-as exclude each other")
	case o.reason != "" && o.approveAs == "" && o.rejectAs == "":
		return errors.New("--reason goes with --approve-as or --reject-as")
	case len(o.reason) > approval.MaxReason:
		return fmt.Errorf("--reason is %d bytes; at most %d are kept", len(o.reason), approval.MaxReason)
	case o.wait <= 0:
		return errors.New("--wait is more than nothing")
	case o.state == "":
		return errors.New("--state names a folder")
	}
	if err := o.validateEstate(); err != nil {
		return err
	}
	return o.validateAnswers()
}

// answer is the vote that the flags prescribe, if they do.
func (o options) answer() (person string, verdict approval.Verdict, ok bool) {
	switch {
	case o.approveAs != "":
		return o.approveAs, approval.Approve, true
	case o.rejectAs != "":
		return o.rejectAs, approval.Reject, true
	default:
		return "", "", false
	}
}
