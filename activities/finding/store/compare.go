package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/countersign/countersign/activities/finding"
)

// failing are the results that fail now, and whether they did before.
const failing = ` FROM finding_results n LEFT JOIN finding_results b
	ON b.audit_id = $2 AND b.control = n.control AND b.account = n.account AND b.place = n.place AND b.resource = n.resource AND b.status = 'FAIL'
	WHERE n.audit_id = $1 AND n.status = 'FAIL' ORDER BY n.control, n.account, n.place, n.resource`

// failed are the results that failed before and do not now, and whether that is known: the control was
// looked at there again, and what is now of the resource says so. Where there is nothing of the
// resource any more, it is gone, unless something of that control could not be looked at: then it may
// only not have been seen.
const failed = ` FROM finding_results b LEFT JOIN finding_results n
	ON n.audit_id = $1 AND n.control = b.control AND n.account = b.account AND n.place = b.place AND n.resource = b.resource
	WHERE b.audit_id = $2 AND b.status = 'FAIL' AND (n.status IS NULL OR n.status <> 'FAIL')
	ORDER BY b.control, b.account, b.place, b.resource`

const isResolved = `CASE
	WHEN NOT EXISTS (SELECT 1 FROM finding_looked l WHERE l.audit_id = $1 AND l.account = b.account AND l.place = b.place AND l.control = b.control) THEN 0
	WHEN n.status = 'ERROR' THEN 0
	WHEN n.status IS NOT NULL THEN 1
	WHEN EXISTS (SELECT 1 FROM finding_results e WHERE e.audit_id = $1 AND e.control = b.control AND e.account = b.account
		AND e.place = b.place AND e.status = 'ERROR') THEN 0
	ELSE 1 END`

// Compare hands out what fails now, and is new, open or waived; what failed before, and is resolved or
// was not seen again; and what could not be looked at. before may be "", and then all is new. What
// never fails is not handed out.
func (s *Store) Compare(ctx context.Context, audit, before string, waivers finding.Waivers, each func(finding.Item) error) error {
	waiver := waivers.Matcher(s.now())
	return s.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now, err := s.id(ctx, tx, audit)
		if err != nil {
			return err
		}
		var then int64 = -1
		if before != "" {
			if then, err = s.id(ctx, tx, before); err != nil {
				return err
			}
		}
		give := func(state func(was bool, r finding.Result) finding.Item) func(*sql.Rows) error {
			return func(rows *sql.Rows) error {
				var was bool
				r, err := scan(rows, &was)
				if err != nil {
					return err
				}
				return each(state(was, r))
			}
		}
		err = s.each(ctx, tx, give(func(was bool, r finding.Result) finding.Item {
			if w := waiver(r); w != nil {
				return finding.Item{State: finding.Waived, Result: r, Waiver: w}
			}
			if was {
				return finding.Item{State: finding.Open, Result: r}
			}
			return finding.Item{State: finding.New, Result: r}
		}), "SELECT "+columns("n")+", CASE WHEN b.status IS NULL THEN 0 ELSE 1 END"+failing, now, then)
		if err != nil {
			return err
		}
		err = s.each(ctx, tx, give(func(resolved bool, r finding.Result) finding.Item {
			if resolved {
				return finding.Item{State: finding.Resolved, Result: r}
			}
			return finding.Item{State: finding.Unseen, Result: r}
		}), "SELECT "+columns("b")+", "+isResolved+failed, now, then)
		if err != nil {
			return err
		}
		return s.each(ctx, tx, give(func(_ bool, r finding.Result) finding.Item {
			return finding.Item{State: finding.Unknown, Result: r}
		}), "SELECT "+columns("r")+`, 0 FROM finding_results r WHERE audit_id = $1 AND status = 'ERROR'
			ORDER BY control, account, place, resource`, now)
	})
}

// everything are all results, and whether they failed before.
const everything = ` FROM finding_results n LEFT JOIN finding_results b
	ON b.audit_id = $2 AND b.control = n.control AND b.account = n.account AND b.place = n.place AND b.resource = n.resource AND b.status = 'FAIL'
	WHERE n.audit_id = $1 AND ($3 = '' OR n.account = $3) AND ($4 = 0 OR n.place = $5) ORDER BY n.account, n.place, n.control, n.resource`

