//go:build unix

package devserver

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock or returns errLocked. flock and not fcntl: fcntl's locks belong to the
// process, so a second server in the same process would get it too, and closing any handle on
// the file would drop it.
func tryLock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return errLocked
		default:
			return err
		}
	}
}
