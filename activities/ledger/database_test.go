package ledger_test

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

// raw is the database below a ledger, for those who go around it.
func raw(t *testing.T, address string) *sql.DB {
	t.Helper()
	driver, source := "pgx", address
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, source = "sqlite", file
	}
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestTheDatabaseRefusesChanges(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		add(t, l, ledger.Entry{Kind: ledger.Vote, Key: "one", Body: 1})
		second := add(t, l, ledger.Entry{Kind: ledger.Vote, Key: "two", Body: 2})
		before := all(t, l)
		db := raw(t, url)

		insert := "INTO records (seq, at, kind, run, key, topic, body, prev, hash) VALUES "
		statements := map[string]string{
			"update":             "UPDATE records SET body = '3'",
			"delete":             "DELETE FROM records WHERE seq = 1",
			"a gap":              "INSERT " + insert + "(9, 0, 'vote', '', '', '', '1', '" + string(second.Hash) + "', 'h')",
			"a fork":             "INSERT " + insert + "(3, 0, 'vote', '', '', '', '1', '" + string(second.Prev) + "', 'h')",
			"a number below one": "INSERT " + insert + "(-1, 0, 'vote', '', '', '', '1', '" + string(second.Hash) + "', 'h')",
			"a key again":        "INSERT " + insert + "(3, 0, 'vote', '', 'one', '', '1', '" + string(second.Hash) + "', 'h')",
		}
		if strings.HasPrefix(url, "sqlite:") {
			statements["a replacement"] = "INSERT OR REPLACE " + insert + "(2, 0, 'vote', '', '', '', '1', '" + string(second.Prev) + "', 'h')"
			statements["a replacement by key"] = "INSERT OR REPLACE " + insert + "(3, 0, 'vote', '', 'one', '', '1', '" + string(second.Hash) + "', 'h')"
			statements["a replacement by hash"] = "INSERT OR REPLACE " + insert + "(3, 0, 'vote', '', '', '', '1', '" + string(second.Hash) + "', '" + string(second.Hash) + "')"
		} else {
			statements["truncate"] = "TRUNCATE records"
			statements["upsert"] = "INSERT " + insert + "(2, 0, 'vote', '', '', '', '1', '" + string(second.Prev) + "', 'h') ON CONFLICT (seq) DO UPDATE SET body = '3'"
			statements["update as a replica"] = "SET session_replication_role = replica; UPDATE records SET body = '3'"
		}
		for name, statement := range statements {
			_, err := db.ExecContext(t.Context(), statement)
			require.Error(t, err, name)
		}
		require.Equal(t, before, all(t, l))
	})
}

// What was changed below the ledger is not believed when it is read.
func TestAChangedRecordIsNotBelieved(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		add(t, l, ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{Halted: true}})
		db := raw(t, url)
		drop := "DROP TRIGGER records_update"
		if !strings.HasPrefix(url, "sqlite:") {
			drop += " ON records"
		}
		for _, statement := range []string{drop, `UPDATE records SET body = '{"by":"","halted":false}'`} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		err := l.View(t.Context(), func(tx ledger.Tx) error {
			_, _, err := tx.Last(ledger.Switch)
			return err
		})
		require.ErrorContains(t, err, "record 1 does not have the hash that was written with it")
	})
}