// gone are the resources that failed before and are not there any more, as isResolved has it.
const gone = ` FROM finding_results b LEFT JOIN finding_results n
	ON n.audit_id = $1 AND n.control = b.control AND n.account = b.account AND n.place = b.place AND n.resource = b.resource
	WHERE b.audit_id = $2 AND b.status = 'FAIL' AND n.status IS NULL AND ($3 = '' OR b.account = $3) AND ($4 = 0 OR b.place = $5)
	ORDER BY b.account, b.place, b.control, b.resource`

// Items hands out all that an audit found, for exports: also what passes, whose State is Resolved if it
// failed before and else "". Resources that failed before and are gone come last: they are Resolved, and
// their status is NOT_APPLICABLE. Of the filter account and place count.
func (s *Store) Items(ctx context.Context, audit, before string, waivers finding.Waivers, f finding.Filter, each func(finding.Item) error) error {
	waiver := waivers.Matcher(s.now())
	return s.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now, err := s.id(ctx, tx, audit)
		if err != nil {
			return err
		}
		var then int64 = -1
		if before != "" {
			if then, err = s.id(ctx, tx, before); err != nil {
				return err
			}
		}
		placed, place := 0, ""
		if f.Place != nil {
			placed, place = 1, *f.Place
		}
		err = s.each(ctx, tx, func(rows *sql.Rows) error {
			var was bool
			r, err := scan(rows, &was)
			if err != nil {
				return err
			}
			i := finding.Item{Result: r}
			switch {
			case r.Status == finding.Error:
				i.State = finding.Unknown
			case r.Status != finding.Fail && was:
				i.State = finding.Resolved
			case r.Status != finding.Fail:
			default:
				i.State = finding.New
				if was {
					i.State = finding.Open
				}
				if i.Waiver = waiver(r); i.Waiver != nil {
					i.State = finding.Waived
				}
			}
			return each(i)
		}, "SELECT "+columns("n")+", CASE WHEN b.status IS NULL THEN 0 ELSE 1 END"+everything, now, then, f.Account, placed, place)
		if err != nil {
			return err
		}
		return s.each(ctx, tx, func(rows *sql.Rows) error {
			var resolved bool
			r, err := scan(rows, &resolved)
			if err != nil || !resolved {
				return err
			}
			r.Status, r.Evidence, r.At = finding.NotApplicable, map[string]string{"gone": "it failed before, and is not there any more"}, s.now().UTC()
			return each(finding.Item{State: finding.Resolved, Result: r})
		}, "SELECT "+columns("b")+", "+isResolved+gone, now, then, f.Account, placed, place)
	})
}

// Prune deletes the audits that began before a time, and returns how many those were. The last keep
// of each playbook stay, at least one: there must be something to compare with.
func (s *Store) Prune(ctx context.Context, before time.Time, keep int) (deleted int, err error) {
	var old []int64
	err = s.view(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.each(ctx, tx, func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			old = append(old, id)
			return err
		}, `SELECT id FROM (SELECT id, began, row_number() OVER (PARTITION BY playbook ORDER BY began DESC, id DESC) AS place FROM finding_audits) AS ranked
			WHERE began < $1 AND place > $2 ORDER BY began`, before.UnixMicro(), max(keep, 1))
	})
	if err != nil {
		return 0, err
	}
	for _, id := range old { // each by itself: what others record does not wait for all of them
		err := s.do(ctx, "delete from", func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range []string{
				"DELETE FROM finding_results WHERE audit_id = $1", "DELETE FROM finding_looked WHERE audit_id = $1",
				"DELETE FROM finding_parts WHERE audit_id = $1", "DELETE FROM finding_audits WHERE id = $1",
			} {
				if _, err := tx.ExecContext(ctx, statement, id); err != nil {
					return s.failed("delete from", err)
				}
			}
			return nil
		})
		if err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}
