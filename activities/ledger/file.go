package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/countersign/countersign/activities/grant"
)

// File keeps checkpoints in a file, one a line. On the ledger's own machine it shows what somebody
// did who could write to the database only; ship it elsewhere too.
type File struct{ path string }

// OpenFile opens a file of checkpoints, or makes it, and returns the newest checkpoint in it that was
// signed with one of the keys; of a new file none. Those signed with a key from before a rotation
// stay, and need it to be verified. A line that a crash cut off is taken away.
func OpenFile(path string, keys grant.Keys) (*File, Checkpoint, error) {
	var last Checkpoint
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, last, fmt.Errorf("open the checkpoints: %w", err)
	}
	defer f.Close()
	if err := repair(f); err != nil {
		return nil, last, fmt.Errorf("open the checkpoints %s: %w", path, err)
	}
	sealings, err := readCheckpoints(f, keys, true)
	if err != nil {
		return nil, last, fmt.Errorf("%s: %w; keep the file, and name another one", path, err)
	}
	for _, s := range sealings {
		if s.Seq >= last.Seq {
			last = s.Checkpoint
		}
	}
	return &File{path}, last, syncFolder(path)
}

// Name implements Place.
func (f *File) Name() string { return f.path }

// Keep implements Place: the line is on disk when it returns.
func (f *File) Keep(_ context.Context, s Sealing) (err error) {
	line, err := json.Marshal(s.Signed)
	if err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err // it names the file
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// In one write, so that two processes never mix their lines.
	if _, err := file.Write(append(line, '\n')); err != nil {
		return err
	}
	return file.Sync()
}

// repair cuts off what comes after the last line feed, and goes back to the beginning.
func repair(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	end := size
	for last := make([]byte, 1); end > 0; end-- {
		if size-end > maxCheckpoint {
			return errors.New("its last line is longer than any checkpoint")
		}
		if _, err := f.ReadAt(last, end-1); err != nil {
			return err
		}
		if last[0] == '\n' {
			break
		}
	}
	if end < size {
		if err := f.Truncate(end); err != nil {
			return err
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// syncFolder makes a new file's name last.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("open the checkpoints: %w", err)
	}
	defer folder.Close()
	_ = folder.Sync() // not every system can
	return nil
}
