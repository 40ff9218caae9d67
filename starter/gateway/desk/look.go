package desk

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Serve gives notice of what waits for people, brings to runs what they did not hear, and puts on
// record what ended undecided, until ctx ends. What is from before this desk was started is found in
// the record.
//
// Runs that ask have it put on record, and that is followed. Every look a few of the runs that did
// not are asked, for the case that they could not: how many wait makes no difference.
func (d *Desk) Serve(ctx context.Context, look time.Duration) {
	var all sync.WaitGroup
	defer all.Wait()
	recalled := make(chan struct{})
	all.Go(func() { d.hear(ctx, recalled) })
	all.Go(func() { d.watch(ctx) })
	all.Go(func() { d.tickle(ctx) })
	all.Go(func() {
		select {
		case <-recalled:
			d.sweep(ctx, look)
		case <-ctx.Done():
		}
	})
	tries := time.NewTicker(firstPause)
	defer tries.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tries.C:
			d.retry(ctx, time.Now())
		}
	}
}

// hear follows what runs and people say, and then reads what they said before: of that nothing is
// left out between the two.
func (d *Desk) hear(ctx context.Context, recalled chan<- struct{}) {
	f := &follower{desk: d, kinds: waitKinds, take: func(_ ledger.Tx, rec ledger.Record) (func(context.Context), error) {
		return func(ctx context.Context) {
			if err := d.heed(ctx, rec, nil); err != nil {
				d.Log.WarnContext(ctx, "a record is not heeded", "record", rec.Seq, "kind", rec.Kind, "error", err)
			}
		}, nil
	}}
	if !f.begin(ctx) {
		return
	}
	var recalling sync.WaitGroup
	defer recalling.Wait()
	recalling.Go(func() {
		if err := d.recall(ctx); err != nil && ctx.Err() == nil {
			d.Log.ErrorContext(ctx, "what is on record could not be read", "error", err)
		}
		close(recalled)
	})
	f.run(ctx)
}

// watch looks at what is due, when it is.
func (d *Desk) watch(ctx context.Context) {
	for ctx.Err() == nil {
		now := time.Now()
		d.mu.Lock()
		due, next := d.waits.take(now)
		d.mu.Unlock()
		side(ctx, carriers, due, func(w *waiting) { d.attend(ctx, w) })
		if len(due) > 0 {
			continue
		}
		pause := time.Hour
		if !next.IsZero() {
			pause = min(pause, next.Sub(now))
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-d.waits.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Bounds on a look at runs that have told nothing: how many are listed, how many are asked, and every
// how many looks all are listed.
const (
	sweepListed = 1000
	sweepAsked  = 20
	sweepAll    = 40
	sweepMost   = 20_000
)

// sweep asks a few runs each time that are not known to wait, those first that were asked longest ago.
func (d *Desk) sweep(ctx context.Context, look time.Duration) {
	asked := map[string]time.Time{} // by execution
	for n := 0; ; n++ {
		if n%sweepAll == 0 {
			d.sweepOnce(ctx, sweepMost, asked)
		} else {
			d.sweepOnce(ctx, sweepListed, asked)
		}
		if !sleep(ctx, look) {
			return
		}
	}
}

func (d *Desk) sweepOnce(ctx context.Context, most int, asked map[string]time.Time) {
	open, err := d.Runs.Runs(ctx, true, most)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.WarnContext(ctx, "look for requests that wait", "error", err)
		}
		return
	}
	if len(open) < most { // all of them
		running := map[string]bool{}
		for _, run := range open {
			running[run.Execution] = true
		}
		for execution := range asked {
			if !running[execution] {
				delete(asked, execution)
			}
		}
	}
	d.mu.Lock()
	open = slices.DeleteFunc(open, func(run workflows.Listed) bool { return d.waits.runs[run.Run] != nil })
	d.mu.Unlock()
	slices.SortStableFunc(open, func(a, b workflows.Listed) int {
		return cmp.Compare(asked[a.Execution].UnixNano(), asked[b.Execution].UnixNano())
	})
	for _, run := range open[:min(len(open), sweepAsked)] {
		if ctx.Err() != nil {
			return
		}
		asked[run.Execution] = time.Now()
		st, err := d.Runs.Status(ctx, run.Run)
		if err != nil {
			continue // no worker, or it has ended meanwhile
		}
		d.mu.Lock()
		for _, a := range st.Asking() {
			d.waits.add(waitingFor(a.Request))
		}
		for _, q := range st.Unanswered() {
			d.waits.add(&waiting{run: q.Run, execution: q.Execution, id: q.ID, digest: q.Digest, question: true, asked: q.Asked, expires: q.Expires})
		}
		d.mu.Unlock()
	}
}

// waitingFor is what is kept in mind of a request.
func waitingFor(r approval.Request) *waiting {
	w := &waiting{run: r.Run, execution: r.Execution, id: r.ID, digest: r.Digest, asked: r.Asked, expires: r.Expires}
	if r.Escalate != nil {
		w.escalates = r.Escalate.At
	}
	return w
}

// sleep waits, and reports whether the context still runs.
func sleep(ctx context.Context, long time.Duration) bool {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
