package desk

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/takeback"
)

// How often the ledger is looked at for what other processes write, how much is read at once, and how
// long to wait where it cannot be read.
const (
	followEvery = 200 * time.Millisecond
	followPage  = 100
	followPause = 5 * time.Second
)

// Follow gives see every change from now on, in the order of the record and one at a time, until ctx
// ends: at once where this process writes, within 250 ms where another does. The first is the zero
// Change: what comes after it is not missed, so that whoever looks at everything then knows
// everything. A database that fails is waited for, also at the beginning, and nothing is left out.
func (d *Desk) Follow(ctx context.Context, see func(context.Context, Change)) {
	f := &follower{desk: d, kinds: telling, take: func(tx ledger.Tx, rec ledger.Record) (func(context.Context), error) {
		changes, err := changesOf(tx, rec)
		return func(ctx context.Context) {
			for _, c := range changes {
				see(ctx, c)
			}
		}, err
	}}
	if f.begin(ctx) {
		see(ctx, Change{})
		f.run(ctx)
	}
}

// follower follows records of some kinds.
type follower struct {
	desk  *Desk
	kinds []ledger.Kind
	// take makes of a record what is done once the transaction is over.
	take  func(ledger.Tx, ledger.Record) (func(context.Context), error)
	after int64
}

// begin finds the end of the record. It is false when ctx has ended before that could be read.
func (f *follower) begin(ctx context.Context) bool {
	for pause := followEvery; ; pause = min(2*pause, followPause) {
		err := f.desk.Ledger.View(ctx, func(tx ledger.Tx) error { f.after = tx.Head(); return nil })
		if err == nil {
			return true
		}
		if pause == followEvery && ctx.Err() == nil {
			f.desk.Log.ErrorContext(ctx, "the record cannot be read, and is tried again", "error", err)
		}
		if !sleep(ctx, pause) {
			return false
		}
	}
}

func (f *follower) run(ctx context.Context) {
	pause, failing := followEvery, false
	for ctx.Err() == nil {
		committed := f.desk.Ledger.Committed()
		todo, more, err := f.read(ctx)
		switch {
		case err == nil:
			if failing {
				f.desk.Log.InfoContext(ctx, "the record can be read again")
			}
			pause, failing = followEvery, false
		case ctx.Err() != nil:
			return
		default:
			if !failing {
				f.desk.Log.ErrorContext(ctx, "the record cannot be read, and is tried again", "error", err)
			}
			pause, failing = min(2*pause, followPause), true
			committed = nil
		}
		for _, do := range todo {
			do(ctx)
		}
		if more {
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-committed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// read reads what has come since, and whether there is more.
func (f *follower) read(ctx context.Context) (todo []func(context.Context), more bool, err error) {
	after := f.after
	err = f.desk.Ledger.View(ctx, func(tx ledger.Tx) error {
		if tx.Head() <= after {
			return nil
		}
		records, err := tx.List(ledger.Filter{Kinds: f.kinds, After: after, Limit: followPage})
		if err != nil {
			return err
		}
		for _, rec := range records {
			do, err := f.take(tx, rec)
			if err != nil {
				return err
			}
			todo = append(todo, do)
		}
		if more = len(records) == followPage; more {
			after = records[len(records)-1].Seq
		} else {
			after = tx.Head()
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	f.after = after
	return todo, more, nil
}

// telling are the kinds of records after which something may look otherwise.
var telling = []ledger.Kind{
	ledger.Asked, ledger.Ended, ledger.Request, ledger.Vote, ledger.Decision, ledger.Delegation, ledger.Edit, ledger.Answer,
	ledger.Intent, ledger.Retry, ledger.Outcome, ledger.Failure, ledger.Refusal, ledger.Switch, ledger.Review,
	ledger.Keep, ledger.Undo, ledger.Cancel, ledger.Message,
}

// changesOf are what may have changed by a record. What a run takes back of another changes that too.
func changesOf(tx ledger.Tx, rec ledger.Record) ([]Change, error) {
	changes := []Change{{Run: rec.Run, Kind: string(rec.Kind), Seq: rec.Seq}}
	var err error
	c := &changes[0]
	switch rec.Kind {
	case ledger.Vote, ledger.Decision, ledger.Delegation, ledger.Edit:
		var b struct {
			Request digest.Digest `json:"request"`
		}
		err = read(rec, &b)
		c.Digest = b.Request
	case ledger.Answer:
		var b ledger.AnswerBody
		err = read(rec, &b)
		c.Digest = b.Question
	case ledger.Request, ledger.Asked, ledger.Message:
		var b struct {
			Digest digest.Digest `json:"digest"`
		}
		err = read(rec, &b)
		c.Digest = b.Digest
	case ledger.Outcome:
		var of string
		if of, err = undoes(tx, rec.Run); of != "" {
			changes = append(changes, Change{Run: of, Kind: c.Kind, Seq: c.Seq})
		}
	}
	return changes, err
}

// undoes is the run whose effects another takes back, "" for one that takes back none.
func undoes(tx ledger.Tx, run string) (string, error) {
	if !strings.HasPrefix(run, takeback.Prefix) {
		return "", nil
	}
	for _, id := range roots(run) {
		records, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Run}, Run: id, Limit: 1})
		if err != nil || len(records) == 0 {
			if err != nil {
				return "", err
			}
			continue
		}
		var body ledger.RunBody
		var t grant.Ticket
		if err := read(records[0], &body); err != nil {
			return "", err
		}
		err = json.Unmarshal(body.Ticket.Body, &t) // it only says where to look
		return t.Undoes, err
	}
	return "", nil
}
