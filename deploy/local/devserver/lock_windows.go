//go:build windows

package devserver

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock takes the lock or returns errLocked. It locks one byte far behind the end of the file,
// because a lock here also keeps others from reading what it covers, and they want the process
// id at the beginning.
func tryLock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{OffsetHigh: 1})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}
