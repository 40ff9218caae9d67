package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

const columns = "SELECT seq, at, kind, run, key, topic, body, prev, hash FROM records "

// page is how many records List returns when it is not told.
const page = 1000

// Find implements Tx.
func (t *tx) Find(key string) (Record, bool, error) {
	if key == "" {
		return Record{}, false, t.failed("read", errors.New("no key was given"))
	}
	return t.one(columns+"WHERE key = $1 AND key <> ''", key)
}

// Last implements Tx.
func (t *tx) Last(kind Kind) (Record, bool, error) {
	return t.one(columns+"WHERE kind = $1 ORDER BY seq DESC LIMIT 1", string(kind))
}

// List implements Tx.
func (t *tx) List(f Filter) ([]Record, error) {
	var where []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if len(f.Kinds) > 0 {
		kinds := make([]string, len(f.Kinds))
		for i, k := range f.Kinds {
			kinds[i] = arg(string(k))
		}
		where = append(where, "kind IN ("+strings.Join(kinds, ", ")+")")
	}
	switch {
	case f.Run != "" && f.Tree: // "0" comes after "/", and nothing between
		where = append(where, "(run = "+arg(f.Run)+" OR run >= "+arg(f.Run+"/")+" AND run < "+arg(f.Run+"0")+")")
	case f.Run != "":
		where = append(where, "run = "+arg(f.Run))
	}
	if f.Topic != "" {
		where = append(where, "topic = "+arg(f.Topic))
	}
	where = append(where, "seq > "+arg(f.After))
	limit := f.Limit
	if limit <= 0 {
		limit = page
	}
	return t.all(columns+"WHERE "+strings.Join(where, " AND ")+" ORDER BY seq LIMIT "+arg(limit), args...)
}

// Count implements Tx.
func (t *tx) Count(kind Kind, since time.Time) (map[string]int, error) {
	// Records know microseconds: a part of one is cut off here as it was there.
	rows, err := t.tx.QueryContext(t.ctx, "SELECT topic, count(*) FROM records WHERE kind = $1 AND at >= $2 GROUP BY topic",
		string(kind), since.UnixMicro())
	if err != nil {
		return nil, t.failed("read", err)
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var topic string
		var n int
		if err := rows.Scan(&topic, &n); err != nil {
			return nil, t.failed("read", err)
		}
		counts[topic] = n
	}
	if err := rows.Err(); err != nil {
		return nil, t.failed("read", err)
	}
	return counts, nil
}

func (t *tx) one(query string, args ...any) (Record, bool, error) {
	records, err := t.all(query, args...)
	if err != nil || len(records) == 0 {
		return Record{}, false, err
	}
	return records[0], true, nil
}

// all reads records, and believes none that was changed: what the guard reads here decides whether
// an effect is made.
func (t *tx) all(query string, args ...any) ([]Record, error) {
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, t.failed("read", err)
	}
	defer rows.Close()
	var records []Record
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, t.failed("read", err)
		}
		if sum, err := r.Sum(); !t.unchecked && (err != nil || sum != r.Hash) {
			return nil, t.failed("read", fmt.Errorf("record %d does not have the hash that was written with it: it was changed; see what else was: starter ledger verify", r.Seq))
		}
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return nil, t.failed("read", err)
	}
	return records, nil
}

func scan(rows *sql.Rows) (Record, error) {
	var r Record
	var micros int64
	var body, prev, hash string
	if err := rows.Scan(&r.Seq, &micros, &r.Kind, &r.Run, &r.Key, &r.Topic, &body, &prev, &hash); err != nil {
		return Record{}, err
	}
	r.At, r.Body = time.UnixMicro(micros).UTC(), []byte(body)
	r.Prev, r.Hash = digest.Digest(prev), digest.Digest(hash)
	return r, nil
}
