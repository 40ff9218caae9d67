// Package evidence makes one bundle of what the ledger knows of a run, and checks such a bundle
// without the ledger: what was asked, shown, answered, permitted and done, and that it is what was
// recorded at the time.
//
// A bundle holds the run's records as they are, a proof that leads from each to a checkpoint that the
// gateway signed, and the story that they tell, for people. The story is made from the records, and
// [Bundle.Verify] makes it again: nothing in it is to be believed that is not in them.
//
// Expressions of the plan that decided something are evaluated again, and stand beside it with their
// values: proven where they read the event and the inputs alone.
//
// What it does not show: that no record of the run was left out (an export of the ledger does), and
// whether the run's own account of itself, where it is there, is true.
package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/activities/ledger"
)

// Form names what a bundle looks like.
const Form = "countersign/evidence/1"

// maxBundle bounds a bundle that is read, in bytes, and maxRecords the records of one.
const (
	maxBundle  = 256 << 20
	maxRecords = 100_000
)

// Bundle is the evidence of a run and of everything that it called.
type Bundle struct {
	Form  string    `json:"form"`
	Run   string    `json:"run"`
	Made  time.Time `json:"made"`
	Story Story     `json:"story"`
	// Records are those of the run, whole, in their order.
	Records []ledger.Record `json:"records"`
	Proof   ledger.Proof    `json:"proof"`
	// Status is what the run says of itself: its steps, with the values that they were given and
	// gave. Temporal keeps it, so nothing proves it.
	Status json.RawMessage `json:"status,omitempty"`
	// Expressions are those of the plan that decided something, with their values.
	Expressions []Expression `json:"expressions,omitempty"`
}

// ErrNoRun is why there is no evidence of a run.
var ErrNoRun = errors.New("the ledger has no record of it")

// Collect makes the bundle of a run. A ledger that was changed is a *ledger.Fault.
func Collect(ctx context.Context, l *ledger.Ledger, run string, sealings []ledger.Sealing, now time.Time) (Bundle, error) {
	b := Bundle{Form: Form, Run: run, Made: now.UTC().Truncate(time.Second)}
	for after := int64(0); ; {
		var page []ledger.Record
		err := l.View(ctx, func(tx ledger.Tx) (err error) {
			page, err = tx.List(ledger.Filter{Run: run, Tree: true, After: after})
			return err
		})
		if err != nil {
			return Bundle{}, err
		}
		if len(page) == 0 {
			break
		}
		b.Records, after = append(b.Records, page...), page[len(page)-1].Seq
		if len(b.Records) > maxRecords {
			return Bundle{}, fmt.Errorf("the run %s has more than %d records; export the ledger", run, maxRecords)
		}
	}
	if len(b.Records) == 0 {
		return Bundle{}, fmt.Errorf("evidence of the run %s: %w", run, ErrNoRun)
	}
	var err error
	if b.Story, err = Tell(b.Records); err != nil {
		return Bundle{}, err
	}
	if b.Proof, err = l.Prove(ctx, b.Records, sealings); err != nil {
		return Bundle{}, fmt.Errorf("prove the records of the run %s: %w", run, err)
	}
	return b, nil
}

// Read reads a bundle. It may come from anybody: only Verify says what it is worth.
func Read(r io.Reader) (Bundle, error) {
	var b Bundle
	dec := json.NewDecoder(io.LimitReader(r, maxBundle))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return Bundle{}, fmt.Errorf("read the evidence: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Bundle{}, fmt.Errorf("read the evidence: more follows it, or it is longer than %d bytes", maxBundle)
	}
	if b.Form != Form {
		return Bundle{}, fmt.Errorf("read the evidence: its form is %.40q; want %q", b.Form, Form)
	}
	return b, nil
}
