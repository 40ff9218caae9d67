package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack"
	slackstandin "github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// asGateway makes the test binary be starter, so that its memory is a gateway's alone.
const asGateway = "COUNTERSIGN_TEST_GATEWAY"

const waits = `playbook: waits
stage: run
steps:
  - id: ask
    approve: 'Disable the key of ci-deployer?'
    approvers: [secops-oncall]
    expires: 24h
    steps:
      - id: disable
        activity: aws.iam.disable_access_key
        with: {account: "111122223333", user: ci-deployer, access_key_id: AKIAIOSFODNN7EXAMPLE}
`

// BenchmarkWaiting is what it takes to have many runs wait for people: the memory of a production
// worker and of a gateway with Slack, each a process of its own, when all of them have asked: the gateway
// knows of each then, and gives notice of one after the other. Heap is what is alive after the last
// collection. Run one round:
//
//	go test -run '^$' -bench Waiting -benchtime 1x ./deploy/local
func BenchmarkWaiting(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for range b.N {
				wait(b, n)
			}
		})
	}
}

func wait(b *testing.B, n int) {
	aws, err := standin.New(standin.Options{})
	require.NoError(b, err)
	endpoint := httptest.NewServer(aws)
	defer endpoint.Close()
	server, err := devserver.Start(b.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(b, err)
	defer func() { require.NoError(b, server.Stop()) }()
	dir := b.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	pem, err := grant.NewKey(false)
	require.NoError(b, err)
	signer, err := grant.ParseSigner(pem, false)
	require.NoError(b, err)
	public, err := signer.Public()
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(in("grant.pem"), pem, 0o600))
	require.NoError(b, os.WriteFile(in("public.pem"), public, 0o600))
	l, err := ledger.Open(b.Context(), in("ledger.db"))
	require.NoError(b, err)
	defer l.Close()

	chat := slackstandin.New(slackstandin.Sample())
	defer chat.Close()
	api, err := chat.Listen()
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(in("slack.yaml"), fmt.Appendf(nil, "workspace: %s\napp: %s\nfallback: %s\n", slackstandin.SampleTeam, slackstandin.SampleApp, secops), 0o600))
	for name, value := range map[string]string{slack.EnvAPI: api, slack.EnvBot: slackstandin.SampleBotToken, slack.EnvApp: slackstandin.SampleAppToken} {
		b.Setenv(name, value)
	}

	common := []string{"--directory", "people.yaml", "--ledger", in("ledger.db"), "--address", server.Address()}
	worker := child(b, asWorker, endpoint.URL, append(common, "--grant-keys", in("public.pem"))...)
	gateway := child(b, asGateway, endpoint.URL, append([]string{"serve", "--key", in("grant.pem"), "--slack", in("slack.yaml"), "--listen", "127.0.0.1:0"}, common...)...)
	begin := begins(b, signer, l, server)

	began := time.Now()
	for _, size := range []int{0, n} {
		if size > 0 {
			begin(size)
			b.ReportMetric(float64(size)/time.Since(began).Seconds(), "started/s")
		}
		require.Eventually(b, func() bool { return count(b, l, ledger.Asked) == size }, 5*time.Minute, 250*time.Millisecond, "asked: %s", worker.logs)
		when := "idle"
		if size > 0 {
			when = "waiting"
			b.ReportMetric(time.Since(began).Seconds(), "s-until-all-asked")
			b.ReportMetric(float64(count(b, l, ledger.Request)), "noticed-by-then")
		}
		for name, p := range map[string]*measured{"worker": worker, "gateway": gateway} {
			b.ReportMetric(float64(p.resident(b)), fmt.Sprintf("MiB-%s-%s-RSS", name, when))
			b.ReportMetric(p.heap(), fmt.Sprintf("MiB-%s-%s-heap", name, when))
		}
	}
}

// count counts the records of a kind.
func count(b *testing.B, l *ledger.Ledger, kind ledger.Kind) (n int) {
	require.NoError(b, l.View(b.Context(), func(tx ledger.Tx) error {
		counts, err := tx.Count(kind, time.Time{})
		for _, c := range counts {
			n += c
		}
		return err
	}))
	return n
}

// begins starts runs by a desk of its own: starting is not what is measured.
func begins(b *testing.B, signer grant.Signer, l *ledger.Ledger, server *devserver.Server) func(n int) {
	c, err := connect.Local(b.Context(), server.Address(), server.Namespace())
	require.NoError(b, err)
	b.Cleanup(c.Close)
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	catalog := library.Catalog(registry)
	pb, problems := playbook.Compile("waits.yaml", []byte(waits), catalog)
	require.Empty(b, problems)
	rules := policy.File("")
	d, err := desk.New(desk.Options{
		Signer: signer, Ledger: l, Runs: workflows.Client{Temporal: c}, Directory: directory.File("people.yaml"), AnyPlan: true,
		Policy:  func() (desk.Policy, error) { return rules() },
		Library: func() (*library.Library, error) { return nil, errors.New("there is none here") },
	})
	require.NoError(b, err)
	return func(n int) {
		var group sync.WaitGroup
		todo := make(chan int)
		for range 16 {
			group.Go(func() {
				for range todo {
					_, err := d.Start(b.Context(), desk.Principal{Person: "carol", Surface: "cli"}, desk.Start{Plan: &pb.Plan})
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		for i := range n {
			todo <- i
		}
		close(todo)
		group.Wait()
	}
}

// measured is a child whose collector tells of every collection.
type measured struct {
	cmd  *exec.Cmd
	logs *lockedBuffer
}

func child(b testing.TB, as, endpoint string, args ...string) *measured {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), as+"=1", "GODEBUG=gctrace=1", "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+standin.SampleRegion,
		"AWS_ACCESS_KEY_ID="+standin.SampleAccessKeyID, "AWS_SECRET_ACCESS_KEY="+standin.SampleSecretKey, "TEMPORAL_CONFIG_FILE="+os.DevNull)
	p := &measured{cmd, &lockedBuffer{}}
	cmd.Stderr, cmd.Stdout = p.logs, p.logs
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b.Failed() {
			b.Log(p.logs)
		}
	})
	return p
}

var (
	residentSize = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)
	collection   = regexp.MustCompile(`(?m)^gc \d+ .* \d+->\d+->(\d+) MB`)
)

// resident is the memory of the process, in MiB; 0 where the system does not say.
func (p *measured) resident(b testing.TB) int {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(b, err)
	found := residentSize.FindStringSubmatch(string(raw))
	require.NotNil(b, found)
	kilobytes, err := strconv.Atoi(found[1])
	require.NoError(b, err)
	return kilobytes >> 10
}

// heap is what was alive after the last collection, in MiB.
func (p *measured) heap() float64 {
	all := collection.FindAllStringSubmatch(p.logs.String(), -1)
	if len(all) == 0 {
		return 0
	}
	size, _ := strconv.ParseFloat(all[len(all)-1][1], 64)
	return size
}
