package devserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/schema"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

// A SQLite database has two schemas, each with a version. The server does not note them in the
// file and does not check them; we do both, in the tables its schema tools use elsewhere.
type schemaPart struct {
	name    string // in the table schema_version, and in the server's folder of schemas
	current string
}

var schemaParts = []schemaPart{
	{name: "temporal", current: sqliteschema.Version},
	{name: "visibility", current: sqliteschema.VisibilityVersion},
}

// updateSchema makes the schema in an empty database and brings an older one up to date. It
// happens in one transaction, so a process that dies meanwhile leaves the file as it was. Begin
// and commit can be plain statements because there is a single connection.
func updateSchema(db sqlplugin.AdminDB) (err error) {
	tables, err := db.ListTables("")
	if err != nil {
		return fmt.Errorf("cannot be read, it may be damaged (move it away to start afresh): %w", err)
	}
	if len(tables) > 0 && !slices.Contains(tables, "schema_version") {
		return errors.New("holds tables but no schema version, so it is not one of ours (move it away to start afresh)")
	}
	if err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin to set up the schema: %w", err)
	}
	defer func() {
		if err != nil {
			_ = db.Exec("ROLLBACK") // fails where SQLite did it itself, as on a full disk
		}
	}()
	if len(tables) == 0 {
		err = createSchema(db)
	} else {
		err = migrateSchema(db)
	}
	if err != nil {
		return err
	}
	if err := db.Exec("COMMIT"); err != nil {
		return fmt.Errorf("commit the schema: %w", err)
	}
	return nil
}

func createSchema(db sqlplugin.AdminDB) error {
	if err := sqliteschema.SetupSchemaOnDB(db); err != nil {
		return fmt.Errorf("set up the schema: %w", err)
	}
	if err := db.CreateSchemaVersionTables(); err != nil {
		return fmt.Errorf("set up the schema's version: %w", err)
	}
	for _, part := range schemaParts {
		if err := db.UpdateSchemaVersion(part.name, part.current, part.current); err != nil {
			return fmt.Errorf("note the version of schema %s: %w", part.name, err)
		}
	}
	return nil
}

func migrateSchema(db sqlplugin.AdminDB) error {
	for _, part := range schemaParts {
		have, err := db.ReadSchemaVersion(part.name)
		if err != nil {
			return fmt.Errorf("read the version of schema %s: %w", part.name, err)
		}
		order, err := compareVersions(have, part.current)
		switch {
		case err != nil:
			return fmt.Errorf("version of schema %s: %w", part.name, err)
		case order > 0:
			return fmt.Errorf("was written by a newer version of this program (schema %s %s, this one knows %s): use that version, or move the file away to start afresh",
				part.name, have, part.current)
		case order < 0:
			if err := migratePart(db, part, have); err != nil {
				return fmt.Errorf("bring schema %s from %s to %s: %w", part.name, have, part.current, err)
			}
		}
	}
	return nil
}

// migratePart applies what the server brings along for each version after the one we have.
func migratePart(db sqlplugin.AdminDB, part schemaPart, have string) error {
	dir := path.Join("sqlite/v3", part.name, "versioned")
	steps, err := versionsAfter(dir, have)
	if err != nil {
		return err
	}
	for _, version := range steps {
		statements, err := migration(path.Join(dir, "v"+version))
		if err != nil {
			return err
		}
		for _, statement := range statements {
			if err := db.Exec(statement); err != nil {
				return fmt.Errorf("version %s: statement %q: %w", version, statement, err)
			}
		}
	}
	if len(steps) == 0 || steps[len(steps)-1] != part.current {
		return fmt.Errorf("the server brings no migration to %s along (found %v)", part.current, steps)
	}
	return db.UpdateSchemaVersion(part.name, part.current, part.current)
}

// versionsAfter lists the versions in dir that are newer than have, oldest first. The folders are
// named v0.2 and so on.
func versionsAfter(dir, have string) ([]string, error) {
	entries, err := fs.ReadDir(schema.Assets(), dir)
	if err != nil {
		return nil, err
	}
	var versions []string
	for _, entry := range entries {
		version := strings.TrimPrefix(entry.Name(), "v")
		order, err := compareVersions(version, have)
		if err != nil {
			return nil, err
		}
		if order > 0 {
			versions = append(versions, version)
		}
	}
	slices.SortFunc(versions, func(a, b string) int {
		order, _ := compareVersions(a, b) // both parsed above
		return order
	})
	return versions, nil
}

// migration reads the statements of one version.
func migration(dir string) ([]string, error) {
	text, err := fs.ReadFile(schema.Assets(), path.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	var manifest struct{ SchemaUpdateCqlFiles []string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", dir, err)
	}
	var files []io.Reader
	for _, name := range manifest.SchemaUpdateCqlFiles {
		text, err := fs.ReadFile(schema.Assets(), path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files = append(files, bytes.NewReader(text))
	}
	return persistence.LoadAndSplitQueryFromReaders(files)
}

// compareVersions compares dotted numbers: 0.9 is before 0.11.
func compareVersions(a, b string) (int, error) {
	x, err := parseVersion(a)
	if err != nil {
		return 0, err
	}
	y, err := parseVersion(b)
	if err != nil {
		return 0, err
	}
	return slices.Compare(x, y), nil
}

func parseVersion(v string) ([]int, error) {
	var numbers []int
	for _, field := range strings.Split(v, ".") {
		n, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("%q is not a version", v)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
