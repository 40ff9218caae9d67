package directory

import (
	"bytes"
	"fmt"
	"os"
	"sync"
)

// File returns a function that reads a directory file at every call. A file that did not change is
// parsed once: it is its content that is compared, not its time. A file that cannot be read or has a
// mistake is an error, also if it was well before: who may vote is then not known.
func File(file string) func() (Directory, error) {
	var mu sync.Mutex
	var raw []byte
	var known Directory
	return func() (Directory, error) {
		now, err := os.ReadFile(file)
		if err != nil {
			return Directory{}, fmt.Errorf("read the directory of approvers: %w", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if raw != nil && bytes.Equal(raw, now) {
			return known, nil
		}
		d, err := parseFile(file, now)
		if err != nil {
			return Directory{}, err
		}
		raw, known = now, d
		return d, nil
	}
}
