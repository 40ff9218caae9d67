package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	sqlitelib "modernc.org/sqlite/lib"
)

// Tables are what somebody keeps in a database.
type Tables struct {
	// Migrations has a folder postgres and a folder sqlite.
	Migrations fs.FS
	// Versions is the table of the migrations that were made; other programs in the same database may
	// keep one under the usual name.
	Versions string
	// Lock is the advisory lock of PostgreSQL that lets one make the tables after the other.
	Lock int64
	// Main is a table that the role of the programs must be able to read and append to, for a login
	// to work as that.
	Main string
}

// ErrNone is why tables that must be there already are not.
var ErrNone = errors.New("there is none, or one of an older version that has to be brought up to date")

// Migrate makes the tables or brings them up to date, unless they must be there already, and takes the
// role of the programs where this login may.
func (d *DB) Migrate(ctx context.Context, t Tables, existing bool) error {
	if d.SQLite() {
		return d.migrateSQLite(ctx, t, existing)
	}
	if err := d.migratePostgres(ctx, t, existing); err != nil {
		return err
	}
	return d.settle(ctx, t)
}

func (d *DB) migratePostgres(ctx context.Context, t Tables, existing bool) (err error) {
	if err := d.Write.PingContext(ctx); err != nil {
		return err
	}
	p, err := t.provider(d.Write, database.DialectPostgres, "postgres")
	if err != nil {
		return err
	}
	done, err := t.current(ctx, d.Write, p)
	switch {
	case done || err != nil:
		return err
	case existing:
		return ErrNone
	}
	// One after the other: the first makes the tables, the others find them.
	tx, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, IgnoreDone(tx.Rollback())) }()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", t.Lock); err != nil {
		return err
	}
	if done, err := t.current(ctx, d.Write, p); done || err != nil {
		return err
	}
	return up(ctx, p)
}

// settle takes the role of the programs where the login may take it, and the role may append.
func (d *DB) settle(ctx context.Context, t Tables) (err error) {
	var there bool
	err = d.Write.QueryRowContext(ctx, `SELECT coalesce((SELECT
		has_table_privilege(oid, $2, 'SELECT') AND has_table_privilege(oid, $2, 'INSERT')
		AND has_schema_privilege(oid, current_schema(), 'USAGE')
		FROM pg_roles WHERE rolname = $1), false)`, AppRole, t.Main).Scan(&there)
	if err != nil || !there {
		return err
	}
	tx, err := d.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, IgnoreDone(tx.Rollback())) }()
	switch _, err := tx.ExecContext(ctx, "SET LOCAL ROLE "+AppRole); {
	case err == nil:
		d.Role = AppRole
	case Code(err) != "42501": // insufficient_privilege
		return err
	}
	return nil
}

func (d *DB) migrateSQLite(ctx context.Context, t Tables, existing bool) error {
	mode := os.O_CREATE | os.O_RDWR
	if existing {
		mode = os.O_RDWR
	}
	file, err := os.OpenFile(d.File, mode, 0o600) // SQLite would let everybody of the machine read it
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	p, err := t.provider(d.Write, database.DialectSQLite3, "sqlite")
	if err != nil {
		return err
	}
	// Two processes that make the file at once get into each other's way. Each migration is one
	// transaction: the one who comes second fails whole, and finds it made when it looks again.
	for try := 1; ; try++ {
		done, err := t.current(ctx, d.Write, p)
		switch {
		case done || err != nil:
			return err
		case existing:
			return ErrNone
		}
		if _, err = d.Write.ExecContext(ctx, "PRAGMA journal_mode(WAL)"); err == nil {
			err = up(ctx, p)
		}
		if err != nil && (try == 40 || Hopeless(err) || !Pause(ctx, try)) {
			return err
		}
	}
}

func (t Tables) provider(db *sql.DB, dialect database.Dialect, folder string) (*goose.Provider, error) {
	files, err := fs.Sub(t.Migrations, folder)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	store, err := database.NewStore(dialect, t.Versions)
	if err != nil {
		return nil, fmt.Errorf("keep the versions of the tables: %w", err)
	}
	p, err := goose.NewProvider("", db, files, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}

// current reports whether the tables are as this program wants them. Those of a newer program are
// not written to: what must stand in them is not known here.
func (t Tables) current(ctx context.Context, db *sql.DB, p *goose.Provider) (bool, error) {
	sources := p.ListSources()
	want := sources[len(sources)-1].Version
	var is sql.NullInt64
	// The table may not be there yet. An error of another sort comes up again in the migration.
	if err := db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+t.Versions).Scan(&is); err != nil {
		return false, ctx.Err()
	}
	if is.Int64 > want {
		return false, fmt.Errorf("its tables are of version %d, and this program knows version %d: use a newer program", is.Int64, want)
	}
	return is.Int64 == want, nil
}

func up(ctx context.Context, p *goose.Provider) error {
	if _, err := p.Up(ctx); err != nil {
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			err = partial.Err
		}
		return fmt.Errorf("bring its tables up to date: %w", err)
	}
	return nil
}

// Hint says what to do about an error of a database; it may be "".
func Hint(err error) string {
	var connect *pgconn.ConnectError
	switch code := Primary(err); {
	case errors.Is(err, ErrNone):
		return "does the url name the right one? starter ledger migrate makes it"
	case errors.As(err, &connect):
		return "is PostgreSQL running there, and may this login connect?"
	case Code(err) == "42501":
		return "this login may not; let an operator's login make the tables (starter ledger migrate) and make this one a member of " + AppRole
	case Code(err) == "42P01" || Code(err) == "3F000":
		return "does the schema of its search_path exist, and may this login use it? starter ledger migrate, with an operator's login, makes the tables"
	case errors.Is(err, os.ErrNotExist):
		return "a file is made where its folder is there"
	case code == sqlitelib.SQLITE_BUSY || code == sqlitelib.SQLITE_LOCKED:
		return "another process writes to it; is one stopped in the middle?"
	case code == sqlitelib.SQLITE_NOTADB:
		return "the file is something else; name another one"
	case code == sqlitelib.SQLITE_READONLY || code == sqlitelib.SQLITE_CANTOPEN || errors.Is(err, os.ErrPermission):
		return "may this user write the file and its folder?"
	case code == sqlitelib.SQLITE_FULL:
		return "the disk is full"
	default:
		return ""
	}
}

// Code is the SQLSTATE of an error of PostgreSQL, or "".
func Code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