// In production the login of the programs owns nothing: it may append and read.
func TestALoginThatOwnsNothing(t *testing.T) {
	owner := ledgertest.Postgres(t)
	login := "ledger_test_" + grant.NewID()
	address, err := url.Parse(owner)
	require.NoError(t, err)
	db := raw(t, owner)
	exec := func(statement string) error {
		_, err := db.Exec(statement) // also when the test's context is over
		return err
	}
	require.NoError(t, exec("CREATE ROLE "+login+" LOGIN"))
	t.Cleanup(func() { require.NoError(t, exec("DROP OWNED BY "+login+"; DROP ROLE "+login)) })
	address.User = url.User(login)

	_, err = ledger.Open(t.Context(), address.String())
	require.ErrorContains(t, err, "starter ledger migrate", "no table yet, and this login may not make it")

	ledgertest.OpenURL(t, owner)
	_, err = ledger.Open(t.Context(), address.String())
	require.ErrorContains(t, err, "starter ledger migrate", "it is no member yet")

	require.NoError(t, exec("GRANT countersign_app TO "+login))
	l := ledgertest.OpenURL(t, address.String())
	add(t, l, ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}})
	require.Len(t, all(t, l), 1)

	app := raw(t, address.String())
	for _, statement := range []string{
		"UPDATE records SET body = '1'", "DELETE FROM records", "TRUNCATE records", "DROP TRIGGER records_update ON records",
		"ALTER TABLE records DISABLE TRIGGER ALL", "DROP TABLE records", "UPDATE ledger_migrations SET version_id = 9",
	} {
		_, err := app.ExecContext(t.Context(), statement)
		require.Error(t, err, statement)
	}
	require.NoError(t, exec("REVOKE countersign_app FROM "+login+"; GRANT countersign_auditor TO "+login))
	_, err = app.ExecContext(t.Context(), "SELECT * FROM records")
	require.NoError(t, err)
	_, err = app.ExecContext(t.Context(), "INSERT INTO records SELECT * FROM records")
	require.ErrorContains(t, err, "permission denied")
}

// A login that owns the table works as the programs' role nevertheless.
func TestTheOwnerWorksAsTheApp(t *testing.T) {
	owner := ledgertest.Postgres(t)
	l := ledgertest.OpenURL(t, owner)
	_, err := raw(t, owner).ExecContext(t.Context(), "REVOKE INSERT ON records FROM countersign_app")
	require.NoError(t, err)
	err = l.Do(t.Context(), func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Body: 1})
		return err
	})
	require.ErrorContains(t, err, "permission denied for table records")
}

func TestOpenSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(other, []byte(strings.Repeat("not a database\n", 100)), 0o600))
	for name, tc := range map[string]struct{ url, want, never string }{
		"nothing":        {"", "no url was given; want postgres://HOST/DATABASE or the path of a file", ""},
		"no file":        {"sqlite:", "names no file", ""},
		"another one":    {"mysql://u:hunter2@db/x", "no ledger is kept at mysql://...", "hunter2"},
		"no folder":      {filepath.Join(dir, "no", "ledger.db"), "a file is made where its folder is there", ""},
		"no database":    {other, "the file is something else", ""},
		"nobody listens": {"postgres://u:hunter2@127.0.0.1:1/x?sslmode=disable", "the ledger postgres://127.0.0.1:1/x: ", "hunter2"},
		"a bad url":      {"postgres://u:hunter2@127.0.0.1:port/x", "its url is not one", "hunter2"},
		"a bad option":   {"postgres://u:hunter2@127.0.0.1/x?sslmode=perhaps", "its url has a mistake", "hunter2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.Open(t.Context(), tc.url)
			require.ErrorContains(t, err, tc.want)
			if tc.never != "" {
				require.NotContains(t, err.Error(), tc.never)
			}
		})
	}
}

func TestAnExistingLedger(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		_, err := ledger.Open(t.Context(), url, ledger.Existing())
		require.ErrorContains(t, err, "open the ledger")
		if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
			require.NoFileExists(t, file, "none is made")
			require.NoError(t, os.WriteFile(file, nil, 0o600))
			_, err = ledger.Open(t.Context(), url, ledger.Existing())
		}
		require.ErrorContains(t, err, "there is none")
		add(t, ledgertest.OpenURL(t, url), ledger.Entry{Kind: ledger.Switch, Body: 1})
		require.Len(t, all(t, ledgertest.OpenURL(t, url, ledger.Existing())), 1)
	})
}

func TestANewerLedgerIsLeftAlone(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		ledgertest.OpenURL(t, url)
		_, err := raw(t, url).ExecContext(t.Context(), "INSERT INTO ledger_migrations (version_id, is_applied) VALUES (99, true)")
		require.NoError(t, err)
		_, err = ledger.Open(t.Context(), url)
		require.ErrorContains(t, err, "its table is of version 99, and this program knows version 1: use a newer program")
	})
}

func TestTheFileIsPrivate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "with space & ?#%.db")
	l := ledgertest.OpenURL(t, file)
	add(t, l, ledger.Entry{Kind: ledger.Switch, Body: 1})
	for _, name := range []string{file, file + "-wal"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}
