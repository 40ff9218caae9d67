package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
)

// Waiting is a request that waits for people, and how it stands by the record.
type Waiting struct {
	Request  approval.Request   `json:"request"`
	Votes    []approval.Vote    `json:"votes"`
	Tally    []approval.Tally   `json:"tally"`
	Decision *approval.Decision `json:"decision"`
	// Own says whether who asks has a vote, and if not, Why.
	Own bool   `json:"own"`
	Why string `json:"why,omitempty"`
}

// Requests are what a run asks now, for a person.
func (d *Desk) Requests(ctx context.Context, p Principal, run string) ([]Waiting, error) {
	people, err := d.human(p)
	if err != nil {
		return nil, err
	}
	st, err := d.Runs.Status(ctx, run)
	if err != nil {
		return nil, err
	}
	list := []Waiting{}
	for _, a := range st.Asking() {
		m, err := d.matter(ctx, run, a.ID, a.Digest)
		if err != nil {
			return nil, err
		}
		panel, _, err := d.panel(ctx, m, people, p.Person, time.Now())
		w := Waiting{Request: a.Request, Votes: []approval.Vote{}}
		if errors.Is(err, directory.ErrLookup) { // what is asked can be shown, and how it stands
			w.Why, err = err.Error(), nil
		}
		if err != nil {
			return nil, err
		}
		err = d.Ledger.View(ctx, func(tx ledger.Tx) error {
			s, err := heard(tx, a.Request, &panel)
			w.Votes, w.Decision = append(w.Votes, s.votes...), decided(s.decision)
			w.Tally = []approval.Tally{}
			if panel.Members != nil {
				w.Tally = panel.Tally(a.Request, s.votes, tx.Now())
			}
			if _, none := panel.Right(a.Request, p.Person, p.Surface, tx.Now()); none != nil && w.Why == "" {
				w.Why = none.Error()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		w.Own = w.Why == ""
		list = append(list, w)
	}
	return list, nil
}

// Tell tells runs that wait of an event, and starts none.
func (d *Desk) Tell(ctx context.Context, p Principal, ev event.Event) (waited bool, err error) {
	if _, err := d.human(p); err != nil {
		return false, err
	}
	if err := ev.Validate(); err != nil {
		return false, refuse("%v", err)
	}
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error { return recordEvent(tx, ev, p.Surface, nil) }); err != nil {
		return false, fmt.Errorf("tell runs of the event: %w", err)
	}
	return d.Runs.Deliver(ctx, ev)
}
