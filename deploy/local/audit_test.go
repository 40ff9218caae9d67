package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/finding"
	"github.com/countersign/countersign/activities/finding/store"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

const auditAll = `playbook: audit-all
stage: audit
steps:
  - id: targets
    activity: aws.accounts.list_targets
    with: {whole_account: true}
  - id: places
    for_each: steps.targets.output.targets
    max_parallel: 20
    continue_on_error: true
    steps:
      - id: look
        activity: aws.audit.check
        with: {audit: "${run.id}", playbook: "${run.playbook}", account: "${item.account}", region: "${item.region}"}
    collect: steps.look.output.failed
outcome: string(steps.places.results.size()) + " places were looked at"
`

// auditing is an organization, a Temporal server, and what a worker needs to audit the one by the other.
type auditing struct {
	testing.TB
	aws      *standin.Server
	requests atomic.Int64 // to AWS
	endpoint *httptest.Server
	server   *devserver.Server
	runs     workflows.Client
	playbook *playbook.Playbook
	signer   grant.Signer
	dir      string
	places   int // accounts, and regions of them
}

func newAuditing(t testing.TB, accounts, regions int) *auditing {
	t.Helper()
	a := &auditing{TB: t, dir: t.TempDir(), places: accounts * (1 + regions)}
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	pb, problems := playbook.Compile("audit-all.yaml", []byte(auditAll), workflows.Catalog(registry))
	require.Empty(t, problems)
	a.playbook = pb

	estate := standin.Estate(accounts, regions, 1)
	exact := exactly(t, registry, "aws.audit.check", "aws.accounts.list_targets")
	for _, account := range estate.Accounts {
		account.IAM.Roles["SecOpsRead"].Inline = map[string]string{"exactly": exact}
	}
	var err error
	a.aws, err = standin.New(standin.Options{Seed: estate})
	require.NoError(t, err)
	a.endpoint = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		a.aws.ServeHTTP(w, r)
	}))
	t.Cleanup(a.endpoint.Close)
	a.server, err = devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.server.Stop()) })
	temporal, err := (&connect.Options{Address: a.server.Address()}).Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	a.runs = workflows.Client{Temporal: temporal}

	pem, err := grant.NewKey(true)
	require.NoError(t, err)
	a.signer, err = grant.ParseSigner(pem, true)
	require.NoError(t, err)
	public, err := a.signer.Public()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(a.in("public.pem"), public, 0o600))
	require.NoError(t, os.WriteFile(a.in("accounts.yaml"), fmt.Appendf(nil, "hub: %s\nexternal_id: %s\norganization: true\ncanary: [%q]\n",
		standin.EstateHub, standin.EstateExternalID, standin.EstateAccount(2)), 0o600))
	return a
}

func (a *auditing) in(name string) string { return filepath.Join(a.dir, name) }

// exactly is the policy that allows what some activities say they need, and nothing else.
func exactly(t testing.TB, registry *activities.Registry, names ...string) string {
	t.Helper()
	var actions []string
	for _, name := range names {
		activity, ok := registry.Lookup(name)
		require.True(t, ok, name)
		actions = append(actions, activity.Permissions...)
	}
	slices.Sort(actions)
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(slices.Compact(actions), `","`) + `"],"Resource":"*"}]}`
}

// worker starts a production worker as a process of its own.
func (a *auditing) worker() *measured {
	a.Helper()
	return child(a, asWorker, a.endpoint.URL, "--directory", "people.yaml", "--address", a.server.Address(), "--aws-accounts", a.in("accounts.yaml"),
		"--grant-keys", a.in("public.pem"), "--dev", "--ledger", a.in("ledger.db"))
}

func (a *auditing) begin() string {
	a.Helper()
	input, err := workflows.NewInput(a.playbook, event.Event{ID: "1", Source: "test", Type: "test.audit", Time: time.Now(), Data: []byte("{}")}, nil)
	require.NoError(a, err)
	ticket, err := a.signer.Sign(grant.KindTicket, grant.Ticket{
		ID: grant.NewID(), Run: workflows.RunID(a.playbook.Name, "all"), Playbook: a.playbook.Name, Issued: time.Now(),
	}) // as the gateway does: of another run nothing is kept
	require.NoError(a, err)
	started, err := a.runs.Start(activities.WithTicket(a.Context(), &ticket), a.playbook, "all", input)
	require.NoError(a, err)
	return started.Run
}

