package devserver

import (
	"errors"
	"fmt"
	"path/filepath"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

// clusterName is written into the database and must never change.
const clusterName = "active"

// historyShards is written into a new database too, and the database's number wins afterwards.
// Four carry a quarter more runs than one; more only cost memory with a single writer.
const historyShards = 4

// complete fills in defaults and reports every problem at once.
func (o *Options) complete() error {
	var errs []error
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	if o.Namespace == primitives.SystemLocalNamespace {
		errs = append(errs, fmt.Errorf("namespace %q belongs to the server", o.Namespace))
	}
	if o.Address == "" {
		o.Address = defaultAddress
	}
	if _, _, err := splitLoopback(o.Address); err != nil {
		errs = append(errs, err)
	}
	if o.UIPort == 0 {
		o.UIPort = defaultUIPort
	}
	if o.UIPort < 0 || o.UIPort > 65535 {
		errs = append(errs, fmt.Errorf("UI port %d: want a port from 1 to 65535", o.UIPort))
	}
	if o.Dir != "" {
		abs, err := filepath.Abs(o.Dir)
		if err != nil {
			errs = append(errs, fmt.Errorf("folder %q: %w", o.Dir, err))
		}
		o.Dir = abs
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("development server: %w", err)
	}
	return nil
}

// serverOptions describes a whole cluster on one address.
func serverOptions(p ports, db databaseConfig, log *logger) []temporal.ServerOption {
	frontend := p.address(p.frontend)
	service := func(port int) config.Service {
		return config.Service{RPC: config.RPC{
			GRPCPort: port,
			// Not BindOnLocalHost: that takes its address from the environment.
			BindOnIP: loopback,
		}}
	}
	cfg := &config.Config{
		Global: config.Global{
			Membership: config.Membership{BroadcastAddress: loopback},
			// Zero port: no profiling listener. Metrics are dropped below.
			PProf: config.PProf{},
		},
		Persistence: config.Persistence{
			DefaultStore:     sqlite.PluginName,
			VisibilityStore:  sqlite.PluginName,
			NumHistoryShards: historyShards,
			DataStores:       map[string]config.DataStore{sqlite.PluginName: {SQL: db.sql()}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(p.frontend),
			string(primitives.HistoryService):  service(p.history),
			string(primitives.MatchingService): service(p.matching),
			string(primitives.WorkerService):   service(p.worker),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
	return []temporal.ServerOption{
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(map[primitives.ServiceName]static.Hosts{
			primitives.FrontendService: static.SingleLocalHost(frontend),
			primitives.HistoryService:  static.SingleLocalHost(p.address(p.history)),
			primitives.MatchingService: static.SingleLocalHost(p.address(p.matching)),
			primitives.WorkerService:   static.SingleLocalHost(p.address(p.worker)),
		}),
		temporal.WithLogger(log),
		temporal.WithCustomMetricsHandler(metrics.NoopMetricsHandler),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
		temporal.WithDynamicConfigClient(settings()),
	}
}

// settings are the dynamic settings that differ from the server's defaults. Updates and eager
// workflow start, which runs rely on, are on by default in this version; a test holds them so.
func settings() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// How often a shard looks for work that was just written. The default of 20 a
		// second protects a shared database from idle shards; here it makes each step of a
		// lone run wait for the next look: five activities take 300 ms instead of 30.
		dynamicconfig.TransferProcessorMaxPollRPS.Key(): 1000,
		// The same for timers: without it a short timer or retry fires up to 50 ms late.
		dynamicconfig.TimerProcessorMaxPollRPS.Key(): 1000,
		// The same for what lists and counts show, so that a run that was just started or
		// closed is found at once.
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 1000,

		// A search attribute is usable right after it was added instead of up to a minute
		// later. Reads the database each time, which one machine can afford.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,

		// One partition a task queue instead of four, which spread a queue over machines. With
		// one machine the other three only forward to the first, and each has to be loaded
		// with the queue: a server stopped meanwhile waits two seconds for it.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// No call to the outside to ask for newer versions.
		dynamicconfig.EnableServerVersionCheck.Key(): false,

		// The scavengers look for what crashes of a cluster leave behind. They are
		// workflows of their own with workers and pollers: more to start, to stop and to
		// write than they would ever clean up here.
		dynamicconfig.TaskQueueScannerEnabled.Key():  false,
		dynamicconfig.HistoryScannerEnabled.Key():    false,
		dynamicconfig.ExecutionsScannerEnabled.Key(): false,
		dynamicconfig.BuildIdScavengerEnabled.Key():  false,

		// The shard closes the children of a finished run itself, however many there are. The
		// worker that would take over from ten on is the one part that the server forgets to
		// stop: its open poll holds Stop up for a second, and it polls on for ever after.
		dynamicconfig.EnableParentClosePolicyWorker.Key(): false,
	}
}
