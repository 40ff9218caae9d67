package devserver

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	databaseFile = "temporal.db"
	// retention is how long closed runs are kept. The schema package's default of a day
	// would lose Friday's run by Monday.
	retention = 7 * 24 * time.Hour
)

// database is the store behind the server: the file in the folder, or memory.
//
// The journal is a write-ahead log without a disk sync at each commit ("synchronous=normal").
// That keeps all commits when the process dies and keeps the file whole when the machine does,
// which may then have lost the last commits: a fair price for steps that do not wait for a disk.
//
// The server's plugin keeps one connection a database open until the process ends, also after
// the server has stopped. So there is no closing here, only a checkpoint. There is one connection
// because SQLite has one writer, and two would fail each other's transactions as busy.
type database struct {
	config databaseConfig
	admin  sqlplugin.AdminDB
	path   string // "" in memory
}

// databaseConfig makes the plugin's configuration. The plugin finds its connection by comparing
// these values, so everyone has to ask with the same.
type databaseConfig struct {
	name       string
	attributes map[string]string
}

func (c databaseConfig) sql() *config.SQL {
	return &config.SQL{
		PluginName:        sqliteplugin.PluginName,
		DatabaseName:      c.name,
		ConnectAttributes: maps.Clone(c.attributes),
	}
}

// openDatabase opens the database in dir, or one in memory if dir is empty, with the current
// schema and with the namespace in it. The caller holds the lock on dir.
//
// The namespace is written here and not registered with the running server because each of the
// services reads the namespaces when it starts and then only every other second.
func openDatabase(dir, namespace string) (*database, error) {
	db := &database{}
	if dir == "" {
		db.config = memoryConfig()
	} else {
		db.path = filepath.Join(dir, databaseFile)
		var err error
		if db.config, err = fileConfig(db.path); err != nil {
			return nil, err
		}
	}
	if err := db.prepare(namespace); err != nil {
		if db.path == "" {
			return nil, fmt.Errorf("database in memory: %w", err)
		}
		return nil, fmt.Errorf("database %s: %w", db.path, err)
	}
	return db, nil
}

func (db *database) prepare(namespace string) error {
	var err error
	db.admin, err = sql.NewSQLAdminDB(sqlplugin.DbKindMain, db.config.sql(),
		resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("cannot be opened, it may be damaged (move it away to start afresh): %w", err)
	}
	if db.path != "" { // in memory, the plugin makes the schema itself
		if err := updateSchema(db.admin); err != nil {
			return err
		}
	}
	ns, err := sqliteschema.NewNamespaceConfig(clusterName, namespace, false, nil)
	if err != nil {
		return fmt.Errorf("namespace %q: %w", namespace, err)
	}
	ns.Detail.Config.Retention = durationpb.New(retention)
	return sqliteschema.CreateNamespaces(db.config.sql(), ns)
}

// removeDatabase deletes the file and its journal, if they are there.
func removeDatabase(dir string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		path := filepath.Join(dir, databaseFile+suffix)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("start afresh: %w", err)
		}
	}
	return nil
}

// checkpoint moves the write-ahead log into the database file, so that the file alone is a
// complete copy.
func (db *database) checkpoint() error {
	if db.path == "" {
		return nil
	}
	if err := db.admin.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return fmt.Errorf("database %s: write back the log: %w", db.path, err)
	}
	return db.admin.Close()
}

func memoryConfig() databaseConfig {
	return databaseConfig{
		name: "countersign-" + strconv.FormatUint(rand.Uint64(), 16),
		attributes: map[string]string{
			"mode": "memory",
			// All of the plugin's connections to the name mean the same database.
			"cache": "shared",
		},
	}
}

// fileConfig makes sure that the file exists and only its owner can read it: histories hold
// everything that a run was told.
func fileConfig(path string) (databaseConfig, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	} else if errors.Is(err, os.ErrExist) {
		err = nil
	}
	if err != nil {
		return databaseConfig{}, fmt.Errorf("create the database: %w", err)
	}
	// Not opened to look at it: closing a file drops all locks that SQLite, in this
	// process, has on it.
	info, err := os.Stat(path)
	if err != nil {
		return databaseConfig{}, fmt.Errorf("look at the database: %w", err)
	}
	if !info.Mode().IsRegular() {
		return databaseConfig{}, fmt.Errorf("database %s is not a regular file: move it away, %s", path, elsewhere)
	}
	return databaseConfig{
		// The plugin puts the name into a URI as it is.
		name: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(),
		attributes: map[string]string{
			"mode":         "rw",
			"journal_mode": "wal",
			"synchronous":  "normal",
			// Milliseconds to wait for somebody who looks into the file with a tool.
			"busy_timeout": "10000",
			// Means nothing to SQLite, which ignores unknown settings. It makes the plugin
			// open a new connection if the folder was deleted and made again since this
			// process last used it; the old connection still has the deleted file.
			"countersign_file": strconv.Itoa(fileNumber(info)),
		},
	}, nil
}

var seenFiles struct {
	sync.Mutex
	infos []os.FileInfo
}

// fileNumber numbers the database files that this process has used. It tells a file from a later
// one of the same name: the plugin keeps the old one open, so its identity is not reused.
func fileNumber(info os.FileInfo) int {
	seenFiles.Lock()
	defer seenFiles.Unlock()
	known := func(other os.FileInfo) bool { return os.SameFile(info, other) }
	if i := slices.IndexFunc(seenFiles.infos, known); i >= 0 {
		return i
	}
	seenFiles.infos = append(seenFiles.infos, info)
	return len(seenFiles.infos) - 1
}
