package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
)

// Runs is what the commands read of runs. What they say to runs goes by way of the Gateway.
type Runs interface {
	Status(ctx context.Context, run string) (*workflows.Status, error)
	AskExpiring(ctx context.Context, st *workflows.Status)
	Watch(ctx context.Context, run string, patience time.Duration, see func(*workflows.Status) bool) error
	Runs(ctx context.Context, open bool, limit int) ([]workflows.Listed, error)
}

// Dial connects to Temporal, or fails within seconds. The function it returns ends the connection.
type Dial func(ctx context.Context, opts connect.Options, taskQueue string) (Runs, func(), error)

func dial(ctx context.Context, opts connect.Options, taskQueue string) (Runs, func(), error) {
	c, err := opts.Dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, err := opts.Keys()
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	known, err := opts.Resolve()
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return workflows.Client{Temporal: c, TaskQueue: taskQueue, Converter: keys.Converter(), Namespace: known.Namespace}, c.Close, nil
}

// connect reaches Temporal. A configuration that is wrong is a mistake that can be mended; a
// cluster that does not answer says nothing about the runs on it.
func (a *app) connect(ctx context.Context) (Runs, func(), error) {
	opts := a.temporal
	opts.Env = environment(a.Env)
	if opts.ConfigFile != "" { // a missing file would count as an empty one
		if _, err := os.Stat(opts.ConfigFile); err != nil {
			return nil, nil, refuse(fmt.Errorf("read the Temporal configuration: %w", err), "")
		}
	}
	if _, err := opts.Keys(); err != nil {
		return nil, nil, refuse(err, "make one: "+a.command("codec", "key", "ID"))
	}
	if _, err := opts.Resolve(); err != nil {
		return nil, nil, refuse(err, "name a profile of the Temporal configuration with --profile, or set --address and --namespace")
	}
	runs, end, err := a.Dial(ctx, opts, a.taskQueue)
	if err != nil {
		return nil, nil, unknown(err, "is it running there? choose another with --address, or a --profile of the Temporal configuration")
	}
	return runs, end, nil
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
