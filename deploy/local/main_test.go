package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/worker/app"
	"github.com/countersign/countersign/workflows"
)

var update = flag.Bool("update", false, "record histories anew")

// asCommand makes the test binary be the command, so that tests can kill it like a process.
const asCommand = "COUNTERSIGN_TEST_LOCAL"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(Main(context.Background(), os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	if address := os.Getenv(asBadges); address != "" {
		os.Exit(badges(address))
	}
	if os.Getenv(asWorker) != "" {
		os.Exit(app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	if os.Getenv(asGateway) != "" {
		os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()}))
	}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CHANNEL", "SLACK_GROUPS_TOKEN"} {
		os.Unsetenv(name)
	}
	// The cells of the matrix, the only tests here that run side by side, wait for timers and servers
	// far more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// local runs the command in this process, to its end.
func local(t *testing.T, args ...string) (code int, out, talk string) {
	t.Helper()
	var stdout, stderr lockedBuffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code = Main(ctx, args, Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

// process starts the command as a process of its own and returns when it has printed mark.
func process(t *testing.T, mark string, args ...string) (*exec.Cmd, *lockedBuffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	out := &lockedBuffer{mark: mark, marked: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { // its ports are free again once it is gone
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	select {
	case <-out.marked:
	case <-time.After(time.Minute):
		t.Fatalf("the process did not print %q within a minute:\n%s", mark, out)
	}
	return cmd, out
}

// lockedBuffer may be written by a process while a test reads it.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	mark   string
	marked chan struct{}
	once   sync.Once
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.buffer.Write(p)
	if b.marked != nil && strings.Contains(b.buffer.String(), b.mark) {
		b.once.Do(func() { close(b.marked) })
	}
	return n, err
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// estate reads what the stand-in kept in a state folder.
func estate(t *testing.T, state string) *standin.Server {
	t.Helper()
	s, err := standin.New(standin.Options{File: filepath.Join(state, "aws.json")})
	require.NoError(t, err)
	return s
}

// changes are the mutations that changed something, as service:Action.
func changes(t *testing.T, state string) []string {
	t.Helper()
	done := []string{}
	for _, m := range estate(t, state).Mutations() {
		if m.Changed {
			done = append(done, m.Service+":"+m.Action)
		}
	}
	return done
}

// keyStatus and archived are the two facts that the first playbook is about.
func keyStatus(t *testing.T, state string) string {
	t.Helper()
	return estate(t, state).State().Accounts[standin.SampleAccount].IAM.Users[standin.SampleUser].AccessKeys[standin.SampleUserAccessKey].Status
}

func archived(t *testing.T, state, finding string) bool {
	t.Helper()
	s := estate(t, state).State()
	return s.Accounts[standin.SampleAccount].Regions[standin.SampleRegion].Detectors[standin.SampleDetector].Findings[finding].Archived
}

// withServer opens the state of an earlier start with nothing but Temporal and a worker, and gives
// its runs.
func withServer(t *testing.T, state string, use func(c workflows.Client, s *devserver.Server)) {
	t.Helper()
	d, err := deploy(t.Context(), options{state: state}, nil)
	require.NoError(t, err)
	defer d.stop()
	use(d.runs, d.server)
}
