package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// order is somebody's word that a playbook runs at times which its schedule alone would not have it
// run at.
type order struct {
	ledger.TickOrderBody

	seq int64
	by  string
	at  time.Time
}

// How long an order holds, how late a tick may be at least, and how far ahead the cluster's clock.
const (
	orderLife  = 7 * 24 * time.Hour // times that are over wait for one another
	orderSlack = time.Minute
	lateLeast  = 15 * time.Minute
	clocks     = time.Minute
)

// admit holds a tick against the playbook's own schedule, in the library of this desk: whoever may
// write to the namespace can make up any. So a forged one starts at most what is scheduled, once a
// scheduled time.
func (d *Desk) admit(ctx context.Context, rec ledger.Record, b ledger.TickBody) (*playbook.Playbook, *order, error) {
	lib, err := d.Library()
	if err != nil {
		return nil, nil, err
	}
	pb, err := lib.ByName(b.Playbook)
	switch {
	case err != nil:
		return nil, nil, refuse("%v", err)
	case pb.Schedule == nil:
		return nil, nil, refuse("the playbook %s has no schedule here: starter schedule apply takes it off the cluster", pb.Name)
	case time.Since(rec.At) > max(pb.Schedule.CatchUp, lateLeast)+clocks:
		return nil, nil, refuse("no gateway took it in time")
	case b.Scheduled.After(rec.At.Add(clocks)):
		return nil, nil, refuse("%s is ahead of time", b.Scheduled.UTC().Format(time.RFC3339))
	}
	order, err := d.ordered(ctx, rec, b, pb.Schedule)
	if err != nil || order != nil {
		return pb, order, err
	}
	if !pb.Schedule.Due(b.Scheduled) {
		return nil, nil, refuse("%s is none of the times of the schedule that this gateway has (%s): starter schedule apply makes the cluster's the same", b.Scheduled.UTC().Format(time.RFC3339), pb.Schedule)
	}
	late := rec.At.Sub(b.Scheduled)
	if most := max(pb.Schedule.CatchUp, lateLeast) + pb.Schedule.Jitter + clocks; late > most {
		waited, err := d.waitedFor(ctx, b, pb.Schedule, rec.At.Add(-most))
		if err != nil {
			return nil, nil, err
		}
		if !waited {
			return nil, nil, refuse("it is %s late; at most %s are caught up with", late.Round(time.Second), playbook.Span(pb.Schedule.CatchUp))
		}
	}
	return pb, nil, nil
}

// ordered is the order that a tick is for; nil: none.
func (d *Desk) ordered(ctx context.Context, rec ledger.Record, b ledger.TickBody, s *playbook.Schedule) (*order, error) {
	var found *order
	err := d.Ledger.View(ctx, func(tx ledger.Tx) error {
		orders, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.TickOrder}, Topic: b.Playbook})
		if err != nil {
			return err
		}
		used := map[int64]bool{}
		if len(orders) > 0 {
			done, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Ticked}, Topic: b.Playbook, After: orders[0].Seq})
			if err != nil {
				return err
			}
			for _, one := range done {
				var body ledger.TickedBody
				if err := read(one, &body); err != nil {
					return err
				}
				used[body.Order] = true
			}
		}
		for _, one := range slices.Backward(orders) {
			o := &order{seq: one.Seq, at: one.At}
			if err := read(one, &o.TickOrderBody); err != nil {
				return err
			}
			o.by = o.By
			if rec.At.Sub(o.at) > orderLife || rec.Seq < o.seq {
				continue
			}
			if o.Once && !used[o.seq] && b.Scheduled.Sub(o.From).Abs() <= orderSlack {
				found = o
				return nil
			}
			if !o.Once && s.Due(b.Scheduled) && !b.Scheduled.Before(o.From) && !b.Scheduled.After(o.To) {
				found = o
				return nil
			}
		}
		return nil
	})
	return found, err
}

// waitedFor reports whether a tick is late because the run before it was under way: until after since.
func (d *Desk) waitedFor(ctx context.Context, b ledger.TickBody, s *playbook.Schedule, since time.Time) (waited bool, err error) {
	if s.Overlap != playbook.OverlapBuffer && s.Overlap != playbook.OverlapCancel {
		return false, nil
	}
	err = d.Ledger.View(ctx, func(tx ledger.Tx) error {
		done, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Ticked}, Topic: b.Playbook})
		if err != nil {
			return err
		}
		for _, one := range slices.Backward(done) {
			var body ledger.TickedBody
			if err := read(one, &body); err != nil {
				return err
			}
			if body.Run == "" || !body.Scheduled.Before(b.Scheduled) {
				continue
			}
			end, over, err := tx.Find(ledger.EndedKey(body.Run, body.Execution))
			waited = over && end.At.After(since)
			return err
		}
		return nil
	})
	return waited, err
}

// bySeq sorts records as they were written.
func bySeq(records []ledger.Record) {
	slices.SortFunc(records, func(a, b ledger.Record) int { return cmp.Compare(a.Seq, b.Seq) })
}

// MostTicks bounds what one order has run.
const MostTicks = 100

// Schedules is what the desk has the cluster's schedules do; workflows.Client has it.
type Schedules interface {
	Trigger(ctx context.Context, playbook string, at time.Time) error
	Backfill(ctx context.Context, playbook string, from, to time.Time) error
	// Schedules are those of the cluster, with what they have counted.
	Schedules(ctx context.Context, last int) ([]workflows.Scheduled, error)
}

