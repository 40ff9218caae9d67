package ledger

import (
	"context"
	"errors"
	"os"

	"github.com/countersign/countersign/activities/ledger/filelock"
)

// fileLock is the lock of a file beside the ledger.
type fileLock struct{ file *os.File }

// lock implements base.
func (s sqliteBase) lock(_ context.Context, name string) (lock, error) {
	file, err := os.OpenFile(s.file+"."+name+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = filelock.Try(file)
	l := fileLock{file}
	if err == nil {
		err = l.held(context.Background())
	}
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, filelock.ErrLocked):
		err = nil
	}
	l.release()
	return nil, err
}

// held looks whether the file that is locked is still the one that others would lock.
func (l fileLock) held(context.Context) error {
	locked, err := l.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.file.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(locked, there) {
		return errors.New("the file of the lock was replaced")
	}
	return nil
}

func (l fileLock) release() { _ = l.file.Close() } // the lock ends with it
