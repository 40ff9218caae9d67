package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// parcel is a decision on its way.
type parcel struct {
	request approval.Request
	tries   int
	next    time.Time
}

// Pauses between attempts to bring a decision to its run.
const (
	firstPause = time.Second
	maxPause   = time.Minute
)

// maxArrived bounds the memory of what has arrived; what is forgotten is told again.
const maxArrived = 10_000

// send tells a run how its request stands, and reports whether it has heard. A decision that did not
// arrive is sent again by Serve.
//
// Those who say the same at the same time tell the run once, and a decision that has arrived is not
// told again: Temporal takes ten words to a run at a time.
func (d *Desk) send(ctx context.Context, r approval.Request, votes int, decision bool) bool {
	arrived, _, _ := d.sends.Do(fmt.Sprintf("%s %d %t", r.Digest, votes, decision), func() (any, error) {
		return d.sendOnce(context.WithoutCancel(ctx), r, decision), nil
	})
	return arrived.(bool)
}

func (d *Desk) sendOnce(ctx context.Context, r approval.Request, decision bool) bool {
	d.mu.Lock()
	told := d.arrived[r.Digest]
	d.mu.Unlock()
	if told {
		return true
	}
	err := d.deliver(ctx, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil, errors.Is(err, approval.ErrRefused), errors.Is(err, workflows.ErrNoRun):
		delete(d.pending, r.Digest)
		if decision {
			if len(d.arrived) > maxArrived {
				clear(d.arrived)
			}
			d.arrived[r.Digest] = true
		}
		if err != nil {
			d.Log.WarnContext(ctx, "the run does not take it", "run", r.Run, "approval", r.ID, "error", err)
		}
		return err == nil
	case !decision:
		return false
	}
	p := d.pending[r.Digest]
	if p == nil {
		p = &parcel{request: r}
		d.pending[r.Digest] = p
	}
	p.next = time.Now().Add(min(maxPause, firstPause<<min(p.tries, 10)))
	p.tries++
	d.Log.WarnContext(ctx, "a decision did not arrive, and is sent again", "run", r.Run, "approval", r.ID, "tries", p.tries, "error", err)
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return false
}

// deliver signs how a request stands by the record, and brings it to the run.
func (d *Desk) deliver(ctx context.Context, r approval.Request) error {
	var panel approval.Panel // only to be completed
	var s said
	if err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		s, err = heard(tx, r, &panel)
		return err
	}); err != nil {
		return err
	}
	standing := approval.Standing{
		Run: r.Run, Execution: r.Execution, Approval: r.ID, Request: r.Digest, Votes: []approval.Vote{}, Decision: decided(s.decision),
	}
	for _, v := range s.votes {
		if s.decision == nil || !v.At.After(s.decision.Decided) {
			standing.Votes = append(standing.Votes, v)
		}
	}
	if s.decision != nil {
		standing.Grant = s.decision.Grant
	}
	signed, err := d.Signer.Sign(grant.KindStanding, standing)
	if err != nil {
		return err
	}
	_, err = d.Runs.Decide(ctx, r.Run, signed)
	return err
}

// Serve brings decisions to runs that did not hear them, and gives notice of requests that wait,
// until ctx ends. A decision from before this desk was started is sent as well.
func (d *Desk) Serve(ctx context.Context, look time.Duration) {
	if err := d.recall(ctx); err != nil {
		d.Log.ErrorContext(ctx, "the decisions on record could not be read", "error", err)
	}
	looks, tries := time.NewTicker(look), time.NewTicker(firstPause)
	defer looks.Stop()
	defer tries.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-tries.C:
			d.retry(ctx, time.Now())
		case <-looks.C:
			d.look(ctx, time.Now())
		}
	}
}

// retry sends what is due.
func (d *Desk) retry(ctx context.Context, now time.Time) {
	d.mu.Lock()
	var due []approval.Request
	for digest, p := range d.pending {
		switch {
		case now.After(p.request.Expires.Add(approval.Grace)): // the run has ended it by itself
			delete(d.pending, digest)
		case !now.Before(p.next):
			due = append(due, p.request)
		}
	}
	d.mu.Unlock()
	for _, r := range due {
		if ctx.Err() == nil {
			d.send(ctx, r, 0, true)
		}
	}
}

// recall finds the decisions on record whose runs may still wait for them.
func (d *Desk) recall(ctx context.Context) error {
	return d.Ledger.View(ctx, func(tx ledger.Tx) error {
		records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Request}})
		if err != nil {
			return err
		}
		for _, rec := range records {
			var body ledger.RequestBody
			var r approval.Request
			if err := read(rec, &body); err != nil {
				return err
			}
			if err := read(ledger.Record{Seq: rec.Seq, Body: body.Request}, &r); err != nil {
				return err
			}
			late := !tx.Now().Before(r.Expires.Add(approval.Grace))
			switch _, found, err := tx.Find(ledger.DecisionKey(r.Digest)); {
			case err != nil:
				return err
			case !found:
				d.remember(r)
			case !late:
				d.mu.Lock()
				d.pending[r.Digest] = &parcel{request: r}
				d.mu.Unlock()
			}
		}
		return nil
	})
}
