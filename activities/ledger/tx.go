package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/database"
	"github.com/countersign/countersign/activities/digest"
)

// Do runs f in a transaction that may write, when its turn has come. If f fails nothing of it is on
// record, and its error is returned as it is. Do must not be called within f.
//
// An error of the commit itself, which wraps ErrUnsure, leaves open whether it is on record: look for
// the keys again. After any other nothing is.
func (l *Ledger) Do(ctx context.Context, f func(Tx) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	t, err := l.begin(ctx, l.write, true)
	if err != nil {
		return l.failed("write to", err)
	}
	defer t.tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back; before one, f's error says more
	if err := f(t); err != nil {
		return err
	}
	if err := t.tx.Commit(); err != nil {
		return l.failed("commit to", fmt.Errorf("%w: %w", ErrUnsure, errors.Join(err, context.Cause(ctx))))
	}
	l.commits.tell()
	return nil
}

// View runs f in a transaction that reads: it sees the ledger as it is when it begins.
func (l *Ledger) View(ctx context.Context, f func(Tx) error) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	t, err := l.begin(ctx, l.read, false)
	if err != nil {
		return l.failed("read", err)
	}
	defer t.tx.Rollback() //nolint:errcheck // it only reads
	return f(t)
}

// begin waits until others let it, or the context ends.
func (l *Ledger) begin(ctx context.Context, db *sql.DB, writes bool) (*tx, error) {
	for try := 1; ; try++ {
		t, err := l.enter(ctx, db, writes)
		if err == nil {
			return t, nil
		}
		if !l.base.busy(err) || !database.Pause(ctx, try) {
			if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
				err = errors.Join(cause, err)
			}
			return nil, err
		}
	}
}

func (l *Ledger) enter(ctx context.Context, db *sql.DB, writes bool) (*tx, error) {
	options := &sql.TxOptions{}
	if !writes && l.read == l.write {
		options = &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	began, err := db.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	t := &tx{ctx: ctx, ledger: l, tx: began, writes: writes}
	if err := l.base.enter(ctx, began, writes); err != nil {
		return nil, errors.Join(err, database.IgnoreDone(began.Rollback()))
	}
	var micros int64
	if err := began.QueryRowContext(ctx, l.base.head()).Scan(&micros, &t.seq, &t.last); err != nil {
		return nil, errors.Join(err, database.IgnoreDone(began.Rollback()))
	}
	t.now = time.UnixMicro(micros).UTC()
	if l.clock != nil {
		t.now = l.clock().UTC().Truncate(time.Microsecond)
	} else if micros == 0 {
		t.now = time.Now().UTC().Truncate(time.Microsecond)
	}
	if t.seq == 0 {
		t.last = origin
	}
	return t, nil
}

// tx is a transaction. The head of the chain is known to it: nobody else appends meanwhile.
type tx struct {
	ctx    context.Context // it lives within one call of Do
	ledger *Ledger
	tx     *sql.Tx
	writes bool
	now    time.Time
	seq    int64
	last   digest.Digest
	// unchecked reads records also if they were changed, to show them.
	unchecked bool
}

// Now implements Tx.
func (t *tx) Now() time.Time { return t.now }

// Head implements Tx.
func (t *tx) Head() int64 { return t.seq }

// Append implements Tx.
func (t *tx) Append(e Entry) (Record, error) {
	if !t.writes {
		return Record{}, t.failed("write to", errors.New("a View only reads"))
	}
	r, err := unsealed(e)
	if err != nil {
		return Record{}, t.failed("write to", err)
	}
	if r.Key != "" {
		first, found, err := t.Find(r.Key)
		if err != nil {
			return Record{}, err
		}
		if found {
			return first, fmt.Errorf("record %d of the ledger %s is %s: %w", first.Seq, t.ledger.name, r.Key, ErrTaken)
		}
	}
	r.Seq, r.At, r.Prev = t.seq+1, t.now, t.last
	if r.Hash, err = r.Sum(); err != nil {
		return Record{}, t.failed("write to", err)
	}
	_, err = t.tx.ExecContext(t.ctx, `INSERT INTO records (seq, at, kind, run, key, topic, body, prev, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.Seq, r.At.UnixMicro(), string(r.Kind), r.Run, r.Key, r.Topic, string(r.Body), string(r.Prev), string(r.Hash))
	if err != nil {
		return Record{}, t.failed("write to", err)
	}
	t.seq, t.last = r.Seq, r.Hash
	return r, nil
}

func (t *tx) failed(what string, err error) error { return t.ledger.failed(what, err) }
