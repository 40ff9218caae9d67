package redteam

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/fresh"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/activities/logs"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/worker/app"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// world is a deployment of its own: a Temporal server, a worker by its command line, a desk, a
// ledger and a stand-in for AWS.
type world struct {
	testing.TB

	dir     string
	address string
	// mallory is a client of the namespace, as anybody who may write to it has one.
	mallory client.Client
	aws     *standin.Server
	url     string // of the ledger
	ledger  *ledger.Ledger
	signer  grant.Signer
	desk    *desk.Desk
	runs    workflows.Client
	catalog playbook.Catalog
	library atomic.Pointer[library.Library]
	logs    *buffer
	stop    func() // stops the worker
	held    atomic.Bool
	setting setting
}

// setting is what one deployment has and others have not.
type setting struct {
	extensions []workflows.Extension
	worker     []string // more of its command line
	people     string   // the directory; "" is people
	policy     string   // "" is the one that ships
	// opened has the desk before it serves.
	opened func(*world)
}

// postman brings decisions to runs, or holds them back.
type postman struct {
	workflows.Client
	held *atomic.Bool
}

func (p *postman) Decide(ctx context.Context, run string, standing grant.Signed) (workflows.VoteResult, error) {
	if p.held.Load() {
		return workflows.VoteResult{}, workflows.ErrNoWorker
	}
	return p.Client.Decide(ctx, run, standing)
}

// between does something after a person's click and before the run hears of it.
func (w *world) between(person string, r approval.Request, do func()) {
	w.Helper()
	w.held.Store(true)
	result := w.approve(person, r)
	require.False(w, result.Arrived)
	require.Equal(w, approval.Approved, result.Decision.Outcome)
	do()
	w.held.Store(false)
}

// Who may do what in this deployment. Dora is the subject of the sample event, and knows it.
const people = `
people:
  alice: {name: Alice, email: alice@example.com}
  bob: {name: Bob, email: bob@example.com}
  carol: {name: Carol, email: carol@example.com}
  dora: {name: Dora, email: dora@example.com, accounts: [ci-deployer]}
groups:
  secops-oncall: [alice, bob, dora]
  secops-leads: [carol]
sources: [pipeline]
`

const (
	sampleEvent = "../../playbooks/events/guardduty-iam-malicious-ip-caller.json"
	sampleRun   = "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE"
	sampleAsk   = "contain_user"
	queue       = "countersign"
)

// longest bounds every wait. The machine may be busy; nothing here waits for a clock.
const longest = time.Minute

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, setting{})
}

func newWorldWith(t *testing.T, with setting) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), logs: &buffer{}, setting: with}
	var err error
	w.aws, err = standin.New(standin.Options{})
	require.NoError(t, err)
	endpoint := httptest.NewServer(w.aws)
	t.Cleanup(endpoint.Close)
	t.Setenv("AWS_ENDPOINT_URL", endpoint.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", standin.SampleAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", standin.SampleSecretKey)
	t.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)

	server, err := devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	w.address = server.Address()
	w.mallory, err = client.DialContext(t.Context(), client.Options{
		HostPort: server.Address(), Namespace: server.Namespace(), Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(w.mallory.Close)

	w.keys()
	w.write("people.yaml", cmp.Or(with.people, people))
	w.write("policy.yaml", cmp.Or(with.policy, policyText("")))
	w.url = ledgertest.SQLite(t)
	if os.Getenv("POSTGRES_URL") != "" {
		w.url = ledgertest.Postgres(t)
	}
	w.ledger = ledgertest.OpenURL(t, w.url)
	w.openDesk(server)
	w.startWorker()
	return w
}

// policyText is the policy that ships, with more before its rules.
func policyText(more string) string {
	return strings.Replace(string(policy.DefaultFile), "\nrules:\n", "\nbreak_glass: {groups: [secops-leads]}\n"+more+"\nrules:\n", 1)
}

func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.Helper()
	require.NoError(w, os.WriteFile(w.file(name), []byte(text), 0o600))
}

// keys makes the gateway's key pair.
func (w *world) keys() {
	private, err := grant.NewKey(true)
	require.NoError(w, err)
	w.write("gateway.key", string(private))
	w.signer, err = grant.LoadSigner(w.file("gateway.key"), true)
	require.NoError(w, err)
	public, err := w.signer.Public()
	require.NoError(w, err)
	w.write("gateway.pub", string(public))
}

