package devserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/server/common/log/tag"
)

// What people read when the server does not start: one line with the file, the cause, what to do.
func TestPlain(t *testing.T) {
	const file = "/state/temporal.db"
	layers := func(cause error) error {
		for i := range 5 {
			cause = fmt.Errorf("could not build arguments for function %d (%s): %w", i, strings.Repeat("x", 80), cause)
		}
		return &buildError{cause}
	}
	full := serviceerror.NewUnavailable("initializeDLQMetadata operation failed. Error: database or disk is full (13)")
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a full disk": {
			layers(full),
			"start the server: database /state/temporal.db cannot be used: database or disk is full (13): free space on its disk, or choose another folder (--state)",
		},
		"a disk that fails": {
			fmt.Errorf("database %s: cannot be opened, it may be damaged: %w", file, errors.New("disk I/O error (778)")),
			"start the server: database /state/temporal.db cannot be used: disk I/O error (778): its disk is full or fails: free space on it, or choose another folder (--state)",
		},
		"a folder that is read only": {
			fmt.Errorf("folder for the database: %w", &fs.PathError{Op: "mkdir", Path: "/state", Err: syscall.EROFS}),
			"start the server: folder for the database: mkdir /state: read-only file system: make the folder writable, or choose another folder (--state)",
		},
		"a lock on a full disk": {
			fmt.Errorf("lock: %w", &fs.PathError{Op: "open", Path: "/state/devserver.lock", Err: syscall.ENOSPC}),
			"start the server: lock: open /state/devserver.lock: no space left on device: free space on its disk, or choose another folder (--state)",
		},
		"another cause below the layers": {layers(errors.New("no such shard")), "start the server: no such shard"},
		"what is plain already":          {errors.New("UI port -1"), "UI port -1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := plain(tc.err, file)
			require.EqualError(t, got, tc.want)
			require.ErrorIs(t, got, rootCause(tc.err))
		})
	}
}

func TestStartSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	regular := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(regular, nil, 0o600))
	locked := filepath.Join(dir, "locked", lockFile)
	require.NoError(t, os.MkdirAll(locked, 0o700))
	for name, tc := range map[string]struct{ dir, file string }{
		"a folder below a file":      {filepath.Join(regular, "state"), regular},
		"a folder where the lock is": {filepath.Dir(locked), locked},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), Options{Dir: tc.dir, Address: anyPort})
			require.ErrorContains(t, err, tc.file)
			require.ErrorContains(t, err, ": move it away, or choose another folder (--state)")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestTroublesAreToldOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		watched := &troubles{database: "/state/temporal.db", tell: func(line string) { lines = append(lines, line) }}
		l := newLogger(nil, watched)
		complain := func(text string) {
			l.With(tag.ShardID(3)).Error("Operation failed with internal error.",
				tag.Operation("UpdateShard"), tag.Error(serviceerror.NewUnavailable("UpdateShard operation failed. Error: "+text)))
		}
		complain("disk I/O error (778)")
		require.Empty(t, lines, "the error of Start will tell")
		require.ErrorContains(t, watched.err(), "disk I/O error (778)")

		watched.running.Store(true)
		for range 100 {
			complain("database or disk is full (13)")
		}
		complain("disk I/O error (778)")
		complain("deadline exceeded")
		l.Warn("slow", tag.Error(errors.New("unable to open database file (14)")))
		want := []string{
			"database /state/temporal.db: database or disk is full (13): free space on its disk, or choose another folder (--state)",
			"database /state/temporal.db: disk I/O error (778): its disk is full or fails: free space on it, or choose another folder (--state)",
		}
		require.Equal(t, want, lines)

		time.Sleep(troubleEvery)
		complain("database or disk is full (13)")
		require.Equal(t, append(want, want[0]), lines)

		time.Sleep(troubleEvery)
		l.stopping.Store(true)
		complain("database or disk is full (13)")
		require.Len(t, lines, 3)
	})
}
