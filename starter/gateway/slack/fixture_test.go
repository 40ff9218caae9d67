package slack_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	api "github.com/slack-go/slack"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/identity"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	run    = "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE"
	secops = "C0SECOPS"
	other  = "C0OTHER"
)

const people = `
people:
  alice: {email: alice@example.com, slack: U0ALICE}
  bob: {email: bob@example.com, slack: U0BOB}
  carol: {email: carol@example.com, slack: U0CAROL}
  zoe: {}
groups:
  secops-oncall: [alice, bob]
  secops-leads: [zoe]
sources: [ci]
`

const rules = `
policy: test
break_glass: {groups: [secops-leads]}
rules:
  - {name: all, then: {approval: {groups: [secops-oncall], quorum: 1}}}
`

const routes = `
workspace: T0TEAM
app: A0APP
fallback: C0OTHER
on_call:
  secops: {start: 2026-01-05T09:00, every: 7d, people: [alice]}
routes:
  - {name: secops, stage: run, channel: C0SECOPS, mention: [secops-oncall], on_call: secops}
`

// office is a desk whose runs a test makes up, with a front to a stand-in for Slack.
type office struct {
	*desk.Desk

	t      *testing.T
	signer grant.Signer
	ledger *ledger.Ledger
	slack  *standin.Server
	api    string
	routes string

	mu        sync.Mutex
	status    map[string]*workflows.Status
	standings []approval.Standing
	answers   []approval.AnswerOrder
	edits     []approval.EditOrder
	started   []string
	cancelled []string
	timeout   time.Duration // of a call of Slack
	slow      chan struct{} // what a run's status waits for; nil: nothing

	stop func() // ends the front
}

var shipped = sync.OnceValue(func() *library.Library {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	lib, problems, err := library.Load(playbooks.Files, library.Catalog(registry))
	if err != nil || len(problems) > 0 {
		panic(fmt.Sprint(err, problems))
	}
	return lib
})

// open returns an office where an event has started a run. Its front does not run yet.
func open(t *testing.T, change ...func(*standin.Options)) *office {
	t.Helper()
	pem, err := grant.NewKey(true)
	require.NoError(t, err)
	signer, err := grant.ParseSigner(pem, true)
	require.NoError(t, err)
	o := &office{t: t, signer: signer, ledger: ledgertest.Open(t), routes: routes, status: map[string]*workflows.Status{}, timeout: 5 * time.Second, stop: func() {}}
	var workspace standin.Options
	for _, f := range change {
		f(&workspace)
	}
	o.slack = standin.New(workspace)
	o.api, err = o.slack.Listen()
	require.NoError(t, err)
	t.Cleanup(o.slack.Close)
	t.Cleanup(func() { o.stop() })
	o.Desk, err = desk.New(desk.Options{
		Signer: signer, Ledger: o.ledger, Runs: fakeRuns{o}, Directory: o.directory, Catalog: catalog,
		Policy: func() (desk.Policy, error) {
			p, problems := policy.Parse("policy.yaml", []byte(rules))
			if len(problems) > 0 {
				return nil, problems
			}
			return p, nil
		},
		Library: func() (*library.Library, error) { return shipped(), nil },
	})
	require.NoError(t, err)
	raw, err := playbooks.Events.ReadFile(playbooks.SampleEvent)
	require.NoError(t, err)
	ev, err := gateway.Normalise(raw)
	require.NoError(t, err)
	_, err = o.Receive(t.Context(), desk.Principal{Person: "ci", Surface: "http"}, ev)
	require.NoError(t, err)
	return o
}

func catalog() playbook.Catalog {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	return library.Catalog(registry)
}

func (o *office) directory() (directory.Directory, error) { return directory.Parse([]byte(people)) }

func (o *office) client() *web.Client {
	c, err := web.New(web.Options{Token: secret.New(standin.SampleBotToken), API: o.api, Timeout: o.timeout})
	require.NoError(o.t, err)
	return c
}

// serve runs a front with a socket, until the function that it returns is called.
func (o *office) serve(change ...func(*slack.Options)) *slack.Front {
	o.t.Helper()
	client := o.client()
	who, err := identity.New(identity.Options{App: "A0APP", Team: "T0TEAM", Directory: o.directory, Web: client})
	require.NoError(o.t, err)
	opts := slack.Options{
		Desk: o.Desk, Ledger: o.ledger, Web: client, Who: who, Runs: fakeRuns{o}, Directory: o.directory, Team: "T0TEAM",
		Routes:  func() (*route.Routes, error) { return route.Parse("slack.yaml", []byte(o.routes)) },
		Library: func() (*library.Library, error) { return shipped(), nil },
		Log:     slog.New(slog.NewTextHandler(o.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	slack.Hasty(&opts)
	for _, f := range change {
		f(&opts)
	}
	f, err := slack.New(opts)
	require.NoError(o.t, err)
	o.Notifier = f
	in, err := receive.New(f, receive.Config{App: "A0APP", Team: "T0TEAM", Private: f, Log: opts.Log})
	require.NoError(o.t, err)
	socket, err := in.Socket(receive.SocketOptions{API: api.New("", api.OptionAppLevelToken(standin.SampleAppToken), api.OptionAPIURL(o.api)), Connections: 1})
	require.NoError(o.t, err)
	ctx, cancel := context.WithCancel(o.t.Context())
	var ends sync.WaitGroup
	ends.Go(func() { f.Run(ctx) })
	ends.Go(func() { _ = socket.Run(ctx) })
	o.stop = sync.OnceFunc(func() {
		cancel()
		ends.Wait()
		bounded, end := context.WithTimeout(context.Background(), 10*time.Second)
		defer end()
		require.NoError(o.t, in.Wait(bounded))
	})
	o.until(socket.Ready)
	return f
}
