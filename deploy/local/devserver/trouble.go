package devserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.temporal.io/server/common/log/tag"
)

const elsewhere = "or choose another folder (--state)"

// storeTroubles are the complaints of SQLite that the person at the machine can mend. They are told
// by their words: the server hands errors of its store on as text alone. The number that SQLite
// puts behind stays with them, for who looks it up at https://www.sqlite.org/rescode.html.
var storeTroubles = []struct {
	words  *regexp.Regexp
	remedy string
}{
	{regexp.MustCompile(`database or disk is full( \(\d+\))?`), "free space on its disk, " + elsewhere},
	{regexp.MustCompile(`disk I/O error( \(\d+\))?`), "its disk is full or fails: free space on it, " + elsewhere},
	{regexp.MustCompile(`attempt to write a readonly database( \(\d+\))?`), "make its folder writable, " + elsewhere},
	{regexp.MustCompile(`unable to open database file( \(\d+\))?`), "make its folder readable and writable, with space left on its disk, " + elsewhere},
	{regexp.MustCompile(`database disk image is malformed( \(\d+\))?`), "it is damaged: stop the server and move it away to start afresh"},
}

// storeTrouble finds such a complaint in an error.
func storeTrouble(err error) (text string, ok bool) {
	for _, t := range storeTroubles {
		if words := t.words.FindString(err.Error()); words != "" {
			return words + ": " + t.remedy, true
		}
	}
	return "", false
}

// startError says in a line why the server did not start, without the layers it came through.
type startError struct {
	text string
	err  error
}

func (e *startError) Error() string { return e.text }
func (e *startError) Unwrap() error { return e.err }

// plain gives an error of Start the form that people read: what was attempted, with which file, the
// root cause, what to do. What is short already stays as it is.
func plain(err error, database string) error {
	if trouble, ok := storeTrouble(err); ok {
		return &startError{"start the server: database " + database + " cannot be used: " + trouble, err}
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		if remedy := remedyFor(file.Err); remedy != "" {
			return &startError{fmt.Sprintf("start the server: %s: %s", err, remedy), err}
		}
		return err
	}
	var built *buildError
	if errors.As(err, &built) {
		return &startError{"start the server: " + rootCause(built.err).Error(), err}
	}
	return err
}

func remedyFor(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space on its disk, " + elsewhere
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "make the folder writable, " + elsewhere
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return "move it away, " + elsewhere
	default:
		return ""
	}
}

// buildError is a failure to put the server together. The library that does that tells, in some
// hundreds of characters, what it wanted to build for what; only the innermost error says why.
type buildError struct{ err error }

func (e *buildError) Error() string { return "build temporal: " + e.err.Error() }
func (e *buildError) Unwrap() error { return e.err }

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// troubleEvery is how long the same trouble is not told again: a store that refuses is asked many
// times a second.
const troubleEvery = 10 * time.Second

// troubles watches the log of a server for a store that fails. The server itself retries for ever
// and says nothing else.
type troubles struct {
	database string
	tell     func(string) // nil: nobody to tell
	running  atomic.Bool  // Start has returned: until then its error tells

	mu   sync.Mutex
	last string
	told map[string]time.Time
}

// watch is given what the server logs as an error.
func (t *troubles) watch(tags []tag.Tag) {
	for _, tagged := range tags {
		err := tagError(tagged)
		if err == nil || errors.Is(err, context.Canceled) {
			continue
		}
		if text, ok := storeTrouble(err); ok {
			t.found(text)
			return
		}
	}
}

func (t *troubles) found(text string) {
	line := "database " + t.database + ": " + text
	t.mu.Lock()
	t.last = text
	tell := t.tell != nil && t.running.Load()
	if at, before := t.told[line]; before && time.Since(at) < troubleEvery {
		tell = false
	}
	if tell {
		if t.told == nil {
			t.told = map[string]time.Time{}
		}
		t.told[line] = time.Now()
	}
	t.mu.Unlock()
	if tell {
		t.tell(line)
	}
}

// err is the last trouble, nil if there was none.
func (t *troubles) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == "" {
		return nil
	}
	return errors.New(t.last)
}
