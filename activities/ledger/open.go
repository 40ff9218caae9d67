package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// patience bounds a call whose context has no deadline.
const patience = 30 * time.Second

// Ledger is an open ledger. It is safe for use by many goroutines.
type Ledger struct {
	name        string
	write, read *sql.DB // with SQLite two handles, else one
	base        base
	clock       func() time.Time // nil: the database's
	existing    bool             // it is not made
	commits     commits
}

// base is what differs between the databases.
type base interface {
	// migrate makes the table, or brings it up to date, unless it must be there already.
	migrate(ctx context.Context, db *sql.DB, existing bool) error
	// settle prepares the work after the migration.
	settle(ctx context.Context, db *sql.DB) error
	// enter is the beginning of each transaction: it waits for its turn if the transaction writes.
	enter(ctx context.Context, tx *sql.Tx, writes bool) error
	// head reads the clock, and the number and hash of the last record.
	head() string
	// busy reports whether an error is that others hold the ledger.
	busy(err error) bool
	// hint says what to do about an error; it may be "".
	hint(err error) string
	// lock tries for a lead; nil is that somebody else has it.
	lock(ctx context.Context, name string) (lock, error)
}

// Option is a choice of Open.
type Option func(*Ledger)

// WithClock replaces the database's clock, in tests.
func WithClock(now func() time.Time) Option { return func(l *Ledger) { l.clock = now } }

// Existing makes Open take a ledger as it is: it makes none and changes no table. So may a login open
// it that only reads, like a member of countersign_auditor.
func Existing() Option { return func(l *Ledger) { l.existing = true } }

// errNone is why Open of an existing ledger fails.
var errNone = errors.New("there is none, or one of an older version that has to be brought up to date")

// Open opens the ledger of a url: "postgres://...", "sqlite:FILE" or the path of a file, which is
// made if its folder is there. It brings the table up to date where it may.
func Open(ctx context.Context, url string, options ...Option) (*Ledger, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	l, err := dial(url)
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		o(l)
	}
	if err := l.prepare(ctx); err != nil {
		return nil, errors.Join(l.failed("open", err), l.Close())
	}
	return l, nil
}

func (l *Ledger) prepare(ctx context.Context) error {
	if err := l.base.migrate(ctx, l.write, l.existing); err != nil {
		return err
	}
	return l.base.settle(ctx, l.write)
}

// dial tells the databases apart. It connects to nothing yet.
func dial(address string) (*Ledger, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case address == "":
		return nil, errors.New("open the ledger: no url was given; want postgres://HOST/DATABASE or the path of a file")
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return dialPostgres(address)
	case found && scheme == "sqlite":
		return dialSQLite(strings.TrimPrefix(rest, "//"))
	case strings.Contains(address, "://"):
		return nil, fmt.Errorf("open the ledger: no ledger is kept at %s://...; want postgres://HOST/DATABASE or the path of a file", scheme)
	default:
		return dialSQLite(address)
	}
}

// Name says which ledger it is, without the password of its url.
func (l *Ledger) Name() string { return l.name }

// Close gives the connections back. Transactions that have begun go on.
func (l *Ledger) Close() error {
	err := l.write.Close()
	if l.read != l.write {
		err = errors.Join(err, l.read.Close())
	}
	return err
}

// failed says what was attempted with which ledger, and what to do.
func (l *Ledger) failed(what string, err error) error {
	if hint := l.base.hint(err); hint != "" {
		return fmt.Errorf("%s the ledger %s: %w; %s", what, l.name, err, hint)
	}
	return fmt.Errorf("%s the ledger %s: %w", what, l.name, err)
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}

// named is a url for people.
func named(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
