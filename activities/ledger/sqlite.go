package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	goosedb "github.com/pressly/goose/v3/database"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/countersign/countersign/activities/database"
)

type sqliteBase struct{ file string }

// dialSQLite opens a file twice: once to write, over one connection, so that the writers of this
// process queue up in memory; and to read, which in WAL mode waits for no writer.
func dialSQLite(file string) (*Ledger, error) {
	if file == "" {
		return nil, errors.New("open the ledger: sqlite: names no file")
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", file, err)
	}
	open := func(lock string, pragmas ...string) (*sql.DB, error) {
		// SQLite itself waits shortly, and deaf to the context; the rest of the waiting is done here.
		pragmas = append(pragmas, "busy_timeout(50)", "synchronous(FULL)", "trusted_schema(OFF)")
		query := url.Values{"_txlock": {lock}, "_pragma": pragmas}
		db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String())
		if err != nil {
			return nil, fmt.Errorf("open the ledger %s: %w", file, err)
		}
		return db, nil
	}
	write, err := open("immediate")
	if err != nil {
		return nil, err
	}
	read, err := open("deferred", "query_only(ON)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	write.SetMaxOpenConns(1)
	read.SetMaxOpenConns(4)
	return &Ledger{name: file, write: write, read: read, base: sqliteBase{path}}, nil
}

func (s sqliteBase) migrate(ctx context.Context, db *sql.DB, existing bool) error {
	mode := os.O_CREATE | os.O_RDWR
	if existing {
		mode = os.O_RDWR
	}
	file, err := os.OpenFile(s.file, mode, 0o600) // SQLite would let everybody of the machine read it
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	p, err := migrator(db, goosedb.DialectSQLite3, "sqlite")
	if err != nil {
		return err
	}
	// Two processes that make the file at once get into each other's way. Each migration is one
	// transaction: the one who comes second fails whole, and finds it made when it looks again.
	for try := 1; ; try++ {
		done, err := current(ctx, db, p)
		switch {
		case done || err != nil:
			return err
		case existing:
			return errNone
		}
		if _, err = db.ExecContext(ctx, "PRAGMA journal_mode(WAL)"); err == nil {
			err = up(ctx, p)
		}
		if err != nil && (try == 40 || database.Hopeless(err) || !database.Pause(ctx, try)) {
			return err
		}
	}
}

func (sqliteBase) settle(context.Context, *sql.DB) error { return nil }

// enter has nothing to do: the transaction began with BEGIN IMMEDIATE, so it has its turn.
func (sqliteBase) enter(context.Context, *sql.Tx, bool) error { return nil }

// head leaves the clock to this process: it is on the same machine.
func (sqliteBase) head() string {
	return `SELECT 0, coalesce(max(seq), 0), coalesce((SELECT hash FROM records ORDER BY seq DESC LIMIT 1), '') FROM records`
}

func (sqliteBase) busy(err error) bool {
	code := database.Primary(err)
	return code == sqlitelib.SQLITE_BUSY || code == sqlitelib.SQLITE_LOCKED
}

func (s sqliteBase) hint(err error) string {
	switch code := database.Primary(err); {
	case errors.Is(err, errNone):
		return "does the path name the right one? starter ledger migrate makes it"
	case errors.Is(err, os.ErrNotExist):
		return "a file is made where its folder is there"
	case s.busy(err):
		return "another process writes to it; is one stopped in the middle?"
	case code == sqlitelib.SQLITE_NOTADB:
		return "the file is something else; name another one"
	case code == sqlitelib.SQLITE_READONLY || code == sqlitelib.SQLITE_CANTOPEN || errors.Is(err, os.ErrPermission):
		return "may this user write the file and its folder?"
	case code == sqlitelib.SQLITE_FULL:
		return "the disk is full; no effect is made until there is space"
	case code == sqlitelib.SQLITE_CORRUPT:
		return "the file is damaged; keep it, and check the last export with: starter ledger verify"
	default:
		return ""
	}
}
