package devserver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/countersign/countersign/activities/ledger/filelock"
)

const lockFile = "devserver.lock"

// dirLock keeps other processes, and other servers of this one, out of a folder. SQLite would
// let two servers share the file, and each would then take the other's shards away.
type dirLock struct{ file *os.File }

// lockDir makes the folder if needed and locks it or says who has it.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder for the database: %w", err)
	}
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the folder of the database: %w", err)
	}
	if err := filelock.Try(f); err != nil {
		defer f.Close()
		if errors.Is(err, filelock.ErrLocked) {
			return nil, &InUseError{Dir: dir, PID: holder(f)}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The number only serves the message above; the lock holds without it.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &dirLock{file: f}, nil
}

// release gives the folder free.
func (l *dirLock) release() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("release the lock on the folder: %w", err)
	}
	return nil
}

// holder reads the process id from the lock file, 0 if it is not there (yet).
func holder(f *os.File) int {
	text, _ := io.ReadAll(io.NewSectionReader(f, 0, 32))
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// InUseError says that another server has the folder.
type InUseError struct {
	Dir string
	PID int // of the process that has it, 0 if unknown
}

func (e *InUseError) Error() string {
	const hint = "stop it, or choose another folder"
	switch e.PID {
	case 0:
		return fmt.Sprintf("%s is in use by another process: %s", e.Dir, hint)
	case os.Getpid():
		return fmt.Sprintf("%s is in use by another server in this process (pid %d): %s", e.Dir, e.PID, hint)
	default:
		return fmt.Sprintf("%s is in use by another process (pid %d): %s", e.Dir, e.PID, hint)
	}
}
