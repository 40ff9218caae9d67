// Package fresh reads files that decide: the policy, the directory of people. They are read at every
// question, so that a change counts from the next effect on, and parsed only when they have changed.
package fresh

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
)

// File returns a function that gives what a file says now. It reads at most limit bytes. A file that
// cannot be read or parsed is an error, never what it said before: whoever asks must do without.
// It is safe for concurrent use.
func File[T any](name string, limit int64, parse func(raw []byte) (T, error)) func() (T, error) {
	var mu sync.Mutex
	var last []byte
	var value T
	return func() (T, error) {
		var none T
		raw, err := read(name, limit)
		if err != nil {
			return none, err
		}
		mu.Lock()
		defer mu.Unlock()
		if last != nil && bytes.Equal(raw, last) {
			return value, nil
		}
		parsed, err := parse(raw)
		if err != nil {
			return none, fmt.Errorf("%s: %w", name, err)
		}
		last, value = append([]byte{}, raw...), parsed
		return value, nil
	}
}

func read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return raw, nil
}
