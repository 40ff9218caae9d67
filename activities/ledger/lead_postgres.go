package ledger

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
)

// sessionLock is an advisory lock of a connection of its own: PostgreSQL releases it when that ends.
type sessionLock struct {
	conn *pgx.Conn
	key  int64
	pid  int64 // of the server's side of the session
}

// lock implements base.
func (b *postgresBase) lock(ctx context.Context, name string) (_ lock, err error) {
	conn, err := pgx.ConnectConfig(ctx, b.config.Copy())
	if err != nil {
		return nil, err
	}
	l := &sessionLock{conn: conn}
	got := false
	defer func() {
		if !got {
			l.release()
		}
	}()
	var table int64
	// The table names the ledger: there may be several in one database.
	err = conn.QueryRow(ctx, "SELECT 'records'::regclass::oid::bigint, pg_backend_pid(), set_config('role', $1, false)", b.role.Load()).
		Scan(&table, &l.pid, new(string))
	if err != nil {
		return nil, err
	}
	sum := fnv.New64a()
	fmt.Fprintf(sum, "countersign lead %d %s", table, name)
	l.key = int64(sum.Sum64()) //nolint:gosec // any number will do
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", l.key).Scan(&got); err != nil || !got {
		return nil, err
	}
	return l, nil
}

// held looks for the lock in the session in which it was taken.
func (l *sessionLock) held(ctx context.Context) error {
	var same, there bool
	err := l.conn.QueryRow(ctx, `SELECT pg_backend_pid() = $1, EXISTS (SELECT FROM pg_locks
		WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted AND objsubid = 1
		AND (classid::bigint << 32) | objid::bigint = $2)`, l.pid, l.key).Scan(&same, &there)
	switch {
	case err != nil:
		return err
	case !same:
		return errors.New("the session is another: a pooler stands before PostgreSQL that hands out connections for one transaction each; give the url of one that does not")
	case !there:
		return errors.New("the lock is gone")
	default:
		return nil
	}
}

func (l *sessionLock) release() {
	ctx, cancel := context.WithTimeout(context.Background(), leadPatience)
	defer cancel()
	_ = l.conn.Close(ctx) // whatever it says: the lock ends with the session
}
