package desk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// How often ticks are tried that could not be answered, and how often runs are looked at that a
// schedule started: one that was terminated tells nobody that it has ended.
const (
	tickTries = 5 * time.Second
	tickLooks = time.Minute
	// tickCounts is how often it is looked at what the cluster's schedules have left out.
	tickCounts = 5 * time.Minute
	tickGrace  = 2 * time.Minute // for a run to tell its end by itself
)

// BySchedule is who started a run, or cancelled it, where its schedule did.
const BySchedule = "the schedule"

// tick is a time at which a schedule is due, as it is on record.
type tick struct {
	playbook  string
	scheduled time.Time
}

// ticks are those that wait for an answer, and the runs of those that have one.
type ticks struct {
	mu   sync.Mutex
	open map[tick]ledger.Record       // of kind Tick
	runs map[string]ledger.TickedBody // under way, by the run
	// left wait no longer, and cancel are runs to cancel.
	left   []leftTick
	cancel map[string]bool

	work sync.Mutex // one answers at a time
}

// leftTick is one that waits no longer.
type leftTick struct {
	ledger.TickOverBody

	again string
}

// again is what the keys of a tick have more than those of its time, where that is tried again.
func again(rec ledger.Record, playbook string, scheduled time.Time) string {
	return strings.TrimPrefix(rec.Key, ledger.TickKey(playbook, scheduled))
}

var tickKinds = []ledger.Kind{ledger.Tick, ledger.Ticked, ledger.TickOver, ledger.Ended}

// tickle answers ticks, until ctx ends: it starts the runs of schedules that are due. Of several
// gateways with one ledger one does. What is from before is found in the record.
func (d *Desk) tickle(ctx context.Context) {
	err := d.Ledger.Lead(ctx, "ticks", func(ctx context.Context) error {
		t := &ticks{open: map[tick]ledger.Record{}, runs: map[string]ledger.TickedBody{}, cancel: map[string]bool{}}
		f := &follower{desk: d, kinds: tickKinds, take: func(_ ledger.Tx, rec ledger.Record) (func(context.Context), error) {
			return func(ctx context.Context) {
				d.note(ctx, t, rec)
				d.answerTicks(ctx, t)
			}, nil
		}}
		if !f.begin(ctx) {
			return nil
		}
		if err := d.recallTicks(ctx, t); err != nil {
			return err
		}
		d.answerTicks(ctx, t)
		var all sync.WaitGroup
		defer all.Wait()
		all.Go(func() {
			var counted map[string]workflows.Scheduled
			for n := time.Duration(0); sleep(ctx, tickTries); n += tickTries {
				d.answerTicks(ctx, t)
				if n%tickLooks == 0 {
					d.lookAfter(ctx, t)
				}
				if n%tickCounts == 0 {
					counted = d.count(ctx, counted)
				}
			}
		})
		f.run(ctx)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		d.Log.ErrorContext(ctx, "schedules start nothing here any more", "error", err)
	}
}

// recallTicks reads what is on record of ticks.
func (d *Desk) recallTicks(ctx context.Context, t *ticks) error {
	for after := int64(0); ; {
		var records []ledger.Record
		err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
			records, err = tx.List(ledger.Filter{Kinds: tickKinds, After: after, Limit: 500})
			return err
		})
		if err != nil {
			return err
		}
		for _, rec := range records {
			d.note(ctx, t, rec)
		}
		if len(records) < 500 {
			return nil
		}
		after = records[len(records)-1].Seq
	}
}

// note takes one record.
func (d *Desk) note(ctx context.Context, t *ticks, rec ledger.Record) {
	var err error
	t.mu.Lock()
	defer t.mu.Unlock()
	switch rec.Kind {
	case ledger.Tick:
		var b ledger.TickBody
		if err = read(rec, &b); err == nil {
			t.open[tick{b.Playbook, b.Scheduled.UTC()}] = rec
		}
	case ledger.Ticked:
		var b ledger.TickedBody
		if err = read(rec, &b); err == nil {
			delete(t.open, tick{b.Playbook, b.Scheduled.UTC()})
			if b.Refused == "" {
				t.runs[b.Run] = b
			}
		}
	case ledger.TickOver:
		var b ledger.TickOverBody
		if err = read(rec, &b); err == nil {
			t.over(b)
		}
	case ledger.Ended:
		var b ledger.EndedBody
		if err = read(rec, &b); err == nil && t.runs[rec.Run].Execution == b.Execution {
			delete(t.runs, rec.Run)
			delete(t.cancel, rec.Run)
		}
	}
	if err != nil {
		d.Log.WarnContext(ctx, "a record of a schedule is not heeded", "record", rec.Seq, "kind", rec.Kind, "error", err)
	}
}

