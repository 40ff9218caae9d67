package devserver

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/goleak"
)

// TestServer looks at one running server from all sides.
func TestServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by the server #1?") // hostile to URIs
	s := start(t, Options{Dir: dir, UI: true})
	c := dial(t, s.Address(), s.Namespace())

	t.Run("listens on loopback only", func(t *testing.T) {
		addresses := listening(t)
		require.GreaterOrEqual(t, len(addresses), 5, "four services and the UI: %v", addresses)
		for _, a := range addresses {
			require.True(t, a.IP.IsLoopback(), "listens on %v", a)
		}
	})
	t.Run("keeps the folder private", func(t *testing.T) {
		for name, want := range map[string]os.FileMode{
			dir:                              0o700 | os.ModeDir,
			filepath.Join(dir, databaseFile): 0o600,
			filepath.Join(dir, lockFile):     0o600,
		} {
			info, err := os.Stat(name)
			require.NoError(t, err)
			if runtime.GOOS != "windows" {
				require.Equal(t, want, info.Mode(), name)
			}
		}
	})
	t.Run("has the folder to itself", func(t *testing.T) {
		_, err := Start(t.Context(), Options{Dir: dir, Address: anyPort})
		var inUse *InUseError
		require.ErrorAs(t, err, &inUse)
		require.Equal(t, InUseError{Dir: dir, PID: os.Getpid()}, *inUse)
	})
	t.Run("starts eagerly", func(t *testing.T) {
		res, err := c.WorkflowService().StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
			Namespace:             s.Namespace(),
			WorkflowId:            "eager",
			WorkflowType:          &commonpb.WorkflowType{Name: "any"},
			TaskQueue:             &taskqueuepb.TaskQueue{Name: "any"},
			RequestId:             "eager",
			RequestEagerExecution: true,
		})
		require.NoError(t, err)
		require.NotNil(t, res.GetEagerWorkflowTask())
	})
	t.Run("runs workflows with activities and updates", func(t *testing.T) {
		w := worker.New(c, "work", worker.Options{})
		w.RegisterWorkflow(approveAndGreet)
		w.RegisterActivity(greet)
		require.NoError(t, w.Start())
		defer w.Stop()

		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "work", TaskQueue: "work"}, approveAndGreet)
		require.NoError(t, err)
		update, err := c.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
			WorkflowID: run.GetID(), UpdateName: "approve", Args: []any{"Ada"},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		require.NoError(t, err)
		require.NoError(t, update.Get(t.Context(), nil))
		var greeting string
		require.NoError(t, run.Get(t.Context(), &greeting))
		require.Equal(t, "Hello, Ada!", greeting)
	})
	t.Run("takes new search attributes at once", func(t *testing.T) {
		const name = "Playbook"
		_, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
			Namespace:        s.Namespace(),
			SearchAttributes: map[string]enumspb.IndexedValueType{name: enumspb.INDEXED_VALUE_TYPE_KEYWORD},
		})
		require.NoError(t, err)
		_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: "searched", TaskQueue: "nobody",
			TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(name).ValueSet("p")),
		}, "any")
		require.NoError(t, err)
	})
	testUI(t, s)
}

func approveAndGreet(ctx workflow.Context) (greeting string, err error) {
	var who string
	if err := workflow.SetUpdateHandler(ctx, "approve", func(_ workflow.Context, name string) error {
		who = name
		return nil
	}); err != nil {
		return "", err
	}
	if err := workflow.Await(ctx, func() bool { return who != "" }); err != nil {
		return "", err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 1e9})
	err = workflow.ExecuteActivity(ctx, greet, who).Get(ctx, &greeting)
	return greeting, err
}

func greet(_ context.Context, who string) (string, error) { return "Hello, " + who + "!", nil }

// TestStopAndStartAgain uses one folder twice in one process, and looks at what is left between.
func TestStopAndStartAgain(t *testing.T) {
	// The server does not close its connections between services, which try to reach the other end
	// until half an hour without a call has passed, and its plugin does not close the database.
	leaks := []goleak.Option{
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("google.golang.org/grpc/internal/grpcsync.(*CallbackSerializer).run"),
		goleak.IgnoreAnyFunction("google.golang.org/grpc.(*addrConn).connect"),
		goleak.IgnoreAnyFunction("database/sql.(*DB).connectionOpener"),
	}
	dir := t.TempDir()
	s := start(t, Options{Dir: dir, UI: true})
	c := dial(t, s.Address(), s.Namespace())
	startWaiting(t, c, "waits")
	c.Close()
	ports := []string{s.Address(), strings.TrimPrefix(s.UIURL(), "http://")}

	stop(t, s)
	require.NoError(t, s.Stop(), "a second time")
	for _, address := range ports {
		l, err := net.Listen("tcp", address)
		require.NoError(t, err, "still listens")
		require.NoError(t, l.Close())
	}
	require.NoError(t, goleak.Find(leaks...))
	wal, err := os.Stat(filepath.Join(dir, databaseFile+"-wal"))
	require.NoError(t, err)
	require.Zero(t, wal.Size(), "the database file alone must be complete")

	s = start(t, Options{Dir: dir})
	requireRunning(t, dial(t, s.Address(), s.Namespace()), "waits")
	require.Empty(t, s.UIURL())
	require.Empty(t, s.RunURL("waits", ""))
	stop(t, s)
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	child := startChild(t, dir)
	startWaiting(t, dial(t, child.address, "default"), "waits")

	_, err := Start(t.Context(), Options{Dir: dir, Address: anyPort})
	require.Equal(t, &InUseError{Dir: dir, PID: child.cmd.Process.Pid}, err)
	require.ErrorContains(t, err, "is in use by another process (pid ")

	require.NoError(t, child.cmd.Process.Kill())
	_, _, err = child.wait(t)
	require.Error(t, err)

	s := start(t, Options{Dir: dir})
	requireRunning(t, dial(t, s.Address(), s.Namespace()), "waits")
}

func TestQuiet(t *testing.T) {
	child := startChild(t, t.TempDir())
	startWaiting(t, dial(t, child.address, "default"), "waits")
	require.NoError(t, child.stdin.Close())
	stdout, stderr, err := child.wait(t)
	require.NoError(t, err)
	require.Empty(t, stdout)
	require.Empty(t, stderr)
}

func TestInMemory(t *testing.T) {
	t.Chdir(t.TempDir())
	s := start(t, Options{Namespace: "secops"})
	startWaiting(t, dial(t, s.Address(), "secops"), "waits")
	stop(t, s)
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestStartGivesUp(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{Dir: dir, Address: anyPort})
	require.ErrorIs(t, err, context.Canceled)

	lock, err := lockDir(dir)
	require.NoError(t, err, "the folder must be free again")
	require.NoError(t, lock.release())
}

// startWaiting starts a run that no worker will ever take.
func startWaiting(t *testing.T, c client.Client, id string) {
	t.Helper()
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "nobody"}, "any")
	require.NoError(t, err)
}

func requireRunning(t *testing.T, c client.Client, id string) {
	t.Helper()
	run, err := c.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, run.GetWorkflowExecutionInfo().GetStatus())
}
