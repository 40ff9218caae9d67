package desk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// word is what a run is to hear.
type word string

const (
	stood    word = "standing"
	answered word = "answer"
	changed  word = "edit"
)

// errand is something on record that a run is to hear. It is small: what is said is read from the
// record when it is brought.
type errand struct {
	word               word
	run, execution, id string
	asked              digest.Digest // the request, or the question
	seq                int64         // of the record of an edit
	until              time.Time     // nobody waits for it any longer
}

// parcel is an errand that did not arrive, and is tried again.
type parcel struct {
	tries int
	next  time.Time
}

// Pauses between attempts to bring something to its run, and how many are brought at a time.
const (
	firstPause = time.Second
	maxPause   = time.Minute
	carriers   = 8
)

// maxArrived bounds the memory of what has arrived; what is forgotten is told again.
const maxArrived = 10_000

// errLater is that something did not arrive yet, and is brought all the same.
var errLater = errors.New("it is on record, and the run has not heard of it yet")

// send tells a run how its request stands, and reports whether it has heard. A decision that did not
// arrive is sent again by Serve.
//
// Those who say the same at the same time tell the run once, and a decision that has arrived is not
// told again: Temporal takes ten words to a run at a time.
func (d *Desk) send(ctx context.Context, r approval.Request, votes int, decision bool) bool {
	if d.told(r.Digest) {
		return true
	}
	_, err := d.bring(ctx, errandOf(r), fmt.Sprintf("%d %t", votes, decision), decision)
	return err == nil
}

func errandOf(r approval.Request) errand {
	return errand{word: stood, run: r.Run, execution: r.Execution, id: r.ID, asked: r.Digest, until: r.Expires.Add(approval.Grace)}
}

func (d *Desk) told(request digest.Digest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.arrived[request]
}

// bring brings something to its run, and waits for that until ctx ends: the bringing goes on. What
// must arrive is brought again until it does.
func (d *Desk) bring(ctx context.Context, e errand, which string, must bool) (any, error) {
	apart := context.WithoutCancel(ctx)
	brought := d.sends.DoChan(fmt.Sprintf("%s %s %d %s", e.word, e.asked, e.seq, which), func() (any, error) { return d.once(apart, e, must) })
	select {
	case got := <-brought:
		return got.Val, got.Err
	case <-ctx.Done():
		return nil, errLater
	}
}

// once brings something once. An error that wraps errLater is not the run's.
func (d *Desk) once(ctx context.Context, e errand, must bool) (any, error) {
	if e.word == stood && d.told(e.asked) {
		return nil, nil
	}
	got, err := d.deliver(ctx, e)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil, errors.Is(err, approval.ErrRefused), errors.Is(err, workflows.ErrNoRun):
		delete(d.pending, e)
		if must && e.word == stood {
			if len(d.arrived) > maxArrived {
				clear(d.arrived)
			}
			d.arrived[e.asked] = true
		}
		if err != nil {
			d.Log.WarnContext(ctx, "the run does not take it", "word", string(e.word), "run", e.run, "id", e.id, "error", err)
		}
		return got, err
	case !must:
		return nil, fmt.Errorf("%w: %w", errLater, err)
	}
	p := d.pending[e]
	if p == nil {
		p = &parcel{}
		d.pending[e] = p
	}
	p.next = time.Now().Add(min(maxPause, firstPause<<min(p.tries, 10)))
	p.tries++
	d.Log.WarnContext(ctx, "something did not arrive, and is sent again", "word", string(e.word), "run", e.run, "id", e.id, "tries", p.tries, "error", err)
	return nil, fmt.Errorf("%w: %w", errLater, err)
}

// deliver signs what is on record, and brings it to the run.
func (d *Desk) deliver(ctx context.Context, e errand) (any, error) {
	switch e.word {
	case answered:
		return d.deliverAnswer(ctx, e)
	case changed:
		return d.deliverEdit(ctx, e)
	default:
		return nil, d.deliverStanding(ctx, e)
	}
}

func (d *Desk) deliverStanding(ctx context.Context, e errand) error {
	var panel approval.Panel // only to be completed
	var s said
	if err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		s, err = heardOf(tx, e.run, e.id, e.asked, &panel)
		return err
	}); err != nil {
		return err
	}
	standing := approval.Standing{
		Run: e.run, Execution: e.execution, Approval: e.id, Request: e.asked, Votes: []approval.Vote{}, Decision: decided(s.decision),
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
	_, err = d.Runs.Decide(ctx, e.run, signed)
	return err
}

func (d *Desk) deliverAnswer(ctx context.Context, e errand) (approval.Ending, error) {
	var a *approval.Answer
	if err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		a, err = answerIn(tx, e.asked)
		return err
	}); err != nil {
		return approval.Ending{}, err
	}
	signed, err := d.Signer.Sign(grant.KindAnswer, approval.AnswerOrder{Run: e.run, Execution: e.execution, Answer: *a})
	if err != nil {
		return approval.Ending{}, err
	}
	return d.Runs.Answer(ctx, e.run, signed)
}

func (d *Desk) deliverEdit(ctx context.Context, e errand) (workflows.EditResult, error) {
	order := approval.EditOrder{Run: e.run, Execution: e.execution, Approval: e.id, Request: e.asked}
	if err := d.Ledger.View(ctx, func(tx ledger.Tx) error {
		records, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Edit}, After: e.seq - 1, Limit: 1})
		if err != nil || len(records) == 0 {
			return errors.Join(err, fmt.Errorf("the edit of record %d is gone", e.seq))
		}
		var b ledger.EditBody
		err = read(records[0], &b)
		order.Step, order.Input, order.By, order.At = b.Step, b.Input, b.By, records[0].At
		return err
	}); err != nil {
		return workflows.EditResult{}, err
	}
	signed, err := d.Signer.Sign(grant.KindEdit, order)
	if err != nil {
		return workflows.EditResult{}, err
	}
	return d.Runs.Edit(ctx, e.run, signed)
}

// retry sends what is due.
func (d *Desk) retry(ctx context.Context, now time.Time) {
	var due []errand
	d.mu.Lock()
	for e, p := range d.pending {
		switch {
		case now.After(e.until): // the run has ended it by itself
			delete(d.pending, e)
		case !now.Before(p.next):
			due = append(due, e)
		}
	}
	d.mu.Unlock()
	side(ctx, carriers, due, func(e errand) { _, _ = d.bring(ctx, e, "again", true) }) // it logs what fails
}

// side does something with all of a list, so many at a time.
func side[T any](ctx context.Context, most int, list []T, do func(T)) {
	var group sync.WaitGroup
	free := make(chan struct{}, most)
	for _, one := range list {
		if ctx.Err() != nil {
			break
		}
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			do(one)
		})
	}
	group.Wait()
}
