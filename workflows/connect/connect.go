// Package connect finds the Temporal cluster: the profiles of the Temporal CLI, TEMPORAL_*
// environment variables and flags, in that order of weight, the last winning. TLS and API keys
// come from the profile or the environment. The worker and the starter connect in the same way,
// and encrypt what they write with the same keys, if there are any, see [ParseKeys]. Headers stay as
// they are: a ticket is signed, and holds names but nothing else of an event.
package connect

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
)

// dialTime bounds the first answer of the cluster.
const dialTime = 5 * time.Second

// Options override what the profile and the environment say. The zero value overrides nothing.
type Options struct {
	ConfigFile string
	Profile    string
	Address    string
	Namespace  string
	// PayloadKeys is the file of the keys that payloads are encrypted with, see [ParseKeys]; "": the
	// environment says, and if it does not they are not encrypted.
	PayloadKeys string
	// Logger is for the SDK; nil discards.
	Logger *slog.Logger
	// Env looks up the environment; nil is the process's own.
	Env envconfig.EnvLookup
}

// Flags adds the connection's flags to a command.
func (o *Options) Flags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Address, "address", "", "Temporal frontend, host:port (TEMPORAL_ADDRESS)")
	flags.StringVar(&o.Namespace, "namespace", "", "Temporal namespace (TEMPORAL_NAMESPACE)")
	flags.StringVar(&o.Profile, "profile", "", "profile of the Temporal CLI's configuration (TEMPORAL_PROFILE)")
	flags.StringVar(&o.ConfigFile, "temporal-config", "", "the Temporal CLI's configuration `file` (TEMPORAL_CONFIG_FILE)")
	flags.StringVar(&o.PayloadKeys, "payload-keys", "", "`file` of the keys that payloads are encrypted with, the newest first ("+payloadKeysEnv+"; or the keys in "+payloadKeyEnv+")")
}

// Resolve gives the client options that flags, environment and profile amount to.
func (o Options) Resolve() (client.Options, error) {
	resolved, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
		ConfigFilePath: o.ConfigFile, ConfigFileProfile: o.Profile, EnvLookup: o.Env,
	})
	if err != nil {
		return client.Options{}, fmt.Errorf("read the Temporal configuration: %w", err)
	}
	if o.Address != "" {
		resolved.HostPort = o.Address
	}
	if o.Namespace != "" {
		resolved.Namespace = o.Namespace
	}
	if resolved.HostPort == "" {
		resolved.HostPort = client.DefaultHostPort
	}
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	resolved.Logger = log.NewStructuredLogger(logger)
	keys, err := o.Keys()
	if err != nil {
		return client.Options{}, err
	}
	keys.encrypt(&resolved)
	resolved.ContextPropagators = []workflow.ContextPropagator{activities.Tickets()}
	return resolved, nil
}

// Dial connects, or says within seconds where it tried.
func (o Options) Dial(ctx context.Context) (client.Client, error) {
	resolved, err := o.Resolve()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := client.DialContext(ctx, resolved)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s: %w", resolved.HostPort, err)
	}
	return c, nil
}

// Local connects to a server without TLS that runs in this process.
func Local(ctx context.Context, address, namespace string) (client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{
		HostPort: address, Namespace: namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ContextPropagators: []workflow.ContextPropagator{activities.Tickets()},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal at %s: %w", address, err)
	}
	return c, nil
}
