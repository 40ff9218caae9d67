package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/finding"
)

// maxAudits is how many audits Audits returns at most.
const maxAudits = 1000

// counted are the columns of an audit. Those of its results come from their index.
const counted = `SELECT a.id, a.audit, a.playbook, a.began,
	coalesce((SELECT max(at) FROM finding_parts p WHERE p.audit_id = a.id), a.began),
	(SELECT count(DISTINCT account) FROM finding_parts p WHERE p.audit_id = a.id),
	(SELECT count(*) FROM finding_parts p WHERE p.audit_id = a.id),
	(SELECT count(*) FROM finding_results r WHERE r.audit_id = a.id AND r.status = 'PASS'),
	(SELECT count(*) FROM finding_results r WHERE r.audit_id = a.id AND r.status = 'FAIL'),
	(SELECT count(*) FROM finding_results r WHERE r.audit_id = a.id AND r.status = 'ERROR'),
	(SELECT count(*) FROM finding_results r WHERE r.audit_id = a.id AND r.status = 'NOT_APPLICABLE')
	FROM finding_audits a `

// Audits lists audits, the newest first, of one playbook or of all.
func (s *Store) Audits(ctx context.Context, playbook string, limit int) ([]finding.Audit, error) {
	if limit <= 0 || limit > maxAudits {
		limit = maxAudits
	}
	return s.audits(ctx, `WHERE ($1 = '' OR a.playbook = $1) ORDER BY a.began DESC, a.id DESC LIMIT $2`, playbook, limit)
}

// Audit is one audit.
func (s *Store) Audit(ctx context.Context, id string) (finding.Audit, error) {
	found, err := s.audits(ctx, "WHERE a.audit = $1", id)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("the audit %q: %w", id, ErrNoAudit)
	}
	if err != nil {
		return finding.Audit{}, err
	}
	return found[0], nil
}

// Before is the audit of the same playbook that began last before this one; false where there is none.
func (s *Store) Before(ctx context.Context, id string) (finding.Audit, bool, error) {
	found, err := s.audits(ctx, `JOIN finding_audits n ON n.audit = $1 AND a.playbook = n.playbook AND a.id <> n.id
		AND (a.began < n.began OR a.began = n.began AND a.id < n.id) ORDER BY a.began DESC, a.id DESC LIMIT 1`, id)
	if err != nil || len(found) == 0 {
		return finding.Audit{}, false, err
	}
	return found[0], true, nil
}

func (s *Store) audits(ctx context.Context, where string, args ...any) (found []finding.Audit, err error) {
	err = s.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.each(ctx, tx, func(rows *sql.Rows) error {
			var a finding.Audit
			var id, began, latest int64
			err := rows.Scan(&id, &a.ID, &a.Playbook, &began, &latest, &a.Accounts, &a.Parts, &a.Passed, &a.Failed, &a.Errors, &a.NotApplicable)
			a.Began, a.Latest = at(began), at(latest)
			found = append(found, a)
			return err
		}, counted+where, args...)
	})
	return found, err
}

// Results hands out the results of an audit that a filter selects.
func (s *Store) Results(ctx context.Context, audit string, f finding.Filter, each func(finding.Result) error) error {
	return s.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id, err := s.id(ctx, tx, audit)
		if err != nil {
			return err
		}
		where, args := []string{"audit_id = $1"}, []any{id}
		also := func(column string, value any) {
			args = append(args, value)
			where = append(where, fmt.Sprintf("%s = $%d", column, len(args)))
		}
		if f.Status != "" {
			also("status", string(f.Status))
		}
		if f.Control != "" {
			also("control", f.Control)
		}
		if f.Account != "" {
			also("account", f.Account)
		}
		if f.Place != nil {
			also("place", *f.Place)
		}
		query := "SELECT " + columns("r") + " FROM finding_results r WHERE " + strings.Join(where, " AND ") + " ORDER BY account, place, control, resource"
		if f.Limit > 0 {
			query += fmt.Sprintf(" LIMIT %d OFFSET %d", f.Limit, max(f.Skip, 0))
		}
		return s.each(ctx, tx, func(rows *sql.Rows) error {
			r, err := scan(rows)
			if err != nil {
				return err
			}
			return each(r)
		}, query, args...)
	})
}

// Counts hands out how many results of each account have which status under which control.
func (s *Store) Counts(ctx context.Context, audit string, each func(finding.Count) error) error {
	return s.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id, err := s.id(ctx, tx, audit)
		if err != nil {
			return err
		}
		return s.each(ctx, tx, func(rows *sql.Rows) error {
			var c finding.Count
			if err := rows.Scan(&c.Account, &c.Control, &c.Status, &c.Results); err != nil {
				return err
			}
			return each(c)
		}, `SELECT account, control, status, count(*) FROM finding_results WHERE audit_id = $1
			GROUP BY account, control, status ORDER BY account, control, status`, id)
	})
}

// Places hands out where an audit has looked: each account and region, "" of which is the account as a
// whole.
func (s *Store) Places(ctx context.Context, audit string, each func(account, region string) error) error {
	return s.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id, err := s.id(ctx, tx, audit)
		if err != nil {
			return err
		}
		return s.each(ctx, tx, func(rows *sql.Rows) error {
			var account, place string
			if err := rows.Scan(&account, &place); err != nil {
				return err
			}
			return each(account, place)
		}, "SELECT account, place FROM finding_parts WHERE audit_id = $1 ORDER BY account, place", id)
	})
}

func (s *Store) id(ctx context.Context, tx *sql.Tx, audit string) (id int64, err error) {
	err = tx.QueryRowContext(ctx, "SELECT id FROM finding_audits WHERE audit = $1", audit).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("the audit %q: %w", audit, ErrNoAudit)
	}
	if err != nil {
		return 0, s.failed("read", err)
	}
	return id, nil
}

// each hands out rows. The errors of take are its own.
func (s *Store) each(ctx context.Context, tx *sql.Tx, take func(*sql.Rows) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return s.failed("read", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.failed("read", err)
	}
	return nil
}

func columns(of string) string {
	return strings.ReplaceAll("#.account, #.region, #.control, #.resource, #.status, #.evidence, #.at", "#", of)
}

// scan reads the columns of a result, and others after them.
func scan(rows *sql.Rows, more ...any) (finding.Result, error) {
	var r finding.Result
	var seen string
	var when int64
	if err := rows.Scan(append([]any{&r.Account, &r.Region, &r.Control, &r.Resource, &r.Status, &seen, &when}, more...)...); err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(seen), &r.Evidence); err != nil {
		return r, fmt.Errorf("read the evidence of %s: %w", r.Resource, err)
	}
	if len(r.Evidence) == 0 {
		r.Evidence = nil
	}
	r.At = at(when)
	return r, nil
}

func at(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
