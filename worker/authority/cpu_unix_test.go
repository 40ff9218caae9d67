//go:build unix

package authority_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpu is what the process has taken of the processors so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
