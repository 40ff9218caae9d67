package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// asWorker makes the test binary be a production worker, so that tests can kill it like one.
const asWorker = "COUNTERSIGN_TEST_WORKER"

// usage is an AWS that knows every access key that it is asked about, and counts.
type usage struct {
	http.Handler // for all other questions

	mu    sync.Mutex
	asked map[string]int // by key
}

func (u *usage) keys() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.asked)
}

func (u *usage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("Action") != "GetAccessKeyLastUsed" {
		r.Body = io.NopCloser(bytes.NewReader(body))
		u.Handler.ServeHTTP(w, r)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked[form.Get("AccessKeyId")]++
	fmt.Fprint(w, `<GetAccessKeyLastUsedResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccessKeyLastUsedResult>`+
		`<UserName>ci-deployer</UserName><AccessKeyLastUsed><Region>N/A</Region><ServiceName>N/A</ServiceName></AccessKeyLastUsed>`+
		`</GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>`)
}

const tenThousand = `playbook: ten-thousand
stage: audit
steps:
  - id: keys
    for_each: lists.range(10000).map(n, "AKIAIOSFODNN" + string(n + 10000))
    max_parallel: 20
    steps:
      - id: used
        activity: aws.iam.get_access_key_last_used
        with: {account: "111122223333", access_key_id: "${item}"}
    collect: steps.used.output.never_used
outcome: string(steps.keys.results.filter(never, never).size()) + " were never used"
`

// A loop over ten thousand items stays within Temporal's default bounds on a history, and within a
// bound on the worker's memory; a worker that is killed half-way is replaced by another.
func TestTenThousandItems(t *testing.T) {
	const items, most = 10_000, 512 << 20
	aws, err := standin.New(standin.Options{})
	require.NoError(t, err)
	iam := &usage{Handler: aws, asked: map[string]int{}}
	endpoint := httptest.NewServer(iam)
	defer endpoint.Close()
	server, err := devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop()) }()

	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	pb, problems := playbook.Compile("ten-thousand.yaml", []byte(tenThousand), workflows.Catalog(registry))
	require.Empty(t, problems)
	temporal, err := (&connect.Options{Address: server.Address()}).Dial(t.Context())
	require.NoError(t, err)
	defer temporal.Close()
	runs := workflows.Client{Temporal: temporal}
	input, err := workflows.NewInput(pb, event.Event{ID: "1", Source: "test", Type: "test.audit", Time: time.Now(), Data: []byte("{}")}, nil)
	require.NoError(t, err)

	first := startWorker(t, server.Address(), endpoint.URL)
	began := time.Now()
	started, err := runs.Start(t.Context(), pb, "all", input)
	require.NoError(t, err)
	var status *workflows.Status
	require.NoError(t, runs.Watch(t.Context(), started.Run, time.Minute, func(s *workflows.Status) bool {
		status = s
		return iam.keys() < items/2
	}))
	require.Equal(t, workflows.Running, status.State, status.Error)
	peak := peakMemory(t, first.Process.Pid)
	require.NoError(t, first.Process.Kill())
	_ = first.Wait()

	second := startWorker(t, server.Address(), endpoint.URL)
	require.NoError(t, runs.Watch(t.Context(), started.Run, time.Minute, func(s *workflows.Status) bool { status = s; return true }))
	require.Equal(t, workflows.Done, status.State, status.Error)
	require.Equal(t, "10000 were never used", status.Outcome)
	require.Equal(t, workflows.Rounds{Done: items}, *status.Step("used").Rounds)
	peak = max(peak, peakMemory(t, second.Process.Pid))

	iam.mu.Lock()
	defer iam.mu.Unlock()
	require.Len(t, iam.asked, items)
	calls := 0
	for _, n := range iam.asked {
		calls += n
	}
	parts, longest := histories(t, runs, "keys")
	t.Logf("%d calls in %s, %d parts, the longest history has %d events, a worker took %d MiB at most", calls, time.Since(began).Round(time.Second), parts, longest, peak>>20)
	require.Less(t, calls, items+items/10, "what a dead worker had done and told is not done again")
	require.Less(t, longest, int64(2_000), "Temporal warns at 10,240 events and ends a run at 51,200")
	require.Less(t, peak, most)
}

// startWorker starts the production worker as a process of its own.
func startWorker(t *testing.T, address, endpoint string) *exec.Cmd {
	t.Helper()
	pem, err := grant.NewKey(true)
	require.NoError(t, err)
	signer, err := grant.ParseSigner(pem, true)
	require.NoError(t, err)
	public, err := signer.Public()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "public.pem"), public, 0o600))
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--directory", "people.yaml", "--address", address,
		"--grant-keys", filepath.Join(dir, "public.pem"), "--dev", "--ledger", filepath.Join(dir, "ledger.db"))
	cmd.Env = append(os.Environ(), asWorker+"=1", "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+standin.SampleRegion,
		"AWS_ACCESS_KEY_ID="+standin.SampleAccessKeyID, "AWS_SECRET_ACCESS_KEY="+standin.SampleSecretKey, "TEMPORAL_CONFIG_FILE="+os.DevNull)
	logs := &lockedBuffer{}
	cmd.Stderr = logs
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(logs)
		}
	})
	return cmd
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory is the most memory that a process has had, in bytes; 0 where the system does not say.
func peakMemory(t testing.TB, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	found := highWater.FindStringSubmatch(string(raw))
	require.NotNil(t, found)
	kilobytes, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return kilobytes << 10
}

// histories counts the parts of a loop, and the events of the longest history.
func histories(t testing.TB, runs workflows.Client, loop string) (parts int, longest int64) {
	t.Helper()
	var page []byte
	for {
		answer, err := runs.Temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: page, PageSize: 100})
		require.NoError(t, err)
		for _, e := range answer.Executions {
			longest = max(longest, e.HistoryLength)
			if strings.Contains(e.Execution.WorkflowId, "/"+loop+"[") {
				parts++
			}
		}
		if page = answer.NextPageToken; len(page) == 0 {
			return parts, longest
		}
	}
}
