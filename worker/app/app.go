// Package app is the worker: it runs playbooks and makes their calls. It holds the providers'
// credentials, and nothing that could start a run or approve one.
//
//	worker --directory people.yaml --profile production
//
// Workers of one task queue share the runs; stop one and the others carry on. On SIGTERM it takes
// no more work and gives the calls under way thirty seconds to end. It does not link the embedded
// server: that is deploy/local's.
//
// # Extending
//
// Activities and workflows of your own are registered by a function in a module of your own, which
// two short programs hand to what ships:
//
//	os.Exit(app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr, acme.Register))
//	os.Exit(cli.Main(context.Background(), os.Args[1:], streams, acme.Register)) // package starter/cli
//
// The second is needed as it is the one that checks playbooks. See the example of Main.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/directory/slackgroup"
	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/logs"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
)

// Options configure a worker. The zero value lacks only the directory.
type Options struct {
	// TaskQueue is where it takes work from; "" is workflows.TaskQueue.
	TaskQueue string
	// Directory names the people of the groups that approve. It is asked at each approval.
	Directory func() (directory.Directory, error)
	AWS       aws.Options
	// Findings is where audits keep what they find; nil: nowhere, and no audit can be made.
	Findings *store.Store
	// Waivers say what may fail until when; nil: there are none.
	Waivers func() (finding.Waivers, error)
	// Authority decides about effects; nil: none is made. Its own activities are bound with it.
	Authority Authority
	// Secrets are what inputs may name, secret://name; nil: there are none.
	Secrets *secret.Resolver
	// Extensions add activities and workflows to those that ship.
	Extensions []workflows.Extension
	// Activities is a folder of descriptors of activities that run in workers of their own, as
	// package activities has them; "": none.
	Activities string
	// Cached is how many runs it keeps in memory between their tasks; 0 is CachedRuns. A run that is not
	// kept is read from its history when it goes on. It is one number for all workers of a process.
	Cached int
}

// CachedRuns bounds the runs that a worker keeps in memory, whatever waits: a few tens of KiB each.
const CachedRuns = 500

// Authority is what stands behind the guard, and what a run may ask of it.
type Authority interface {
	activities.Authority
	Bind(w activities.Registrar)
}

// stopTime is how long calls under way may take to end when the worker stops.
const stopTime = 30 * time.Second

// stuck is after what time without a pause the SDK takes workflow code for stuck. A second is its own
// measure, and on a machine without processors to spare it takes longer to compile a large plan and to
// replay thousands of rounds: late is not stuck. Temporal waits ten seconds for a task.
const stuck = 5 * time.Second

// Worker is a running worker.
type Worker struct{ worker worker.Worker }

// Start lets a worker take work through c, and returns when it polls.
func Start(c client.Client, opts Options) (*Worker, error) {
	if opts.Directory == nil {
		return nil, errors.New("start the worker: it has no directory of approvers")
	}
	registry, flows, err := opts.registries()
	if err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	queue := opts.TaskQueue
	if queue == "" {
		queue = workflows.TaskQueue
	}
	worker.SetStickyWorkflowCacheSize(cmp.Or(opts.Cached, CachedRuns))
	w := worker.New(c, queue, worker.Options{WorkerStopTimeout: stopTime, DeadlockDetectionTimeout: stuck})
	workflows.Bind(w)
	workflows.BindActivities(w)
	flows.Bind(w, registry)
	if opts.Authority != nil {
		registry.Guard(opts.Authority)
		opts.Authority.Bind(w)
	}
	registry.Bind(w)
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start the worker on the task queue %q: %w", queue, err)
	}
	return &Worker{w}, nil
}

// registries hold what ships, what extensions add, and what descriptors name.
func (opts Options) registries() (*activities.Registry, *workflows.Registry, error) {
	registry, flows := activities.NewRegistry(), workflows.NewRegistry()
	registry.Secrets(opts.Secrets)
	all.Register(registry, all.Options{AWS: opts.AWS, Directory: opts.Directory, Findings: opts.findings(), Recorder: opts.recorder()})
	for _, extend := range opts.Extensions {
		extend(registry, flows)
	}
	if opts.Activities != "" {
		if err := activities.LoadDescriptors(registry, os.DirFS(opts.Activities)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", opts.Activities, err)
		}
	}
	if err := errors.Join(registry.Validate(), flows.Validate(registry)); err != nil {
		return nil, nil, err
	}
	return registry, flows, nil
}