func (w *world) openDesk(server *devserver.Server) {
	as := connect.Options{Address: server.Address(), Namespace: server.Namespace()}
	keys, err := as.Keys()
	require.NoError(w, err)
	c, err := as.Dial(w.Context())
	require.NoError(w, err)
	w.Cleanup(c.Close)
	w.runs = workflows.Client{Temporal: c, Converter: keys.Converter()}
	registry, flows := activities.NewRegistry(), workflows.NewRegistry()
	all.Register(registry, all.Options{})
	for _, extend := range w.setting.extensions {
		extend(registry, flows)
	}
	w.catalog = library.Catalog(registry, flows)
	w.open(playbooks.Files)
	w.desk = w.newDesk(w.ledger)
	if w.setting.opened != nil {
		w.setting.opened(w)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	served := make(chan struct{})
	go func() {
		defer close(served)
		w.desk.Serve(ctx, 100*time.Millisecond)
	}()
	w.Cleanup(func() {
		cancel()
		<-served
	})
}

// newDesk is the desk of one gateway. It does not serve yet.
func (w *world) newDesk(l *ledger.Ledger) *desk.Desk {
	w.Helper()
	rules := policy.File(w.file("policy.yaml"))
	d, err := desk.New(desk.Options{
		Signer: w.signer, Ledger: l, Runs: &postman{w.runs, &w.held}, AnyPlan: true,
		Directory: fresh.File(w.file("people.yaml"), 1<<20, directory.Parse),
		Policy:    func() (desk.Policy, error) { return rules() },
		Library:   func() (*library.Library, error) { return w.library.Load(), nil },
		Log:       logs.New(w.logs),
	})
	require.NoError(w, err)
	return d
}

// open gives the gateway another library.
func (w *world) open(files fs.FS) {
	w.Helper()
	lib, problems, err := library.Load(files, w.catalog)
	require.NoError(w, err)
	require.Empty(w, problems)
	w.library.Store(lib)
}

// startWorker runs the worker by its command line, until stop or the end of the test.
func (w *world) startWorker() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan int, 1)
	before := strings.Count(w.logs.String(), `"taking runs"`)
	go func() {
		ended <- app.Main(ctx, append([]string{
			"--directory", w.file("people.yaml"), "--policy", w.file("policy.yaml"), "--ledger", w.url,
			"--grant-keys", w.file("gateway.pub"), "--dev", "--address", w.address,
		}, w.setting.worker...), w.logs, w.logs, w.setting.extensions...)
	}()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != 0 {
			w.Errorf("the worker ended with %d:\n%s", code, w.logs)
		}
	})
	w.Cleanup(w.stop)
	require.Eventually(w, func() bool { return strings.Count(w.logs.String(), `"taking runs"`) > before }, longest, 20*time.Millisecond, "the worker takes no runs:\n%s", w.logs)
}

// sample is the event of the sample finding.
func (w *world) sample() event.Event {
	w.Helper()
	raw, err := os.ReadFile(sampleEvent)
	require.NoError(w, err)
	ev, err := gateway.Normalise(raw)
	require.NoError(w, err)
	return ev
}

func by(person string) desk.Principal { return desk.Principal{Person: person, Surface: "cli"} }

// started sends the sample event and waits until its run asks people.
func (w *world) started() approval.Request {
	w.Helper()
	_, err := w.desk.Receive(w.Context(), desk.Principal{Person: "pipeline", Surface: "http"}, w.sample())
	require.NoError(w, err)
	return w.asked(sampleRun)
}

// asked waits until a run asks people, and returns what.
func (w *world) asked(run string) approval.Request {
	w.Helper()
	var request approval.Request
	w.until(run, func(s *workflows.Status) bool {
		asking := s.Asking()
		if len(asking) == 1 {
			request = asking[0].Request
		}
		return len(asking) == 1
	})
	return request
}

// until waits for something in the story of a run.
func (w *world) until(run string, holds func(*workflows.Status) bool) *workflows.Status {
	w.Helper()
	var last *workflows.Status
	require.Eventually(w, func() bool {
		s, err := w.runs.Status(w.Context(), run)
		if err == nil {
			last = s
		}
		return err == nil && holds(s)
	}, longest, 50*time.Millisecond, "the run %s is not there yet", run)
	return last
}

func (w *world) over(run string) *workflows.Status {
	w.Helper()
	return w.until(run, func(s *workflows.Status) bool { return s.State.Over() })
}

func story(s *workflows.Status) string {
	raw, _ := json.MarshalIndent(s, "", " ") // for a message only
	return string(raw)
}

func vote(r approval.Request, v approval.Verdict) desk.Vote {
	return desk.Vote{Approval: r.ID, Digest: r.Digest, Verdict: v}
}

// approve says yes, which must count.
func (w *world) approve(person string, r approval.Request) desk.VoteResult {
	w.Helper()
	result, err := w.desk.Vote(w.Context(), by(person), r.Run, vote(r, approval.Approve))
	require.NoError(w, err)
	return result
}

// changes are what is different in AWS.
func (w *world) changes() []string {
	done := []string{}
	for _, m := range w.aws.Mutations() {
		if m.Changed {
			done = append(done, m.Service+":"+m.Action)
		}
	}
	return done
}

// untouched is what every attack ends with.
func (w *world) untouched() {
	w.Helper()
	require.Empty(w, w.changes(), "something was changed that nobody approved")
}

// contained are the changes of the sample event's playbook, once.
var contained = []string{"iam:UpdateAccessKey", "iam:AttachUserPolicy", "iam:PutUserPolicy", "guardduty:ArchiveFindings"}

// records are those of the ledger.
func (w *world) records(kinds ...ledger.Kind) []ledger.Record {
	w.Helper()
	var found []ledger.Record
	require.NoError(w, w.ledger.View(w.Context(), func(tx ledger.Tx) (err error) {
		found, err = tx.List(ledger.Filter{Kinds: kinds})
		return err
	}))
	return found
}

// refusals are the reasons on record.
func (w *world) refusals() string {
	w.Helper()
	var all strings.Builder
	for _, r := range w.records(ledger.Refusal) {
		var body ledger.RefusalBody
		require.NoError(w, json.Unmarshal(r.Body, &body))
		all.WriteString(body.Why + "\n")
	}
	return all.String()
}

// buffer is written to by many.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
