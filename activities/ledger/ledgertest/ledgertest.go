// Package ledgertest gives tests ledgers of their own.
package ledgertest

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// Open returns an empty ledger in SQLite that is closed when the test ends.
func Open(t testing.TB, options ...ledger.Option) *ledger.Ledger {
	t.Helper()
	return OpenURL(t, SQLite(t), options...)
}

// OpenURL opens a ledger and closes it when the test ends.
func OpenURL(t testing.TB, url string, options ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), url, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// Each runs a test once with the url of a new ledger in SQLite, and once with one in PostgreSQL
// where the variable POSTGRES_URL says that there is one.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns the url of a ledger that is not there yet.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
}

// Postgres returns the url of an empty schema of its own, or skips the test.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("POSTGRES_URL")
	if server == "" {
		t.Skip("not tested on PostgreSQL: POSTGRES_URL is not set; like postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable")
	}
	address, err := url.Parse(server)
	require.NoError(t, err, "POSTGRES_URL")
	schema := "ledger_" + strings.ToLower(grant.NewID())
	db, err := sql.Open("pgx", server)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	require.NoError(t, err, "POSTGRES_URL")
	t.Cleanup(func() {
		_, err := db.Exec("DROP SCHEMA " + schema + " CASCADE") // the test's context is over
		require.NoError(t, err)
	})
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}
