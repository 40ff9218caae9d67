package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/countersign/countersign/activities/grant"
)

// How often checkpoints are signed when nothing else is said: what is not sealed yet is at most a
// minute and a hundred records.
const (
	CheckpointEvery   = time.Minute
	CheckpointRecords = 100
)

// Place is where checkpoints are kept: one that those who operate the ledger cannot change.
type Place interface {
	// Keep has the checkpoint when it returns nil. It may be asked again for the same one.
	Keep(ctx context.Context, s Sealing) error
	// Name says where, for people.
	Name() string
}

// Checkpointer signs the head of a ledger, again and again, and takes it to all places. Before it
// signs it checks what was written since the last time: a checkpoint never covers up a change. The
// gateway runs one; several of several processes do no harm.
type Checkpointer struct {
	Ledger *Ledger
	Signer grant.Signer
	Places []Place
	// Last is where to go on, see [File.Last]. Zero: the whole ledger is read first.
	Last Checkpoint
	// Every and Records bound what is not sealed; zero are the constants above.
	Every   time.Duration
	Records int64
	// Log is told what fails. Nil: the default logger.
	Log *slog.Logger
}

// Run signs until the context ends, and once more then. What fails is logged and tried again; a
// ledger that was changed ends it with a *Fault: from then on nothing is sealed, and somebody has to
// look.
func (c *Checkpointer) Run(ctx context.Context) error {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Every <= 0 {
		c.Every = CheckpointEvery
	}
	if c.Records <= 0 {
		c.Records = CheckpointRecords
	}
	tick := time.NewTicker(max(c.Every/20, 10*time.Millisecond)) // looking is one read of the head
	defer tick.Stop()
	tried, failed := time.Now(), ""
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-tick.C:
		}
		due, err := c.due(ctx, time.Since(tried) >= c.Every, failed != "")
		if due {
			tried = time.Now()
			_, err = c.Sign(ctx)
		}
		var fault *Fault
		switch {
		case errors.As(err, &fault):
			c.Log.ErrorContext(ctx, "the ledger was changed; no checkpoint is signed any more", "ledger", c.Ledger.Name(), "fault", fault.Error())
			return err
		case err != nil && ctx.Err() == nil && err.Error() != failed: // once for each reason
			c.Log.WarnContext(ctx, "no checkpoint was kept; it is tried again", "error", err)
			failed = err.Error()
		case err == nil && due:
			failed = ""
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTry)
	defer cancel()
	_, err := c.Sign(last)
	return err
}

// lastTry bounds the checkpoint that is signed at the end.
const lastTry = 10 * time.Second

// due reports whether it is time to sign: when there is something to sign, and enough of it or for
// long enough. After a failure only the time counts.
func (c *Checkpointer) due(ctx context.Context, late, failed bool) (bool, error) {
	var head int64
	err := c.Ledger.View(ctx, func(view Tx) error {
		head = view.(*tx).seq
		return nil
	})
	if err != nil || head == c.Last.Seq {
		return false, err
	}
	enough := head < c.Last.Seq || head-c.Last.Seq >= c.Records // a head that fell is for Sign to tell of
	return late || enough && !failed, nil
}

// Sign makes a checkpoint now and reports it: the last one again if nothing was recorded since.
func (c *Checkpointer) Sign(ctx context.Context) (Checkpoint, error) {
	next, err := c.follow(ctx)
	if err != nil || next.Seq == c.Last.Seq {
		return c.Last, err
	}
	signed, err := SignCheckpoint(c.Signer, next)
	if err != nil {
		return c.Last, err
	}
	for _, p := range c.Places {
		if kept := p.Keep(ctx, Sealing{next, signed}); kept != nil {
			err = errors.Join(err, fmt.Errorf("keep the checkpoint over record %d in %s: %w", next.Seq, p.Name(), kept))
		}
	}
	if err == nil {
		c.Last = next
	}
	return c.Last, err
}

// follow checks the records since the last checkpoint, and that its own is still there.
func (c *Checkpointer) follow(ctx context.Context) (Checkpoint, error) {
	next := c.Last
	err := c.Ledger.View(ctx, func(view Tx) error {
		next.At = view.Now()
		return nil
	})
	if err != nil {
		return next, err
	}
	seen := c.Last.Seq == 0
	if seen {
		next.Hash = origin
	}
	err = c.Ledger.each(ctx, max(c.Last.Seq-1, 0), func(r Record) error {
		sum, err := r.Sum()
		switch {
		case !seen && (r.Seq != c.Last.Seq || r.Hash != c.Last.Hash || err != nil || sum != r.Hash):
			return &Fault{Rewritten, c.Last.Seq, c.Last.Seq, "it is not the one that the last checkpoint was signed over"}
		case !seen:
			seen = true
			return nil
		case r.Seq != next.Seq+1:
			return &Fault{Missing, next.Seq + 1, r.Seq, fmt.Sprintf("after record %d comes record %d", next.Seq, r.Seq)}
		case err != nil || sum != r.Hash:
			return &Fault{Changed, r.Seq, r.Seq, "it does not have the hash that was written with it"}
		case r.Prev != next.Hash:
			return &Fault{Changed, r.Seq, r.Seq, fmt.Sprintf("it follows another record than the %d that is before it", next.Seq)}
		}
		next.Seq, next.Hash = r.Seq, r.Hash
		return nil
	})
	if err == nil && !seen {
		err = &Fault{Truncated, c.Last.Seq, 0, "the last checkpoint was signed over it, and it is not there"}
	}
	return next, err
}
