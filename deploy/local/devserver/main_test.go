package devserver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// childDir makes the test binary a program that serves the folder until its stdin ends: what has
// to be killed must be a process of its own.
const childDir = "DEVSERVER_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(serve(dir))
	}
	os.Exit(m.Run())
}

func serve(dir string) int {
	s, err := Start(context.Background(), Options{Dir: dir, Address: anyPort, UI: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.Address())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is a process that runs serve.
type child struct {
	cmd     *exec.Cmd
	address string
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	stderr  bytes.Buffer
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := &child{cmd: exec.CommandContext(t.Context(), self)}
	c.cmd.Env = append(os.Environ(), childDir+"="+dir)
	c.cmd.Stderr = &c.stderr
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	c.stdout = bufio.NewReader(stdout)
	line, err := c.stdout.ReadString('\n')
	require.NoError(t, err, "the child did not start: %s", &c.stderr)
	c.address = strings.TrimSpace(line)
	return c
}

// wait returns what the child printed after its address.
func (c *child) wait(t *testing.T) (stdout, stderr string, err error) {
	t.Helper()
	rest, readErr := io.ReadAll(c.stdout)
	require.NoError(t, readErr)
	err = c.cmd.Wait()
	return string(rest), c.stderr.String(), err
}

// anyPort keeps tests away from the port of a server that a person may be using.
const anyPort = "127.0.0.1:0"

// start starts a server, reports how long that took and stops it at the end of the test.
func start(t *testing.T, opts Options) *Server {
	t.Helper()
	if opts.Address == "" {
		opts.Address = anyPort
	}
	begin := time.Now()
	s, err := Start(t.Context(), opts)
	require.NoError(t, err)
	t.Logf("usable after %s", time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	return s
}

// stop stops a server and reports how long that took.
func stop(t *testing.T, s *Server) {
	t.Helper()
	begin := time.Now()
	require.NoError(t, s.Stop())
	t.Logf("stopped after %s", time.Since(begin).Round(time.Millisecond))
}

func dial(t *testing.T, address, namespace string) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort:  address,
		Namespace: namespace,
		Logger:    quiet{},
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
