package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// Runs is what the commands need of runs; workflows.Client has it.
type Runs interface {
	Start(ctx context.Context, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error)
	Status(ctx context.Context, run string) (*workflows.Status, error)
	Watch(ctx context.Context, run string, patience time.Duration, see func(*workflows.Status) bool) error
	Vote(ctx context.Context, run string, v approval.Vote) (workflows.VoteResult, error)
	Cancel(ctx context.Context, run string) error
	Runs(ctx context.Context, open bool, limit int) ([]workflows.Listed, error)
}

// Dial connects to Temporal within the time of ctx. The function it returns ends the connection.
type Dial func(ctx context.Context, opts client.Options, taskQueue string) (Runs, func(), error)

func dial(ctx context.Context, opts client.Options, taskQueue string) (Runs, func(), error) {
	c, err := client.DialContext(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	return workflows.Client{Temporal: c, TaskQueue: taskQueue}, c.Close, nil
}

// connection is the flags that say how to reach Temporal.
type connection struct {
	profile, config, address, namespace, taskQueue string
	timeout                                        time.Duration
}

func (c *connection) flags(flags *pflag.FlagSet) {
	flags.StringVar(&c.address, "address", "", "Temporal's host:port (TEMPORAL_ADDRESS; default localhost:7233)")
	flags.StringVar(&c.namespace, "namespace", "", "Temporal namespace (TEMPORAL_NAMESPACE; default default)")
	flags.StringVar(&c.profile, "profile", "", "profile of the Temporal configuration file (TEMPORAL_PROFILE)")
	flags.StringVar(&c.config, "temporal-config", "", "Temporal configuration file (TEMPORAL_CONFIG_FILE)")
	flags.StringVar(&c.taskQueue, "task-queue", workflows.TaskQueue, "task queue that the workers serve")
	flags.DurationVar(&c.timeout, "connect-timeout", 5*time.Second, "how long to wait for Temporal")
}

// connect reaches Temporal, or says within bounds that it cannot be reached.
func (a *app) connect(ctx context.Context) (Runs, func(), error) {
	opts, err := a.options()
	if err != nil {
		return nil, nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, a.temporal.timeout)
	defer cancel()
	runs, end, err := a.Dial(bounded, opts, a.temporal.taskQueue)
	if err != nil {
		return nil, nil, unknown(fmt.Errorf("reach Temporal at %s: %w", opts.HostPort, err),
			"is it running there? choose another with --address, or a --profile of the Temporal configuration")
	}
	return runs, end, nil
}

// options puts flags over the environment over the file.
func (a *app) options() (client.Options, error) {
	if a.temporal.config != "" { // a missing file would count as an empty one
		if _, err := os.Stat(a.temporal.config); err != nil {
			return client.Options{}, refuse(fmt.Errorf("read the Temporal configuration: %w", err), "")
		}
	}
	opts, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
		ConfigFilePath:     a.temporal.config,
		ConfigFileProfile:  a.temporal.profile,
		IncludeRemoteCodec: true, // without it, what an encrypting worker wrote cannot be read
		EnvLookup:          environment(a.Env),
	})
	if err != nil {
		return client.Options{}, refuse(fmt.Errorf("read the Temporal configuration: %w", err), "")
	}
	if a.temporal.address != "" {
		opts.HostPort = a.temporal.address
	}
	if a.temporal.namespace != "" {
		opts.Namespace = a.temporal.namespace
	}
	if opts.HostPort == "" {
		opts.HostPort = client.DefaultHostPort
	}
	opts.Logger = log.NewStructuredLogger(slog.New(slog.DiscardHandler)) // commands print, they do not log
	return opts, nil
}

// environment is variables as os.Environ gives them. As there, the last of a name counts.
type environment []string

func (e environment) Environ() []string { return e }

func (e environment) LookupEnv(name string) (string, bool) {
	for i := len(e) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(e[i], name+"="); ok {
			return value, true
		}
	}
	return "", false
}
