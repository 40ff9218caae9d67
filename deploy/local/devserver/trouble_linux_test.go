package devserver

import (
	"context"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// limitFiles lets no file grow beyond size until the test ends or the limit is lifted: for SQLite, a
// disk that fails.
func limitFiles(t *testing.T, size uint64) (lift func()) {
	t.Helper()
	var usual syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &usual))
	set := func(limit syscall.Rlimit) { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)) }
	set(syscall.Rlimit{Cur: size, Max: usual.Max})
	lift = func() { set(usual) }
	t.Cleanup(lift)
	return lift
}

// Wherever on the way the disk gives out, there is one line that says so.
func TestStartOnADiskThatGivesOut(t *testing.T) {
	for _, size := range []uint64{0, 1_000, 50_000, 500_000, 700_000} {
		t.Run(strconv.FormatUint(size, 10), func(t *testing.T) {
			dir := t.TempDir()
			lift := limitFiles(t, size)
			_, err := Start(t.Context(), Options{Dir: dir, Address: anyPort})
			lift()
			require.EqualError(t, err, "start the server: database "+filepath.Join(dir, databaseFile)+
				" cannot be used: disk I/O error (778): its disk is full or fails: free space on it, or choose another folder (--state)")
		})
	}
}

// mount gives a folder a small disk of its own.
func mount(t *testing.T, flags uintptr, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size="+size); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	// Lazily: the server's plugin keeps the database open.
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

func TestStartOnAFullDisk(t *testing.T) {
	dir := mount(t, 0, "200k")
	_, err := Start(t.Context(), Options{Dir: dir, Address: anyPort})
	require.ErrorContains(t, err, "start the server: database "+filepath.Join(dir, databaseFile)+" cannot be used: ")
	require.ErrorContains(t, err, "free space on")
	require.NotContains(t, err.Error(), "\n")
}

func TestStartInAFolderThatIsReadOnly(t *testing.T) {
	dir := mount(t, syscall.MS_RDONLY, "200k")
	for _, dir := range []string{dir, filepath.Join(dir, "state")} {
		_, err := Start(t.Context(), Options{Dir: dir, Address: anyPort})
		require.ErrorContains(t, err, dir)
		require.ErrorContains(t, err, "read-only file system: make the folder writable, or choose another folder (--state)")
		require.NotContains(t, err.Error(), "\n")
	}
}

// A server whose disk gives out says so, and goes on when there is room again.
func TestRunningOnADiskThatGivesOut(t *testing.T) {
	dir := t.TempDir()
	lines := make(chan string, 100)
	s := start(t, Options{Dir: dir, OnTrouble: func(line string) { lines <- line }})
	c := dial(t, s.Address(), s.Namespace())
	lift := limitFiles(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "refused", TaskQueue: "nobody"}, "any")
	require.Error(t, err)
	require.Equal(t, "database "+filepath.Join(dir, databaseFile)+": disk I/O error (778): its disk is full or fails: free space on it, "+elsewhere, <-lines)
	require.Empty(t, lines, "told once")
	lift()
	startWaiting(t, c, "waits")
}
