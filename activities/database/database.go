// Package database opens the databases in which programs keep what must last: PostgreSQL in
// production, a file of SQLite on one machine. It knows no table; whoever opens one brings migrations.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver
)

// AppRole is what the programs work as in PostgreSQL, and AuditorRole who may only read.
const (
	AppRole     = "countersign_app"
	AuditorRole = "countersign_auditor"
)

// maxConns bounds the connections of one process: most of its work is one short transaction.
const maxConns = 8

// DB is a database that was named by a url.
type DB struct {
	// Name says which it is, without the password of its url.
	Name string
	// Write and Read are two handles with SQLite, else one.
	Write, Read *sql.DB
	// File is the file of SQLite; "" is PostgreSQL.
	File string
	// Role is that of each transaction of PostgreSQL; "none" is the login itself.
	Role string
}

// Dial tells the databases of a url apart: "postgres://...", "sqlite:FILE" or the path of a file. It
// connects to nothing yet. What is what is kept there, for errors: "the ledger".
func Dial(what, address string) (*DB, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case address == "":
		return nil, fmt.Errorf("open %s: no url was given; want postgres://HOST/DATABASE or the path of a file", what)
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return dialPostgres(what, address)
	case found && scheme == "sqlite":
		return dialSQLite(what, strings.TrimPrefix(rest, "//"))
	case strings.Contains(address, "://"):
		return nil, fmt.Errorf("open %s: nothing is kept at %s://...; want postgres://HOST/DATABASE or the path of a file", what, scheme)
	default:
		return dialSQLite(what, address)
	}
}

// Beside is the url of a database of its own beside another: the same where it is PostgreSQL, which
// has room for both, and a file next to that of SQLite.
func Beside(address, suffix string) string {
	scheme, rest, found := strings.Cut(address, ":")
	if address == "" || strings.Contains(address, "://") && scheme != "sqlite" {
		return address
	}
	file := address
	if found && scheme == "sqlite" {
		file = strings.TrimPrefix(rest, "//")
	}
	if file == "" {
		return address
	}
	ext := filepath.Ext(file)
	return "sqlite:" + strings.TrimSuffix(file, ext) + "-" + suffix + ext
}

// Close gives the connections back.
func (d *DB) Close() error {
	err := d.Write.Close()
	if d.Read != d.Write {
		err = errors.Join(err, d.Read.Close())
	}
	return err
}

// SQLite tells which of the two it is.
func (d *DB) SQLite() bool { return d.File != "" }

func dialPostgres(what, address string) (*DB, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("open %s: its url is not one; want postgres://LOGIN@HOST:PORT/DATABASE", what) // err would repeat a password
	}
	name := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, fmt.Errorf("open %s %s: its url has a mistake; see the manual of PostgreSQL, section Connection URIs: %w", what, name, err)
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "countersign"
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	return &DB{Name: name, Write: db, Read: db, Role: "none"}, nil
}

// dialSQLite opens a file twice: once to write, over one connection, so that the writers of this
// process queue up in memory; and to read, which in WAL mode waits for no writer.
func dialSQLite(what, file string) (*DB, error) {
	if file == "" {
		return nil, fmt.Errorf("open %s: sqlite: names no file", what)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("open %s %s: %w", what, file, err)
	}
	open := func(lock string, pragmas ...string) (*sql.DB, error) {
		pragmas = append(pragmas, "busy_timeout(5000)", "synchronous(NORMAL)", "trusted_schema(OFF)", "foreign_keys(ON)")
		query := url.Values{"_txlock": {lock}, "_pragma": pragmas}
		db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String())
		if err != nil {
			return nil, fmt.Errorf("open %s %s: %w", what, file, err)
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
	return &DB{Name: file, Write: write, Read: read, File: path}, nil
}

// Begin begins a transaction: one that writes, or one that sees the database as it is now.
func (d *DB) Begin(ctx context.Context, writes bool) (*sql.Tx, error) {
	db, options := d.Write, &sql.TxOptions{}
	if !writes {
		db = d.Read
		if !d.SQLite() {
			options = &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
		}
	}
	tx, err := db.BeginTx(ctx, options)
	if err != nil || d.SQLite() {
		return tx, err
	}
	// For one transaction, so that it works through a pooler too.
	if _, err := tx.ExecContext(ctx, "SELECT set_config('role', $1, true)", d.Role); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}