// TickOrder is what a person has the schedule of a playbook do.
type TickOrder struct {
	Playbook string `json:"playbook"`
	// From and To are the times that are run as if they came now; zero: once, now.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Ordered is what an order leads to.
type Ordered struct {
	// Times are those at which the schedule was due, or the one that it is now.
	Times []time.Time `json:"times"`
	// Runs are those of the times that are over, which are started one after the other; or the one that
	// was started now, none if it was not so soon.
	Runs []string `json:"runs"`
	// Refused is why nothing was started after all.
	Refused string `json:"refused,omitempty"`
}

// Order has a schedule run its playbook now, or at times that are over, by the word of a person: who
// has no vote in those runs. Those of times that are over are started one after the other.
func (d *Desk) Order(ctx context.Context, p Principal, in TickOrder) (Ordered, error) {
	if _, err := d.human(p); err != nil {
		return Ordered{}, d.refused(ctx, p, "", "", err)
	}
	lib, err := d.Library()
	if err != nil {
		return Ordered{}, err
	}
	pb, err := lib.ByName(in.Playbook)
	if err != nil {
		return Ordered{}, refuse("%v", err)
	}
	if pb.Schedule == nil {
		return Ordered{}, refuse("the playbook %s has no schedule; start it with starter run", pb.Name)
	}
	if d.Schedules == nil {
		return Ordered{}, fmt.Errorf("%w: this gateway has no schedules", ErrForbidden)
	}
	now := time.Now().UTC()
	body := ledger.TickOrderBody{Playbook: pb.Name, From: in.From.UTC(), To: in.To.UTC(), By: p.Person, Surface: p.Surface, Via: p.Via}
	var out Ordered
	if in.From.IsZero() && in.To.IsZero() {
		body.From, body.Once = now.Truncate(time.Second), true
		body.To = body.From
		out.Times = []time.Time{body.From}
	} else if out.Times, err = Within(pb.Schedule, in.From, in.To, now); err != nil {
		return Ordered{}, err
	}
	out.Runs = []string{}
	for _, at := range out.Times {
		if body.Once {
			break
		}
		out.Runs = append(out.Runs, workflows.RunID(pb.Name, workflows.ScheduledKey(at)))
	}
	var seq int64
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		rec, err := tx.Append(ledger.Entry{Kind: ledger.TickOrder, Topic: pb.Name, Body: body})
		seq = rec.Seq
		return err
	}); err != nil {
		return Ordered{}, err
	}
	d.Log.InfoContext(ctx, "a schedule is ordered to run", "playbook", pb.Name, "person", p.Person, "from", body.From, "to", body.To, "times", len(out.Times))
	if body.Once {
		if err := d.Schedules.Trigger(ctx, pb.Name, body.From); err != nil {
			return out, notThere(err)
		}
		d.began(ctx, seq, pb.Name, &out)
		return out, nil
	}
	return out, notThere(d.Schedules.Backfill(ctx, pb.Name, body.From, body.To))
}

// notThere refuses what is about a schedule that the cluster has not.
func notThere(err error) error {
	if errors.Is(err, workflows.ErrNoSchedule) {
		return refuse("%v: starter schedule apply puts it there", err)
	}
	return err
}

// beganIn bounds how long an order waits for its run.
const beganIn = 15 * time.Second

// began waits for a moment for what an order leads to. That it cannot be told changes nothing.
func (d *Desk) began(ctx context.Context, order int64, name string, out *Ordered) {
	ctx, stop := context.WithTimeout(ctx, beganIn)
	defer stop()
	for sleep(ctx, followEvery) {
		var found *ledger.TickedBody
		_ = d.Ledger.View(ctx, func(tx ledger.Tx) error {
			done, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Ticked}, Topic: name, After: order})
			for _, rec := range done {
				var b ledger.TickedBody
				if read(rec, &b) == nil && b.Order == order {
					found = &b
				}
			}
			return err
		})
		if found != nil {
			out.Times = []time.Time{found.Scheduled}
			if out.Refused = found.Refused; found.Run != "" {
				out.Runs = []string{found.Run}
			}
			return
		}
	}
}

// Within are the times of a schedule between two, both included, all of which are over.
func Within(s *playbook.Schedule, from, to, now time.Time) ([]time.Time, error) {
	switch {
	case from.IsZero() || to.IsZero() || to.Before(from):
		return nil, refuse("times that are over are named by their first and their last")
	case to.After(now):
		return nil, refuse("%s is not over yet", to.UTC().Format(time.RFC3339))
	case now.Sub(from) > 365*24*time.Hour:
		return nil, refuse("%s is more than a year ago", from.UTC().Format(time.RFC3339))
	}
	times := s.Next(from.Add(-time.Second), MostTicks+1)
	times = slices.DeleteFunc(times, func(t time.Time) bool { return t.After(to) })
	switch {
	case len(times) == 0:
		return nil, refuse("the schedule (%s) was not due from %s to %s", s, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	case len(times) > MostTicks:
		return nil, refuse("from %s to %s it was due more than %d times, which is the most at once", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), MostTicks)
	}
	return times, nil
}
