// Package cli is the command line of starter: everything a person or a script does with playbooks
// and runs.
//
//	validate    every problem of playbooks
//	rules       what validate checks, with examples
//	test        the tests beside playbooks, and what they cover
//	plan        what would run for an event
//	match       which playbooks answer an event
//	run         start runs for an event, or one by hand
//	runs        list runs
//	schedule    when playbooks start by themselves
//	show        the story of one run
//	approvals   what waits for people
//	approve     say yes to an approval
//	reject      say no
//	answer      answer a question
//	delegate    give your vote to somebody else
//	edit        change a call before it is decided
//	cancel      ask a run to stop
//	keep        keep what would be put back by itself
//	undo        take back what a run did
//	halt        stop all effects, everywhere
//	resume      let effects go on
//	reviews     what one person decided alone
//	serve       run the gateway
//	token       issue and revoke the tokens of people
//	activities  what playbooks can do
//	schema      the JSON Schema of playbooks
//	graph       a playbook as a picture
//	new         the beginning of a playbook
//	fmt         playbooks in their one layout
//	codec       decrypt for the Temporal UI, and keys to encrypt with
//	policy      check, test and explain the policy
//	keys        make the key that the gateway signs with
//	ledger      check, export and set up the record
//	audit       what audits found: list, report, export
//	evidence    what is on record of a run, as a bundle that verifies alone
//
// # Manners
//
// Results go to Out, talk and progress to Err. With -o json Out is exactly one JSON document, also
// when a command fails: then it is {"error": "...", "exit": n} unless there are results. Help is text.
// Nothing prompts. What an event says is cleaned or quoted wherever it is printed.
//
// # Exit codes
//
//	0  done
//	1  problems, or refused: a mistake in a file, no playbook answers, a run failed, a vote does not count
//	2  usage: the command line itself is wrong
//	3  could not tell: Temporal or the worker did not answer, or not in time
//
// # Files
//
//	cmd_*.go     one command a file
//	temporal.go  the connection, and what the commands need of it
//	answers.go   which runs an event or a person starts
//	vote.go      what approve and reject share
//	watch.go     following runs until they are over
//	hints.go     the commands that other commands suggest
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/expr"
)

// Streams is what a command may touch of the process.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Env is the environment, as os.Environ gives it.
	Env []string
	// Program is how the commands begin that hints suggest; "" is the program's name. See [Program].
	Program string
}

// Main runs one command line, without the program's name, and returns its exit code. What
// extensions add playbooks can name: a program of your own gives the same ones to its worker, see
// package worker/app.
func Main(ctx context.Context, args []string, s Streams, extensions ...workflows.Extension) int {
	return Command{Streams: s, Extensions: extensions}.Run(ctx, args)
}

// Command is the command line with its surroundings, which tests replace.
type Command struct {
	Streams

	// Dial connects to Temporal; nil is the real one.
	Dial Dial
	// Gate finds the gateway; nil is by the flags, the environment, or the local deployment.
	Gate Gate
	// Now tells the time; nil is time.Now.
	Now func() time.Time
	// Extensions add activities and workflows to those that ship.
	Extensions []workflows.Extension
}

