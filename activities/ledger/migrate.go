package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations
var migrations embed.FS

// versions is the table of the migrations that were made. Other programs in the same database may
// keep one under the usual name.
const versions = "ledger_migrations"

func migrator(db *sql.DB, dialect database.Dialect, folder string) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	store, err := database.NewStore(dialect, versions)
	if err != nil {
		return nil, fmt.Errorf("keep the versions of the table: %w", err)
	}
	p, err := goose.NewProvider("", db, files, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}

// current reports whether the table is as this program wants it. A ledger of a newer program is
// not written to: what its records must look like is not known here.
func current(ctx context.Context, db *sql.DB, p *goose.Provider) (bool, error) {
	sources := p.ListSources()
	want := sources[len(sources)-1].Version
	var is sql.NullInt64
	// The table may not be there yet. An error of another sort comes up again in the migration.
	if err := db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+versions).Scan(&is); err != nil {
		return false, ctx.Err()
	}
	if is.Int64 > want {
		return false, fmt.Errorf("its table is of version %d, and this program knows version %d: use a newer program", is.Int64, want)
	}
	return is.Int64 == want, nil
}

// up makes the migrations that are missing.
func up(ctx context.Context, p *goose.Provider) error {
	if _, err := p.Up(ctx); err != nil {
		var partial *goose.PartialError
		if errors.As(err, &partial) {
			err = partial.Err
		}
		return fmt.Errorf("bring its table up to date: %w", err)
	}
	return nil
}