// done waits for the end of the run.
func (a *auditing) done(run string) *workflows.Status {
	a.Helper()
	var status *workflows.Status
	require.NoError(a, a.runs.Watch(a.Context(), run, time.Minute, func(s *workflows.Status) bool { status = s; return true }))
	require.Equal(a, workflows.Done, status.State, status.Error)
	require.Equal(a, workflows.Rounds{Done: a.places}, *status.Step("look").Rounds)
	return status
}

// found is the audit as it is kept.
func (a *auditing) found() finding.Audit {
	a.Helper()
	findings, err := store.Open(a.Context(), a.in("ledger.db"), store.Existing())
	if errors.Is(err, store.ErrNone) || errors.Is(err, os.ErrNotExist) {
		return finding.Audit{} // the worker has not made it yet
	}
	require.NoError(a, err)
	defer func() { require.NoError(a, findings.Close()) }()
	audits, err := findings.Audits(a.Context(), "audit-all", 1)
	require.NoError(a, err)
	if len(audits) == 0 {
		return finding.Audit{}
	}
	return audits[0]
}

// interrupted audits everything by a worker that is killed half-way, and another that goes on. It tells
// how long that took, the most memory that one of them had, and who went on.
func (a *auditing) interrupted() (status *workflows.Status, took time.Duration, peak int, second *measured) {
	a.Helper()
	first, began := a.worker(), time.Now()
	run := a.begin()
	require.Eventually(a, func() bool { return a.found().Parts >= a.places/2 }, 10*time.Minute, 250*time.Millisecond, "half of it")
	peak = peakMemory(a, first.cmd.Process.Pid)
	require.NoError(a, first.cmd.Process.Kill())
	_ = first.cmd.Wait()
	require.Less(a, a.found().Parts, a.places, "killed in the middle")

	second = a.worker()
	status = a.done(run)
	return status, time.Since(began).Round(time.Second), max(peak, peakMemory(a, second.cmd.Process.Pid)), second
}

// An audit of many accounts by the worker as it runs in production, with roles that may do exactly what
// the activities say: every account and region is looked at, nothing is refused; a worker that is killed
// half-way is replaced by another; and no account costs memory that stays.
func TestAuditEstate(t *testing.T) {
	const accounts, regions, most = 30, 4, 400 << 20
	a := newAuditing(t, accounts, regions)
	status, took, peak, _ := a.interrupted()
	require.Equal(t, fmt.Sprintf("%d places were looked at", a.places), status.Outcome)
	_, longest := histories(t, a.runs, "places")
	audit := a.found()
	t.Logf("%d places in %s, %d requests to AWS, %d results, the longest history has %d events, a worker took %d MiB at most",
		a.places, took, a.requests.Load(), audit.Passed+audit.Failed+audit.NotApplicable, longest, peak>>20)
	require.Equal(t, a.places, audit.Parts)
	require.Equal(t, accounts, audit.Accounts)
	require.Zero(t, audit.Errors, "the exact permissions are enough")
	require.NotZero(t, audit.Failed)
	require.NotZero(t, audit.Passed)
	require.Empty(t, a.aws.Mutations(), "an audit changes nothing")
	require.Less(t, longest, int64(2_000))
	require.Less(t, peak, most)
}

// BenchmarkAudit is what it takes to hold an organization of 200 accounts in four regions against all
// controls: a production worker in a process of its own, against an embedded server and a stand-in for
// AWS that share the machine with it. It is killed half-way, and another goes on; the time has the wait
// until the engine notices. Heap is what was alive after the last collection. Run one round:
//
//	go test -run '^$' -bench Audit -benchtime 1x -timeout 30m ./deploy/local
func BenchmarkAudit(b *testing.B) {
	for range b.N {
		a := newAuditing(b, 200, 4)
		_, took, peak, worker := a.interrupted()
		b.ReportMetric(took.Seconds(), "s")
		audit := a.found()
		require.Equal(b, a.places, audit.Parts)
		require.Zero(b, audit.Errors)
		parts, longest := histories(b, a.runs, "places")
		b.ReportMetric(float64(a.places), "places")
		b.ReportMetric(float64(audit.Passed+audit.Failed+audit.NotApplicable), "results")
		b.ReportMetric(float64(a.requests.Load()), "requests")
		b.ReportMetric(float64(parts), "parts")
		b.ReportMetric(float64(longest), "events-longest")
		b.ReportMetric(float64(peak>>20), "MiB-worker-peak")
		b.ReportMetric(worker.heap(), "MiB-worker-heap")
	}
}
