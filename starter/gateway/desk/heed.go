package desk

import (
	"context"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// waitKinds are the kinds of records that say what waits for people, and what does no more.
var waitKinds = []ledger.Kind{ledger.Asked, ledger.Request, ledger.Decision, ledger.Answer, ledger.Edit, ledger.Ended}

// past is what is found while the record is read from its beginning: what runs may not have heard.
type past struct{ errands map[string][]errand } // by run

// recallPage is how much of the record is read at once: requests are long.
const recallPage = 50

// recall finds what waits for people, and what their runs may still wait for, by what is on record.
func (d *Desk) recall(ctx context.Context) error {
	p := &past{map[string][]errand{}}
	for after := int64(0); ; {
		var records []ledger.Record
		err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
			records, err = tx.List(ledger.Filter{Kinds: waitKinds, After: after, Limit: recallPage})
			return err
		})
		if err != nil {
			return err
		}
		for _, rec := range records {
			if err := d.heed(ctx, rec, p); err != nil {
				d.Log.WarnContext(ctx, "a record is not heeded", "record", rec.Seq, "kind", rec.Kind, "error", err)
			}
		}
		if len(records) < recallPage {
			break
		}
		after = records[len(records)-1].Seq
	}
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, list := range p.errands {
		for _, e := range list {
			if e.word == changed && d.waits.by[e.asked] == nil { // it was decided all the same
				continue
			}
			if now.Before(e.until) && d.pending[e] == nil {
				d.pending[e] = &parcel{}
			}
		}
	}
	return nil
}

// heed takes one record. p is set while those from before are read.
func (d *Desk) heed(ctx context.Context, rec ledger.Record, p *past) error {
	switch rec.Kind {
	case ledger.Asked:
		var b ledger.AskedBody
		if err := read(rec, &b); err != nil {
			return err
		}
		w := &waiting{run: rec.Run, execution: b.Execution, id: b.ID, digest: b.Digest, question: b.Question, asked: b.Asked, expires: b.Expires, recalled: p != nil}
		if b.Escalates != nil {
			w.escalates = *b.Escalates
		}
		d.add(w)
	case ledger.Request:
		r, err := requestIn(rec)
		if err != nil {
			return err
		}
		w := waitingFor(r)
		w.recalled = p != nil
		d.add(w)
	case ledger.Decision:
		var b ledger.DecisionBody
		if err := read(rec, &b); err != nil {
			return err
		}
		d.settled(b.Request, stood, p)
	case ledger.Answer:
		var b ledger.AnswerBody
		if err := read(rec, &b); err != nil {
			return err
		}
		d.settled(b.Question, answered, p)
	case ledger.Edit:
		var b ledger.EditBody
		if err := read(rec, &b); err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if w := d.waits.by[b.Request]; w != nil && p != nil {
			e := w.errand(changed)
			e.seq = rec.Seq
			p.errands[w.run] = append(p.errands[w.run], e)
		}
	case ledger.Ended:
		var b ledger.EndedBody
		if err := read(rec, &b); err != nil {
			return err
		}
		d.ended(rec, b, p)
		if p == nil && workflows.State(b.State) == workflows.Failed {
			d.Notifier.Notify(ctx, Notice{Kind: RunFailed, Run: rec.Run, Text: b.Error})
		}
	}
	return nil
}

func (d *Desk) add(w *waiting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waits.add(w)
}

// settled is that a request was decided, or a question answered.
func (d *Desk) settled(name digest.Digest, by word, p *past) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.waits.remove(name); w != nil && p != nil {
		p.errands[w.run] = append(p.errands[w.run], w.errand(by))
	}
}

// ended is that a run has ended: what it asked is over, and it hears nothing any more.
func (d *Desk) ended(rec ledger.Record, b ledger.EndedBody, p *past) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for w := d.waits.runs[rec.Run]; w != nil; w = w.beside {
		if w.execution == b.Execution {
			w.over = rec.At
			d.waits.hurry(w, now)
		}
	}
	if p != nil {
		delete(p.errands, rec.Run)
	}
}

// errand is what the run is to hear of it.
func (w *waiting) errand(by word) errand {
	return errand{word: by, run: w.run, execution: w.execution, id: w.id, asked: w.digest, until: w.expires.Add(approval.Grace)}
}
