package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
)

// Cancel asks a run to stop. Whoever is in the directory may, but for those whom it is about: a run
// that stops puts back what it did, and asks nobody.
func (d *Desk) Cancel(ctx context.Context, p Principal, run string) error {
	people, err := d.human(p)
	if err != nil {
		return d.refused(ctx, p, run, "", err)
	}
	root, err := d.origin(ctx, run)
	if err == nil && slices.Contains(people.Known(root.subjects), p.Person) {
		err = refuse("%s %s, and does not stop it", p.Person, approval.Subject)
	}
	if err != nil {
		return d.turn(ctx, p, run, "", err)
	}
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Cancel, Run: run, Body: ledger.CancelBody{Run: run, By: p.Person, Via: p.Via}})
		return err
	}); err != nil {
		return err
	}
	d.Log.InfoContext(ctx, "cancel", "run", run, "person", p.Person)
	return d.Runs.Cancel(ctx, run)
}

// Switch is how the kill switch stands.
type Switch struct {
	Halted bool      `json:"halted"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// Halt throws the kill switch: from now on no worker makes any effect. Whoever is in the directory
// may throw it.
func (d *Desk) Halt(ctx context.Context, p Principal, reason string) (Switch, error) {
	return d.turnSwitch(ctx, p, true, reason, nil)
}

// Resume lets effects go on. It takes a member of the groups that may, and a reason.
func (d *Desk) Resume(ctx context.Context, p Principal, reason string) (Switch, error) {
	groups := d.Resuming
	if groups == nil {
		rules, err := d.Policy()
		if err != nil {
			return Switch{}, fmt.Errorf("who may let effects go on: %w", err)
		}
		groups = rules.BreakGlass()
	}
	return d.turnSwitch(ctx, p, false, reason, groups)
}

func (d *Desk) turnSwitch(ctx context.Context, p Principal, halted bool, reason string, groups []string) (Switch, error) {
	people, err := d.human(p)
	if err != nil {
		return Switch{}, d.refused(ctx, p, "", "", err)
	}
	if len(groups) > 0 {
		members, err := people.MembersFor(ctx, []string{p.Person}, groups...)
		if errors.Is(err, directory.ErrLookup) {
			err = refuse("%v; effects stay as they are: try again", err)
		}
		if err == nil && !slices.Contains(members, p.Person) {
			err = fmt.Errorf("%w: effects go on by the word of %v", ErrForbidden, groups)
		}
		if err != nil {
			return Switch{}, d.turn(ctx, p, "", "", err)
		}
	}
	switch {
	case strings.TrimSpace(reason) == "":
		return Switch{}, refuse("it takes a reason")
	case len(reason) > approval.MaxReason:
		return Switch{}, refuse("its reason is %d bytes; at most %d are kept", len(reason), approval.MaxReason)
	}
	return d.flip(ctx, halted, p.Person, p.Via, reason)
}

func (d *Desk) flip(ctx context.Context, halted bool, by, via, reason string) (Switch, error) {
	s := Switch{Halted: halted, By: by, Reason: reason}
	err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		rec, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{Halted: halted, By: by, Reason: reason, Via: via}})
		s.At = rec.At
		return err
	})
	if err != nil {
		return Switch{}, err
	}
	d.Log.WarnContext(ctx, "kill switch", "halted", halted, "by", by, "reason", reason)
	return s, nil
}

// Itself is who threw the kill switch when nobody did.
const Itself = "the gateway"

// Alarm halts effects by the gateway's own word: its record was changed, so nobody can tell any more
// what was approved and done. A person lets them go on.
func (d *Desk) Alarm(ctx context.Context, reason string) (Switch, error) {
	return d.flip(ctx, true, Itself, "", clip(reason, approval.MaxReason))
}

// Switch says how the kill switch stands.
func (d *Desk) Switch(ctx context.Context) (s Switch, err error) {
	err = d.Ledger.View(ctx, func(tx ledger.Tx) error {
		s, err = switchIn(tx)
		return err
	})
	return s, err
}

func switchIn(tx ledger.Tx) (Switch, error) {
	rec, found, err := tx.Last(ledger.Switch)
	if err != nil || !found {
		return Switch{}, err
	}
	var b ledger.SwitchBody
	if err := read(rec, &b); err != nil {
		return Switch{}, err
	}
	return Switch{Halted: b.Halted, By: b.By, Reason: b.Reason, At: rec.At}, nil
}

// goingOn refuses while effects are halted: a yes now would be used up by an effect that is refused.
func goingOn(tx ledger.Tx) error {
	s, err := switchIn(tx)
	if err == nil && s.Halted {
		err = refuse("effects are halted since %s, by %s: %s; approve when they go on (starter resume)", s.At.UTC().Format(time.RFC3339), s.By, s.Reason)
	}
	return err
}

// CloseReview closes the review of a decision that one person made alone. That person cannot.
func (d *Desk) CloseReview(ctx context.Context, p Principal, id, reason string) error {
	if _, err := d.human(p); err != nil {
		return d.refused(ctx, p, "", "", err)
	}
	if strings.TrimSpace(reason) == "" || len(reason) > approval.MaxReason {
		return refuse("it takes a reason, of %d bytes at most", approval.MaxReason)
	}
	err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		open, err := reviews(tx)
		if err != nil {
			return err
		}
		b, ok := open[id]
		switch {
		case !ok:
			return refuse("no review %q is open", clip(id, 100))
		case b.Person == p.Person:
			return refuse("%s decided alone, and somebody else reviews it", p.Person)
		}
		b.Open, b.By, b.Reason = false, p.Person, reason
		_, err = tx.Append(ledger.Entry{Kind: ledger.Review, Run: b.Run, Body: b})
		return err
	})
	return d.turn(ctx, p, "", "", err)
}

// reviews are those that are open, by id.
func reviews(tx ledger.Tx) (map[string]ledger.ReviewBody, error) {
	records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Review}})
	if err != nil {
		return nil, err
	}
	open := map[string]ledger.ReviewBody{}
	for _, rec := range records {
		var b ledger.ReviewBody
		if err := read(rec, &b); err != nil {
			return nil, err
		}
		if b.Open {
			open[b.ID] = b
		} else {
			delete(open, b.ID)
		}
	}
	return open, nil
}

// Reviews are those that are open.
func (d *Desk) Reviews(ctx context.Context) ([]ledger.ReviewBody, error) {
	list := []ledger.ReviewBody{}
	err := d.Ledger.View(ctx, func(tx ledger.Tx) error {
		open, err := reviews(tx)
		for _, b := range open {
			list = append(list, b)
		}
		slices.SortFunc(list, func(a, b ledger.ReviewBody) int { return strings.Compare(a.ID, b.ID) })
		return err
	})
	return list, err
}
