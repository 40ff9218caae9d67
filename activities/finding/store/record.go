package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/finding"
)

// Bounds on what is kept of one result, in bytes.
const (
	maxResource = 1500 // an index of PostgreSQL takes no more than 2700 of a row
	maxValues   = 20   // values of evidence
	maxName     = 100
	maxValue    = 500
	batch       = 100 // rows of one statement
)

var errPart = errors.New("a part names its audit and its account")

// Record implements [finding.Recorder]. Two that record one part at once follow one another.
func (s *Store) Record(ctx context.Context, part finding.Part) error {
	if part.Audit == "" || part.Account == "" {
		return fmt.Errorf("record what was found in account %q, region %q: %w", part.Account, part.Region, errPart)
	}
	rows, err := rowsOf(part)
	if err != nil {
		return fmt.Errorf("record what was found in account %s, region %q: %w", part.Account, part.Region, err)
	}
	return s.do(ctx, "write to", func(ctx context.Context, tx *sql.Tx) error {
		exec := func(query string, args ...any) error {
			_, err := tx.ExecContext(ctx, query, args...)
			if err != nil {
				return s.failed("write to", err)
			}
			return nil
		}
		now := s.now().UnixMicro()
		if err := exec(`INSERT INTO finding_audits (audit, playbook, began) VALUES ($1, $2, $3) ON CONFLICT (audit) DO NOTHING`,
			part.Audit, part.Playbook, now); err != nil {
			return err
		}
		var id int64
		if err := tx.QueryRowContext(ctx, "SELECT id FROM finding_audits WHERE audit = $1", part.Audit).Scan(&id); err != nil {
			return s.failed("write to", err)
		}
		// The row of the part is also its lock.
		err := exec(`INSERT INTO finding_parts (audit_id, account, place, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (audit_id, account, place) DO UPDATE SET at = excluded.at`, id, part.Account, part.Region, now)
		for _, table := range []string{"finding_looked", "finding_results"} {
			if err == nil {
				err = exec("DELETE FROM "+table+" WHERE audit_id = $1 AND account = $2 AND place = $3", id, part.Account, part.Region)
			}
		}
		if err != nil {
			return err
		}
		looked := slices.Compact(slices.Sorted(slices.Values(part.Controls)))
		controls := make([][]any, len(looked))
		for i, c := range looked {
			controls[i] = []any{id, part.Account, part.Region, c}
		}
		if err := insert("finding_looked (audit_id, account, place, control)", controls, exec); err != nil {
			return err
		}
		for _, row := range rows {
			row[0] = id
		}
		return insert("finding_results (audit_id, account, place, control, resource, region, status, evidence, at)", rows, exec)
	})
}

// insert writes many rows, a batch a statement.
func insert(into string, rows [][]any, exec func(string, ...any) error) error {
	for chunk := range slices.Chunk(rows, batch) {
		var values strings.Builder
		var args []any
		for i, row := range chunk {
			if i > 0 {
				values.WriteByte(',')
			}
			for j := range row {
				values.WriteString(map[bool]string{true: "($", false: ",$"}[j == 0])
				fmt.Fprint(&values, len(args)+j+1)
			}
			values.WriteByte(')')
			args = append(args, row...)
		}
		if err := exec("INSERT INTO "+into+" VALUES "+values.String(), args...); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf are the rows of a part's results, the first field of each left out. Of two results of one
// resource under one control the worse stands.
func rowsOf(part finding.Part) ([][]any, error) {
	type name struct{ control, resource string }
	worst := map[name]finding.Result{}
	for _, r := range part.Results {
		if !slices.Contains(part.Controls, r.Control) {
			return nil, fmt.Errorf("it has a result of %q, which is none of the controls that were looked at", r.Control)
		}
		if !slices.Contains(order, r.Status) {
			return nil, fmt.Errorf("a result of %s says %q; want PASS, FAIL, ERROR or NOT_APPLICABLE", r.Control, r.Status)
		}
		n := name{r.Control, resource(r.Resource)}
		if was, ok := worst[n]; !ok || slices.Index(order, r.Status) < slices.Index(order, was.Status) {
			worst[n] = r
		}
	}
	names := slices.SortedFunc(maps.Keys(worst), func(a, b name) int {
		return strings.Compare(a.control+"\x00"+a.resource, b.control+"\x00"+b.resource)
	})
	rows := make([][]any, len(names))
	for i, n := range names {
		r := worst[n]
		seen, err := evidence(r.Evidence)
		if err != nil {
			return nil, err
		}
		rows[i] = []any{nil, part.Account, part.Region, n.control, n.resource, storable(r.Region, maxName), string(r.Status), seen, micros(r.At)}
	}
	return rows, nil
}

// order is from what is worst to what says least.
var order = []finding.Status{finding.Fail, finding.Error, finding.Pass, finding.NotApplicable}

// resource is a name that can be kept; one that is longer than any of AWS keeps its digest.
func resource(s string) string {
	if len(s) <= maxResource {
		return storable(s, maxResource)
	}
	d, err := digest.Of(s)
	if err != nil {
		return storable(s, maxResource)
	}
	return storable(s, maxResource) + "…" + string(d)
}

func evidence(of map[string]string) (string, error) {
	kept := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if len(kept) == maxValues {
			kept["…"] = fmt.Sprintf("and %d more", len(of)-maxValues)
			break
		}
		value := storable(of[name], maxValue)
		if len(of[name]) > maxValue {
			value += "…"
		}
		kept[storable(name, maxName)] = value
	}
	raw, err := json.Marshal(kept)
	return string(raw), err
}

// storable is text that a database takes: no zero bytes, whole characters.
func storable(s string, most int) string {
	s = strings.ToValidUTF8(s[:min(len(s), most)], "")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
