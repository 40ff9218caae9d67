package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	goosedb "github.com/pressly/goose/v3/database"

	"github.com/countersign/countersign/activities/database"
)

// maxConns bounds the connections of one process: most of its work is one short transaction.
const maxConns = 8

// appRole is what the programs work as: it may read and append.
const appRole = "countersign_app"

type postgresBase struct {
	// role is the role of each transaction; "none" is the login itself.
	role atomic.Value
	// config makes connections beside the pool.
	config *pgx.ConnConfig
}

func dialPostgres(address string) (*Ledger, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("open the ledger: its url is not one; want postgres://LOGIN@HOST:PORT/DATABASE") // err would repeat a password
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: its url has a mistake; see the manual of PostgreSQL, section Connection URIs: %w", named(u), err)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "countersign"
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	b := &postgresBase{config: config}
	b.role.Store("none")
	return &Ledger{name: named(u), write: db, read: db, base: b}, nil
}

// The locks last until their transaction ends. Writers share one for each table, whatever the
// search_path of each is; while the table is made there is one for the whole database.
const (
	lockWriters    = "pg_advisory_xact_lock(4850171579040137216 + 'records'::regclass::oid::bigint)"
	lockMigrations = "pg_advisory_xact_lock(4850171579040137216)"
)

func (b *postgresBase) migrate(ctx context.Context, db *sql.DB, existing bool) (err error) {
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	p, err := migrator(db, goosedb.DialectPostgres, "postgres")
	if err != nil {
		return err
	}
	done, err := current(ctx, db, p)
	switch {
	case done || err != nil:
		return err
	case existing:
		return errNone
	}
	// One after the other: the first makes the table, the others find it.
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.IgnoreDone(tx.Rollback())) }()
	if _, err := tx.ExecContext(ctx, "SELECT "+lockMigrations); err != nil {
		return err
	}
	if done, err := current(ctx, db, p); done || err != nil {
		return err
	}
	return up(ctx, p)
}

// settle takes the role of the programs where the login may take it, and the role may append.
func (b *postgresBase) settle(ctx context.Context, db *sql.DB) (err error) {
	var there bool
	err = db.QueryRowContext(ctx, `SELECT coalesce((SELECT
		has_table_privilege(oid, 'records', 'SELECT') AND has_table_privilege(oid, 'records', 'INSERT')
		AND has_schema_privilege(oid, current_schema(), 'USAGE')
		FROM pg_roles WHERE rolname = $1), false)`, appRole).Scan(&there)
	if err != nil || !there {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.IgnoreDone(tx.Rollback())) }()
	switch _, err := tx.ExecContext(ctx, "SET LOCAL ROLE "+appRole); {
	case err == nil:
		b.role.Store(appRole)
	case database.Code(err) != "42501": // insufficient_privilege
		return err
	}
	return nil
}

// enter sets what holds for one transaction, so that it works through a pooler too. A process that
// is stopped while it has its turn loses it after a while: the others go on without it.
func (b *postgresBase) enter(ctx context.Context, tx *sql.Tx, writes bool) error {
	query := "SELECT set_config('role', $1, true)"
	if writes {
		query += ", set_config('synchronous_commit', 'on', true), set_config('idle_in_transaction_session_timeout', '15s', true), " + lockWriters
	}
	_, err := tx.ExecContext(ctx, query, b.role.Load())
	return err
}

func (*postgresBase) head() string {
	return `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, coalesce(max(seq), 0),
		coalesce((SELECT hash FROM records ORDER BY seq DESC LIMIT 1), '') FROM records`
}

func (*postgresBase) busy(error) bool { return false }

func (b *postgresBase) hint(err error) string {
	var connect *pgconn.ConnectError
	switch {
	case errors.Is(err, errNone):
		return "does the url name the right one? starter ledger migrate makes it"
	case errors.As(err, &connect):
		return "is PostgreSQL running there, and may this login connect?"
	case database.Code(err) == "42501":
		return "this login may not; let an operator's login make the table (starter ledger migrate) and make this one a member of " + appRole
	case database.Code(err) == "42P01" || database.Code(err) == "3F000":
		return "does the schema of its search_path exist, and may this login use it? starter ledger migrate, with an operator's login, makes the table and says who may"
	case database.Code(err) == "25P03":
		return "the transaction stood still for too long"
	default:
		return ""
	}
}
