// Package store keeps what audits find, in tables of its own beside the ledger: in the same database
// where that is PostgreSQL, else in a file of SQLite next to the ledger's.
//
// It is no record of what was done: findings are replaced when a part is looked at again, and old
// audits are deleted. The programs' role of the ledger may do both here.
//
// An audit of hundreds of accounts has millions of results. None of what is here holds them all: what
// is many is handed out one by one, results in the order of account, region, control and resource,
// and what is compared in that of the control first.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/countersign/countersign/activities/database"
)

//go:embed migrations
var migrations embed.FS

// patience bounds a call whose context has no deadline.
const patience = 5 * time.Minute

// Store is an open store. It is safe for use by many goroutines.
type Store struct {
	db       *database.DB
	now      func() time.Time
	existing bool
}

// Option is a choice of Open.
type Option func(*Store)

// WithClock replaces the clock, in tests.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// Existing makes Open take a store as it is: it makes none and changes no table.
func Existing() Option { return func(s *Store) { s.existing = true } }

// ErrNone is why Open of an existing store fails.
var ErrNone = database.ErrNone

// ErrNoAudit is returned for an audit of which nothing was recorded.
var ErrNoAudit = errors.New("there is no such audit")

// Open opens what is kept beside the ledger of a url, and makes it where it may.
func Open(ctx context.Context, ledger string, options ...Option) (*Store, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	db, err := database.Dial("the findings", database.Beside(ledger, "findings"))
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, now: time.Now}
	for _, o := range options {
		o(s)
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = db.Migrate(ctx, database.Tables{
			Migrations: folder, Versions: "finding_migrations", Lock: 4850171579040137217, Main: "finding_results",
		}, s.existing)
	}
	if err != nil {
		return nil, errors.Join(s.failed("open", err), db.Close())
	}
	return s, nil
}

// Name says where it is, without the password of its url.
func (s *Store) Name() string { return s.db.Name }

// Close gives the connections back.
func (s *Store) Close() error { return s.db.Close() }

// do runs f in a transaction that writes.
func (s *Store) do(ctx context.Context, what string, f func(context.Context, *sql.Tx) error) error {
	return s.in(ctx, what, true, f)
}

// view runs f in a transaction that sees everything as it is when it begins.
func (s *Store) view(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	return s.in(ctx, "read", false, f)
}

func (s *Store) in(ctx context.Context, what string, writes bool, f func(context.Context, *sql.Tx) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	tx, err := s.db.Begin(ctx, writes)
	if err != nil {
		return s.failed(what, err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back; before one, f's error says more
	if err := f(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return s.failed(what, err)
	}
	return nil
}

func (s *Store) failed(what string, err error) error {
	if hint := database.Hint(err); hint != "" {
		return fmt.Errorf("%s the findings %s: %w; %s", what, s.db.Name, err, hint)
	}
	return fmt.Errorf("%s the findings %s: %w", what, s.db.Name, err)
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}
