package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
)

// remember keeps a request in mind, so that its end is put on record when nobody decides.
func (d *Desk) remember(r approval.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[r.Digest] = r
}

// lapse puts on record how requests ended that nobody decided in their time. The run has ended them
// by itself; the record permits nothing, and tells the whole story.
func (d *Desk) lapse(ctx context.Context, now time.Time) {
	d.mu.Lock()
	var over []approval.Request
	for _, r := range d.open {
		if now.After(r.Expires.Add(approval.Grace)) {
			over = append(over, r)
		}
	}
	d.mu.Unlock()
	for _, r := range over {
		if err := d.end(ctx, r); err != nil {
			d.Log.WarnContext(ctx, "record that a request has ended", "run", r.Run, "approval", r.ID, "error", err)
			continue
		}
		d.mu.Lock()
		delete(d.open, r.Digest)
		d.mu.Unlock()
	}
}

func (d *Desk) end(ctx context.Context, r approval.Request) error {
	dec := approval.Decision{Outcome: approval.Expired, At: r.Expires, Reason: fmt.Sprintf("nobody decided within %s", r.Expires.Sub(r.Asked))}
	if told, ok := d.withdrawn(ctx, r.Run, r.Digest); ok {
		dec = told
	}
	return d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Decision, Run: r.Run, Key: ledger.DecisionKey(r.Digest), Body: ledger.DecisionBody{
			Request: r.Digest, Approval: r.ID, Outcome: string(dec.Outcome), Reason: clip(dec.Reason, 2000), Decided: dec.At,
		}})
		if errors.Is(err, ledger.ErrTaken) { // it was decided
			return nil
		}
		return err
	})
}

// withdrawn asks a run whether it took a request back before its time was over.
func (d *Desk) withdrawn(ctx context.Context, run string, name digest.Digest) (approval.Decision, bool) {
	st, err := d.Runs.Status(ctx, run)
	if err != nil {
		return approval.Decision{}, false
	}
	for _, a := range st.Approvals {
		if a.Digest == name && a.Decision != nil && a.Decision.Outcome == approval.Withdrawn {
			return *a.Decision, true
		}
	}
	return approval.Decision{}, false
}