// Stop takes no more work and waits for the calls under way, half a minute at most.
func (w *Worker) Stop() { w.worker.Stop() }

// activitiesEnv is the variable of the environment in the place of --activities.
const activitiesEnv = "COUNTERSIGN_ACTIVITIES"

// Main runs the worker until it is told to stop, with what extensions add. Exit codes: 0 stopped, 1
// could not run, 2 usage.
func Main(ctx context.Context, args []string, out, to io.Writer, extensions ...workflows.Extension) int {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	opts := Options{Extensions: extensions}
	var temporal connect.Options
	var t trust
	var secrets, waivers, accounts string
	started := false
	cmd := &cobra.Command{
		Use:   "worker --directory FILE --grant-keys FILE --ledger URL",
		Short: "Run playbooks: take runs from a Temporal task queue and make their calls",
		Example: "  worker --directory people.yaml --grant-keys gateway.pub --ledger ledger.db\n" +
			"  COUNTERSIGN_LEDGER=postgres://... worker --directory people.yaml --grant-keys gateway.pub --policy policy.yaml --profile production\n" +
			"  worker --directory people.yaml --grant-keys gateway.pub --ledger ledger.db --aws-accounts accounts.yaml --waivers waivers.yaml",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			started = true
			temporal.Logger = logs.New(to)
			var err error
			if opts.AWS.Accounts, err = openAccounts(accounts); err != nil {
				return err
			}
			if opts.Secrets, err = openSecrets(secrets, opts.AWS); err != nil {
				return err
			}
			if opts.Waivers, err = openWaivers(waivers); err != nil {
				return err
			}
			return run(cmd.Context(), temporal, t, opts)
		},
	}
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(to)
	temporal.Flags(cmd.Flags())
	cmd.Flags().StringVar(&opts.TaskQueue, "task-queue", workflows.TaskQueue, "where to take runs from")
	cmd.Flags().StringVar(&opts.Activities, "activities", os.Getenv(activitiesEnv), "`folder` of descriptors of activities that run in workers of their own (default: $"+activitiesEnv+")")
	cmd.Flags().IntVar(&opts.Cached, "cached-runs", CachedRuns, "how many runs to keep in memory between their tasks")
	secretsFlag(cmd.Flags(), &secrets)
	accountsFlag(cmd.Flags(), &accounts)
	cmd.Flags().StringVar(&waivers, "waivers", os.Getenv(waiversEnv), "`file` of what audits may find until when (default: $"+waiversEnv+")")
	t.flags(cmd.Flags())
	for _, needed := range []string{"directory", "grant-keys"} {
		_ = cmd.MarkFlagRequired(needed) // fails only for a flag that does not exist
	}
	switch err := cmd.ExecuteContext(ctx); {
	case err == nil:
		return 0
	case started:
		fmt.Fprintln(to, "worker:", err)
		return 1
	default:
		fmt.Fprintf(to, "worker: %v\nsee worker --help\n", err)
		return 2
	}
}

func run(ctx context.Context, temporal connect.Options, t trust, opts Options) error {
	var err error
	if opts.Directory, err = slackgroup.FromEnv(directory.File(t.directory)); err != nil {
		return err
	}
	registry, _, err := opts.registries()
	if err != nil {
		return err
	}
	by, end, err := t.open(ctx, registry, opts.Directory)
	if err != nil {
		return err
	}
	defer end()
	opts.Authority = by
	if opts.Findings, err = store.Open(ctx, t.url()); err != nil {
		return err
	}
	defer opts.Findings.Close()
	c, err := temporal.Dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	w, err := Start(c, opts)
	if err != nil {
		return err
	}
	temporal.Logger.InfoContext(ctx, "taking runs", "task_queue", opts.TaskQueue, "aws_accounts", reach(opts.AWS.Accounts))
	<-ctx.Done()
	temporal.Logger.InfoContext(context.WithoutCancel(ctx), "stopping: no more work is taken, calls under way may end")
	w.Stop()
	return nil
}
