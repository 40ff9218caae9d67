package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/directory/slackgroup"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/logs"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/objectlock"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// serveFlags are those of serve.
type serveFlags struct {
	ledgerFlags

	listen   server.Listen
	key      string
	people   string
	policy   string
	resuming []string
	look     time.Duration
	places   []string // of checkpoints
	slack    string   // where Slack shows what
	older    string   // public keys
}

func (a *app) serve() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve --key FILE --directory FILE --ledger URL",
		Short: "Run the gateway: take events, votes and answers, decide, and sign what workers believe",
		Long: `Run the gateway: take events, votes and answers, decide, and sign what workers believe.

It holds the private key and no credentials of providers. The workers have the public half, and write
to the same ledger. Directory and policy are read at every question. It logs JSON lines.
` + slackHelp,
		Example: `  starter serve --key grant.pem --directory people.yaml --ledger ledger.db
  COUNTERSIGN_LEDGER=postgres://... starter serve --key grant.pem --directory people.yaml --listen :8443 --tls-cert tls.pem --tls-key tls.key`,
		Args: arguments(),
	}
	flags := cmd.Flags()
	f.ledger(cmd)
	flags.StringVar(&f.listen.Address, "listen", "127.0.0.1:8134", "`address` to answer on; one that others can reach takes TLS")
	flags.StringVar(&f.listen.Cert, "tls-cert", "", "`file` of the certificate")
	flags.StringVar(&f.listen.Key, "tls-key", "", "`file` of the certificate's key")
	flags.StringVar(&f.key, "key", "", "`file` of the private key, which starter keys makes (required)")
	flags.StringVar(&f.older, "older-keys", "", "`file` of public keys that this gateway signed with before: runs that it started then go on")
	flags.StringVar(&f.people, "directory", "", "`file` that names the people of each group (required)")
	flags.StringVar(&f.policy, "policy", "", "`file` of rules for effects (default: the policy that ships)")
	flags.StringArrayVar(&f.places, "checkpoints", nil, "where to keep signed checkpoints of the ledger: a `place` that this machine cannot change, s3://BUCKET/PREFIX?days=365 with Object Lock, or a file; repeat it for more")
	flags.StringVar(&f.slack, "slack", "", "`file` that says where in Slack people are asked; the tokens are in the environment")
	flags.StringSliceVar(&f.resuming, "resume-groups", nil, "groups whose members may let effects go on after a halt (default: those who may break the glass, else everybody)")
	flags.DurationVar(&f.look, "look", 15*time.Second, "how often to look for what waits for people, to remind them")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case f.key == "" || f.people == "":
			return usagef(cmd, "want --key FILE and --directory FILE")
		case (f.listen.Cert == "") != (f.listen.Key == ""):
			return usagef(cmd, "--tls-cert and --tls-key go together")
		case f.look <= 0:
			return usagef(cmd, "--look is more than nothing")
		}
		return a.runGateway(cmd, f)
	}
	return cmd
}

// rules are what the desk asks of a policy file.
func rules(file string) func() (desk.Policy, error) {
	read := policy.File(file)
	return func() (desk.Policy, error) { return read() }
}

// runGateway opens all that the gateway needs, so that what is wrong is told now, and serves until it
// is told to stop.
func (a *app) runGateway(cmd *cobra.Command, f serveFlags) error {
	ctx := cmd.Context()
	signer, err := grant.LoadSigner(f.key, false)
	if err != nil {
		return refuse(err, "")
	}
	var older grant.Keys
	if f.older != "" {
		if older, err = grant.LoadKeys(f.older, false); err != nil {
			return refuse(err, "")
		}
	}
	people, err := slackgroup.FromEnv(directory.File(f.people))
	if err != nil {
		return refuse(err, "")
	}
	tokens, err := a.slackTokens(cmd, f, people)
	if err != nil {
		return err
	}
	policies, current := policy.File(f.policy), rules(f.policy)
	if _, err := current(); err != nil {
		return refuse(fmt.Errorf("read the policy: %w", err), "")
	}
	lib, err := a.library()
	if err != nil {
		return err
	}
	l, err := f.open(ctx, a, cmd)
	if err != nil {
		return err
	}
	defer l.Close()
	runs, end, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	live, ok := runs.(desk.Runs)
	if !ok {
		return fmt.Errorf("serve: %T starts no runs", runs)
	}
	log := logs.New(a.Err)
	schedules, _ := runs.(desk.Schedules)
	d, err := desk.New(desk.Options{
		Signer: signer, Keys: older, Ledger: l, Runs: live, Directory: people, Policy: current,
		Library: func() (*library.Library, error) { return lib, nil },
		Catalog: func() playbook.Catalog { return library.Catalog(a.registry, a.flows) },
		Log:     log, Resuming: f.resuming, Schedules: schedules,
	})
	if err != nil {
		return err
	}
	o := server.Options{Desk: d, Log: log, Auth: &server.Auth{Keys: signer.Keys(), Ledger: l, Audience: grant.Gateway}}
	front, err := openSlack(f, slack.Setup{
		Tokens: tokens, Desk: d, Ledger: l, Runs: live, Directory: people, Library: d.Library, Policy: policies, Log: log,
	}, d, &o)
	if err != nil {
		return err
	}
	return serveDesk(ctx, d, o, f, l, front)
}

// seal keeps checkpoints of the ledger until ctx ends. A ledger that was changed halts every effect.
func seal(ctx context.Context, d *desk.Desk, seals *ledger.Checkpointer) {
	err := seals.Run(ctx)
	if err == nil {
		return
	}
	d.Log.ErrorContext(ctx, "the ledger is not sealed any more", "error", err)
	if _, err := d.Alarm(ctx, "the ledger was changed: "+err.Error()); err != nil {
		d.Log.ErrorContext(ctx, "effects could not be halted", "error", err)
	}
}

// serveDesk answers, and sends what did not arrive, until ctx ends. front is nil without Slack.
func serveDesk(ctx context.Context, d *desk.Desk, o server.Options, f serveFlags, l *ledger.Ledger, front *slack.Slack) error {
	s, err := server.New(o, f.listen)
	if err != nil {
		return refuse(err, "")
	}
	o.Log.InfoContext(ctx, "serving", "url", s.URL(), "key", d.Signer.ID(), "ledger", l.Name())
	places, last, err := objectlock.Places(ctx, f.places, d.Signer.Keys())
	if err != nil {
		return errors.Join(refuse(err, ""), s.Close())
	}
	if len(places) == 0 {
		o.Log.WarnContext(ctx, "the ledger is not sealed: give --checkpoints, or a record that is cut off at its end cannot be told from one that ended there")
	}
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	if len(places) > 0 {
		seals := &ledger.Checkpointer{Ledger: l, Signer: d.Signer, Places: places, Last: last, Log: o.Log}
		all.Go(func() { seal(ctx, d, seals) })
	}
	all.Go(func() { d.Serve(ctx, f.look) })
	if front != nil {
		all.Go(func() {
			if err := front.Run(ctx); err != nil {
				o.Log.ErrorContext(context.WithoutCancel(ctx), "Slack", "error", err)
			}
		})
	}
	err = s.Serve(ctx)
	stop()
	all.Wait()
	o.Log.InfoContext(context.WithoutCancel(ctx), "stopped")
	if err != nil {
		return unknown(err, "")
	}
	return nil
}

var _ desk.Runs = workflows.Client{}