// Run runs one command line and returns its exit code.
func (c Command) Run(ctx context.Context, args []string) int {
	if c.Dial == nil {
		c.Dial = dial
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Program == "" {
		c.Program = program
	}
	noColor := c.env("NO_COLOR")
	a := &app{Command: c, out: card.Terminal(c.Out, noColor), err: card.Terminal(c.Err, noColor), registry: activities.NewRegistry(), flows: workflows.NewRegistry()}
	all.Register(a.registry, all.Options{})
	for _, extend := range c.Extensions {
		extend(a.registry, a.flows)
	}
	root := a.root()
	root.SetArgs(append([]string{}, args...)) // never nil, which means os.Args
	root.SetIn(c.In)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	code := a.exit(err)
	if err != nil && !a.printed && (a.json() || code == exitUsage && asksJSON(args)) {
		_ = a.printJSON(failedJSON{err.Error(), code}) // where it cannot be written, neither can an excuse
	}
	return code
}

func (c Command) env(name string) string {
	value, _ := environment(c.Env).LookupEnv(name)
	return value
}

// app is one command line while it runs.
type app struct {
	Command

	out, err io.Writer // those of the streams, with colours where they are terminals
	registry *activities.Registry
	flows    *workflows.Registry
	printed  bool // the one JSON document was

	// The persistent flags.
	output      string
	playbooks   string
	taskQueue   string
	directory   string // of validate
	descriptors string // a folder
	gatewayAt   string // a URL, or the file of a local one
	token       string // a file
	temporal    connect.Options
}

// activitiesEnv is the variable of the environment in the place of --activities, as package
// worker/app has it.
const activitiesEnv = "COUNTERSIGN_ACTIVITIES"

// describeActivities adds the activities of --activities, and looks at what workflows call.
func (a *app) describeActivities() error {
	if a.descriptors != "" {
		err := activities.LoadDescriptors(a.registry, os.DirFS(a.descriptors))
		if err == nil {
			err = a.registry.Validate()
		}
		if err != nil {
			return refuse(fmt.Errorf("read the activities of %s: %w", a.descriptors, err), "")
		}
	}
	if err := a.flows.Validate(a.registry); err != nil {
		return refuse(err, "")
	}
	return nil
}

const help = `Start playbooks for events, watch their runs and answer their approvals.

Exit codes: 0 done; 1 problems or refused; 2 usage; 3 could not tell (no answer, or not in time).
The connection to Temporal comes from flags, else TEMPORAL_* variables, else a profile of the
configuration file that the temporal command uses.`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           program,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: a.Program},
		Short:         "Start playbooks for events, watch their runs and answer their approvals",
		Long:          help,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			var names []string
			for _, known := range cmd.Commands() {
				names = append(names, known.Name())
			}
			return usagef(cmd, "no command %q%s", args[0], expr.DidYouMean(args[0], names))
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.form(cmd); err != nil {
				return err
			}
			return a.describeActivities()
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usagef(cmd, "%v", err) })
	flags := root.PersistentFlags()
	flags.StringVarP(&a.output, "output", "o", "text", "how to print results: text or json (and where help says so, others)")
	flags.StringVar(&a.playbooks, "playbooks", "", "folder of playbooks (default: the library that ships)")
	flags.StringVar(&a.taskQueue, "task-queue", workflows.TaskQueue, "task queue that the workers serve")
	flags.StringVar(&a.descriptors, "activities", a.env(activitiesEnv), "folder of descriptors of activities that run in workers of their own (default: $"+activitiesEnv+")")
	flags.StringVar(&a.gatewayAt, "gateway", "", "`URL` of the gateway, or the file of a local one (default: $"+gatewayEnv+", or "+server.LocalFile+")")
	flags.StringVar(&a.token, "token-file", "", "`file` of your token (default: $"+tokenEnv+"; a local gateway has one for everybody in it)")
	a.temporal.Flags(flags)
	root.AddCommand(
		a.validate(), a.rules(), a.test(), a.match(), a.run(), a.runs(), a.schedule(), a.show(), a.approvals(), a.approve(), a.reject(), a.answer(), a.delegate(), a.edit(), a.cancel(), a.keep(), a.undo(), a.halt(), a.resume(), a.reviews(),
		a.activities(), a.schema(), a.graph(), a.new(), a.fmt(), a.plan(), a.serve(), a.keys(), a.tokenCmd(), a.policy(), a.ledger(), a.audit(), a.evidence(), a.codec(), a.slack(),
	)
	a.examples(root)
	return root
}

// arguments checks their number; optional ones are in brackets, the last may repeat with "...". An
// empty one is most likely a variable of a script that was never set.
func arguments(names ...string) cobra.PositionalArgs {
	least, most := 0, len(names)
	for _, name := range names {
		if !strings.HasPrefix(name, "[") {
			least++
		}
		if strings.HasSuffix(name, "...]") {
			most = -1
		}
	}
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			want := strings.Join(names, " ")
			if want == "" {
				want = "no arguments"
			}
			return usagef(cmd, "want %s; got %d", want, len(args))
		}
		for i, arg := range args {
			if arg == "" {
				return usagef(cmd, "want %s; argument %d is empty", strings.Join(names, " "), i+1)
			}
		}
		return nil
	}
}