// over forgets a tick that waits no longer, and remembers to cancel the run of one that was cancelled.
func (t *ticks) over(b ledger.TickOverBody) {
	name := tick{b.Playbook, b.Scheduled.UTC()}
	if rec, open := t.open[name]; open {
		delete(t.open, name)
		t.left = append(t.left, leftTick{b, again(rec, b.Playbook, b.Scheduled)})
		return
	}
	for run, started := range t.runs {
		if b.Why == ledger.TickCancelled && started.Playbook == b.Playbook && started.Scheduled.Equal(b.Scheduled) && !started.Joined {
			t.cancel[run] = true
		}
	}
}

// leave puts on record that a tick is not answered any more.
func (d *Desk) leave(ctx context.Context, b leftTick) error {
	why := "it was cancelled before it was started"
	if b.Why == ledger.TickMissed {
		why = "no gateway took it in time"
	}
	err := d.ticked(ctx, ledger.TickedBody{Playbook: b.Playbook, Scheduled: b.Scheduled, Refused: why}, b.again)
	if err == nil && b.Why == ledger.TickMissed {
		d.missed(ctx, b.Playbook, b.Scheduled, why)
	}
	return err
}

// cancelTicked cancels a run by the word of its tick: whoever can cancel one can cancel the other.
func (d *Desk) cancelTicked(ctx context.Context, run string) error {
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		before, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Cancel}, Run: run, Limit: 1})
		if err != nil || len(before) > 0 {
			return err
		}
		_, err = tx.Append(ledger.Entry{Kind: ledger.Cancel, Run: run, Body: ledger.CancelBody{Run: run, By: BySchedule}})
		return err
	}); err != nil {
		return err
	}
	d.Log.InfoContext(ctx, "cancel", "run", run, "person", BySchedule)
	if err := d.Runs.Cancel(ctx, run); !errors.Is(err, workflows.ErrNoRun) {
		return err
	}
	return nil
}

// answerTicks ends what was cancelled and starts what is due, in the order in which it was.
func (d *Desk) answerTicks(ctx context.Context, t *ticks) {
	t.work.Lock()
	defer t.work.Unlock()
	t.mu.Lock()
	left, cancel := t.left, expr.Keys(t.cancel)
	t.left = nil
	due := make([]ledger.Record, 0, len(t.open))
	for _, rec := range t.open {
		due = append(due, rec)
	}
	t.mu.Unlock()
	for _, b := range left {
		if err := d.leave(ctx, b); err != nil {
			d.Log.WarnContext(ctx, "what became of a schedule's time could not be recorded", "playbook", b.Playbook, "scheduled", b.Scheduled, "error", err)
		}
	}
	for _, run := range cancel {
		if err := d.cancelTicked(ctx, run); err != nil {
			d.Log.WarnContext(ctx, "cancel the run of a schedule; it is tried again", "run", run, "error", err)
			continue
		}
		t.mu.Lock()
		delete(t.cancel, run)
		t.mu.Unlock()
	}
	bySeq(due)
	for _, rec := range due {
		if ctx.Err() != nil {
			return
		}
		var b ledger.TickBody
		if read(rec, &b) != nil {
			continue
		}
		done, err := d.answerTick(ctx, rec, b)
		switch {
		case err != nil && ctx.Err() == nil:
			d.Log.WarnContext(ctx, "a schedule is due, and its run could not be started; it is tried again", "playbook", b.Playbook, "scheduled", b.Scheduled, "error", err)
		case err == nil:
			t.mu.Lock()
			delete(t.open, tick{b.Playbook, b.Scheduled.UTC()})
			if done.Run != "" {
				t.runs[done.Run] = done
			}
			t.mu.Unlock()
		}
	}
}

// answerTick starts the run of one tick, or puts on record why there is none.
func (d *Desk) answerTick(ctx context.Context, rec ledger.Record, b ledger.TickBody) (ledger.TickedBody, error) {
	done := ledger.TickedBody{Playbook: b.Playbook, Scheduled: b.Scheduled.UTC()}
	var before ledger.Record
	var taken bool
	again := again(rec, b.Playbook, b.Scheduled)
	err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		before, taken, err = tx.Find(ledger.TickedKey(b.Playbook, b.Scheduled) + again)
		return err
	})
	if err != nil {
		return done, err
	}
	if taken { // by another gateway
		err = read(before, &done)
		return done, err
	}
	pb, order, err := d.admit(ctx, rec, b)
	if no := (refusal{}); errors.As(err, &no) {
		done.Refused = no.says
		d.Log.WarnContext(ctx, "a schedule starts nothing", "playbook", b.Playbook, "scheduled", b.Scheduled, "why", no.says)
		err := d.ticked(ctx, done, again)
		if err == nil {
			d.missed(ctx, b.Playbook, b.Scheduled, no.says)
		}
		return done, err
	}
	if err != nil {
		return done, err
	}
	started, err := d.startScheduled(ctx, pb, b.Scheduled, order)
	if no := (refusal{}); errors.As(err, &no) {
		done.Refused = no.says
		if order != nil {
			done.Order = order.seq
		}
		return done, d.ticked(ctx, done, again)
	}
	if err != nil {
		return done, err
	}
	done.Run, done.Execution, done.Joined = started.Run, started.Execution, !started.New
	if order != nil {
		done.Order = order.seq
	}
	return done, d.ticked(ctx, done, again)
}

