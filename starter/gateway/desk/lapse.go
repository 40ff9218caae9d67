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

// end puts on record how a request ended that nobody decided: its time was over, or its run. The run
// has ended it by itself; the record permits nothing, and tells the whole story. Of a request that
// was never shown nothing is told.
func (d *Desk) end(ctx context.Context, w *waiting, ended time.Time) error {
	if w.question {
		return nil
	}
	dec := approval.Decision{Outcome: approval.Expired, At: w.expires, Reason: fmt.Sprintf("nobody decided within %s", w.expires.Sub(w.asked))}
	if told, ok := d.withdrawn(ctx, w.run, w.digest); ok {
		dec = told
	} else if !ended.IsZero() && ended.Before(w.expires) {
		dec = approval.Decision{Outcome: approval.Withdrawn, At: ended, Reason: "the run ended first"}
	}
	return d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		if _, shown, err := tx.Find(ledger.RequestKey(w.digest)); err != nil || !shown {
			return err
		}
		_, err := tx.Append(ledger.Entry{Kind: ledger.Decision, Run: w.run, Key: ledger.DecisionKey(w.digest), Body: ledger.DecisionBody{
			Request: w.digest, Approval: w.id, Outcome: string(dec.Outcome), Reason: clip(dec.Reason, 2000), Decided: dec.At,
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
