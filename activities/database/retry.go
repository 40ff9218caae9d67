package database

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// Hopeless reports that an error is one of the file itself.
func Hopeless(err error) bool {
	switch Primary(err) {
	case sqlitelib.SQLITE_NOTADB, sqlitelib.SQLITE_CORRUPT, sqlitelib.SQLITE_READONLY, sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_FULL:
		return true
	default:
		return false
	}
}

// Primary is the code of an error of SQLite without its details, or 0.
func Primary(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// Pause waits, longer with every try, and reports whether the context still runs.
func Pause(ctx context.Context, try int) bool {
	timer := time.NewTimer(time.Duration(min(try, 20)) * 5 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// IgnoreDone drops the error of a rollback after the transaction has ended.
func IgnoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