// ticked puts on record what became of a tick.
func (d *Desk) ticked(ctx context.Context, b ledger.TickedBody, again string) error {
	err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{
			Kind: ledger.Ticked, Run: b.Run, Topic: b.Playbook, Key: ledger.TickedKey(b.Playbook, b.Scheduled) + again, Body: b,
		})
		return err
	})
	if errors.Is(err, ledger.ErrTaken) {
		return nil
	}
	return err
}

// startScheduled starts the one run of a scheduled time by the path of every start.
func (d *Desk) startScheduled(ctx context.Context, pb *playbook.Playbook, at time.Time, order *order) (workflows.Started, error) {
	given, err := pb.Schedule.Given()
	if err != nil {
		return workflows.Started{}, err
	}
	ev := playbook.ScheduledEvent(pb.Name, at)
	input, err := workflows.NewInput(pb, ev, given)
	if err != nil {
		return workflows.Started{}, refuse("%v", err)
	}
	by := ""
	if order != nil {
		by = order.by
	}
	key := workflows.ScheduledKey(at)
	run := workflows.RunID(pb.Name, key)
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error { return recordEvent(tx, ev, "schedule", []string{run}) }); err != nil {
		return workflows.Started{}, err
	}
	return d.startOnce(ctx, by, pb, key, input)
}

// lookAfter sees to runs that ended without a word: they were terminated, or their time was over. What
// waits for them is told by the desk.
func (d *Desk) lookAfter(ctx context.Context, t *ticks) {
	t.mu.Lock()
	runs := make([]ledger.TickedBody, 0, len(t.runs))
	for _, b := range t.runs {
		runs = append(runs, b)
	}
	t.mu.Unlock()
	for _, b := range runs {
		over, err := d.Runs.Over(ctx, b.Run, b.Execution)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, workflows.ErrNoRun) { // Temporal keeps it no longer
			over, err = workflows.Over{Status: "gone"}, nil
		}
		if err != nil {
			d.Log.WarnContext(ctx, "look after the run of a schedule", "run", b.Run, "error", err)
			continue
		}
		if over.Status == "" || time.Since(over.At) < tickGrace {
			continue
		}
		state := workflows.Failed
		switch over.Status {
		case "completed":
			state = workflows.Done
		case "canceled":
			state = workflows.Cancelled
		}
		err = d.Ledger.Do(ctx, func(tx ledger.Tx) error {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Ended, Run: b.Run, Key: ledger.EndedKey(b.Run, b.Execution), Body: ledger.EndedBody{
				Execution: b.Execution, Playbook: b.Playbook, State: string(state), Error: "it is " + over.Status + " on the cluster, and has not told how it ended",
			}})
			return err
		})
		if err != nil && !errors.Is(err, ledger.ErrTaken) {
			d.Log.WarnContext(ctx, "the end of a run could not be recorded", "run", b.Run, "error", err)
		}
	}
}

// count tells people of what the cluster's schedules have left out since it was last looked at: what was
// due while the cluster was away, or while a run was under way. Nothing is told of before the first look.
func (d *Desk) count(ctx context.Context, before map[string]workflows.Scheduled) map[string]workflows.Scheduled {
	if d.Schedules == nil {
		return nil
	}
	list, err := d.Schedules.Schedules(ctx, 0)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.WarnContext(ctx, "look at what schedules have left out", "error", err)
		}
		return before
	}
	now := map[string]workflows.Scheduled{}
	for _, s := range list {
		now[s.Playbook] = s
		was, known := before[s.Playbook]
		if !known {
			continue
		}
		for _, one := range []struct {
			more int64
			why  string
		}{
			{s.Missed - was.Missed, "the cluster was away for longer than it catches up with"},
			{s.Skipped - was.Skipped, "its run before was still under way"},
			{s.Dropped - was.Dropped, "too many wait for the runs before them"},
		} {
			if one.more > 0 {
				d.Notifier.Notify(ctx, Notice{Kind: ScheduleMissed, Run: s.Playbook, Text: fmt.Sprintf("%s has left out %d of its times: %s", s.Playbook, one.more, one.why)})
			}
		}
	}
	return now
}
