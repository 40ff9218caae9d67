package devserver

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

func open(t *testing.T, dir string) *database {
	t.Helper()
	db, err := openDatabase(dir, "default")
	require.NoError(t, err)
	return db
}

func tables(t *testing.T, db *database) []string {
	t.Helper()
	names, err := db.admin.ListTables("")
	require.NoError(t, err)
	slices.Sort(names)
	return names
}

func version(t *testing.T, db *database) string {
	t.Helper()
	v, err := db.admin.ReadSchemaVersion("temporal")
	require.NoError(t, err)
	return v
}

func TestDatabaseOpensAgain(t *testing.T) {
	dir := t.TempDir()
	first := tables(t, open(t, dir))
	require.Contains(t, first, "executions")
	require.Contains(t, first, "executions_visibility")
	require.Equal(t, first, tables(t, open(t, dir)))
}

func TestDatabaseOfOlderSchema(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	want := tables(t, db)
	// What 0.9 did not have yet.
	for _, table := range []string{"current_chasm_executions", "tasks_v2", "task_queues_v2"} {
		require.NoError(t, db.admin.DropTable(table))
	}
	require.NoError(t, db.admin.UpdateSchemaVersion("temporal", "0.9", "0.1"))

	db = open(t, dir)
	require.Equal(t, want, tables(t, db))
	require.Equal(t, sqliteschema.Version, version(t, db))
}

func TestDatabaseStaysAsItWasWhenMigrationFails(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	// The step to 0.10 succeeds, the one to 0.11 finds its table there.
	for _, table := range []string{"tasks_v2", "task_queues_v2"} {
		require.NoError(t, db.admin.DropTable(table))
	}
	require.NoError(t, db.admin.UpdateSchemaVersion("temporal", "0.9", "0.1"))
	before := tables(t, db)

	_, err := openDatabase(dir, "default")
	require.ErrorContains(t, err, filepath.Join(dir, databaseFile))
	require.ErrorContains(t, err, "bring schema temporal from 0.9 to "+sqliteschema.Version)
	require.Equal(t, before, tables(t, db))
	require.Equal(t, "0.9", version(t, db))
}

func TestDatabaseRefused(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string
	}{
		{
			name: "newer schema",
			prepare: func(t *testing.T, dir string) {
				require.NoError(t, open(t, dir).admin.UpdateSchemaVersion("temporal", "0.100", "0.1"))
			},
			want: "was written by a newer version of this program (schema temporal 0.100, this one knows",
		},
		{
			name: "newer visibility schema",
			prepare: func(t *testing.T, dir string) {
				require.NoError(t, open(t, dir).admin.UpdateSchemaVersion("visibility", "1.0", "0.1"))
			},
			want: "was written by a newer version of this program (schema visibility 1.0",
		},
		{
			name: "somebody else's database",
			prepare: func(t *testing.T, dir string) {
				require.NoError(t, open(t, dir).admin.DropTable("schema_version"))
			},
			want: "it is not one of ours",
		},
		{
			name: "not a database",
			prepare: func(t *testing.T, dir string) {
				text := make([]byte, 8192)
				copy(text, "all work and no play")
				require.NoError(t, os.WriteFile(filepath.Join(dir, databaseFile), text, 0o600))
			},
			want: "it may be damaged",
		},
		{
			name: "a folder",
			prepare: func(t *testing.T, dir string) {
				require.NoError(t, os.Mkdir(filepath.Join(dir, databaseFile), 0o700))
			},
			want: "is not a regular file",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			_, err := Start(t.Context(), Options{Dir: dir, Address: anyPort})
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "database "+filepath.Join(dir, databaseFile))
		})
	}
}

// The plugin still has the deleted file open, and must not be asked for it.
func TestDatabaseAfterTheFolderWasDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.Mkdir(dir, 0o700))
	db := open(t, dir)
	require.NoError(t, db.admin.Exec("CREATE TABLE old (id INT)"))
	require.Contains(t, tables(t, db), "old")
	require.NoError(t, db.checkpoint())

	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NotContains(t, tables(t, open(t, dir)), "old")
}

func TestCompareVersions(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"0.9", "0.11", -1},
		{"0.11", "0.11", 0},
		{"1.0", "0.11", 1},
		{"1", "1.0", -1},
	}
	for _, tt := range tests {
		got, err := compareVersions(tt.a, tt.b)
		require.NoError(t, err)
		require.Equal(t, tt.want, got, "%s and %s", tt.a, tt.b)
	}
	_, err := compareVersions("0.x", "0.1")
	require.EqualError(t, err, `"0.x" is not a version`)
}

// The server ships the migrations; that they lead to the version it wants is for it to keep true and
// for us to notice.
func TestMigrationsReachTheCurrentVersion(t *testing.T) {
	versions, err := versionsAfter("sqlite/v3/temporal/versioned", "0.1")
	require.NoError(t, err)
	require.Equal(t, sqliteschema.Version, versions[len(versions)-1])
	for _, v := range versions {
		statements, err := migration("sqlite/v3/temporal/versioned/v" + v)
		require.NoError(t, err)
		require.NotEmpty(t, statements, v)
	}
}
