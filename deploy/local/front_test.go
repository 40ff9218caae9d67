package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
)

// session is the command with somebody at its terminal.
type session struct {
	*testing.T

	keyboard *io.PipeWriter
	out      *lockedBuffer // both streams, in the order in which they are seen
	ended    chan int
	stop     context.CancelFunc
}

func sit(t *testing.T, args ...string) *session {
	t.Helper()
	in, keyboard := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	s := &session{T: t, keyboard: keyboard, out: &lockedBuffer{}, ended: make(chan int, 1), stop: cancel}
	go func() { s.ended <- Main(ctx, args, Streams{In: in, Out: s.out, Err: s.out, Terminal: true}) }()
	t.Cleanup(func() {
		cancel()
		keyboard.Close()
	})
	return s
}

// sees waits until a text is on the screen, so many times.
func (s *session) sees(text string, times int) {
	s.Helper()
	require.Eventually(s, func() bool { return strings.Count(s.out.String(), text) >= times }, 30*time.Second, 10*time.Millisecond,
		"the terminal does not show %q %d times", text, times)
}

func (s *session) types(line string) {
	s.Helper()
	_, err := io.WriteString(s.keyboard, line+"\n")
	require.NoError(s, err)
}

func (s *session) shown() string { return s.out.String() }

const (
	keyQuestion      = "Disable the access key"
	instanceQuestion = "Isolate the running instance"
	prompt           = "as bob@example.com: approve, or reject [reason]?"
)

// Somebody at a terminal answers what is asked, once it is asked.
func TestTerminal(t *testing.T) {
	state := t.TempDir()
	s := sit(t, "--state", state, "--once", "--as", "bob@example.com")
	s.types("approve") // before anything is shown: it does not count
	s.sees(prompt, 1)
	s.types("what?")
	s.sees(prompt, 2)
	s.types("reject not now")
	require.Zero(t, <-s.ended, s.shown())
	require.Contains(t, s.shown(), "left alone: not now")
	require.Empty(t, changes(t, state))
}

// An answer is always to the question on the screen, however many wait.
func TestOneQuestionAtATime(t *testing.T) {
	state := t.TempDir()
	s := sit(t, "--state", state, "--as", "bob@example.com")
	s.sees(prompt, 1)
	address := strings.Fields(s.shown()[strings.Index(s.shown(), "Temporal"):])[1]
	code, _, talk := starterAt(t, "run", "--event", "../../playbooks/events/guardduty-ec2-bitcoin-dns.json", "--address", address, "--gateway", filepath.Join(state, gateFile))
	require.Zero(t, code, talk)
	s.sees("contain       asks secops-oncall", 1)
	require.Equal(t, 1, strings.Count(s.shown(), prompt), "the second question waits for the first")
	s.types("reject the first")
	s.sees(prompt, 2)
	screen := s.shown()
	last := screen[strings.LastIndex(screen, "Approval needed"):]
	require.Contains(t, last, instanceQuestion)
	require.NotContains(t, last, keyQuestion)
	require.Empty(t, changes(t, state))
	s.types("reject the second")
	s.sees("run           done: left alone: the second", 1)
	require.Contains(t, s.shown(), "run           done: left alone: the first")
	s.stop()
	<-s.ended
	require.Empty(t, changes(t, state))
}

// What befalls one run, or comes from elsewhere, does not end the process for the others.
func TestOthersCannotEndIt(t *testing.T) {
	state := t.TempDir()
	s := sit(t, "--state", state, "--as", "bob@example.com")
	s.sees(prompt, 1)
	address := strings.Fields(s.shown()[strings.Index(s.shown(), "Temporal"):])[1]
	c, err := connect.Local(t.Context(), address, "default")
	require.NoError(t, err)
	defer c.Close()
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "nobody/1", TaskQueue: "nobody"}, workflows.RunType)
	require.NoError(t, err)
	code, _, talk := starterAt(t, "approve", sampleRun, "--as", "alice@example.com", "--address", address, "--gateway", filepath.Join(state, gateFile))
	require.Zero(t, code, talk)
	s.sees("run           done: contained", 1)
	s.stop()
	require.Zero(t, <-s.ended, s.shown())
}

// An event that names another key than its finding does changes nothing, and does not keep the real
// one from being answered.
func TestForgedEventDoesNotStandInTheWay(t *testing.T) {
	const sample = "../../playbooks/events/guardduty-iam-malicious-ip-caller.json"
	real, err := os.ReadFile(sample)
	require.NoError(t, err)
	forged := filepath.Join(t.TempDir(), "forged.json")
	require.NoError(t, os.WriteFile(forged, []byte(strings.ReplaceAll(string(real), "ci-deployer", "break-glass")), 0o600))
	state := t.TempDir()
	code, _, talk := local(t, "--state", state, "--once", "--approve-as", "alice@example.com", "--event", forged)
	require.Equal(t, exitNot, code)
	require.Contains(t, talk, "somebody may have forged the event")
	require.Empty(t, changes(t, state))
	code, _, talk = local(t, "--state", state, "--once", "--approve-as", "alice@example.com", "--event", sample)
	require.Zero(t, code, talk)
	require.Equal(t, keyContained, changes(t, state))
	require.Equal(t, "Inactive", keyStatus(t, state))
	require.True(t, archived(t, state, standin.SampleFindingAccessKey))
}
