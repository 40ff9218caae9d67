package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"
)

// How often a lead is tried for, and looked after while it is held, and how long each may take. For
// so long after a lead is lost two may work: what they do must bear that.
const (
	leadEvery    = time.Second
	leadPatience = 3 * time.Second
)

// errLost is why a lead's work ends before its time.
var errLost = errors.New("the lead is lost")

var leadName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)

// Lead does work while nobody else who has this ledger open, in this process or another, does work
// of the same name: lower case letters, digits and dashes. It waits for the lead; when it is lost
// the context of work ends, and Lead waits for it anew. It returns what work returned where that
// ended by itself, and nil when ctx has ended. What keeps it from the lead is logged, and tried again.
//
// With PostgreSQL the lead is a session's advisory lock, on a connection of its own: a pooler that
// hands out connections for one transaction each cannot hold it, and it is noticed as lost. With
// SQLite it is the lock of a file beside the ledger.
func (l *Ledger) Lead(ctx context.Context, name string, work func(context.Context) error) error {
	if !leadName.MatchString(name) {
		return fmt.Errorf("lead %q: want a name of lower case letters, digits and dashes", name)
	}
	said := "" // of what keeps it from the lead
	tell := func(what string, err error) {
		if text := fmt.Sprint(err); err != nil && text != said && ctx.Err() == nil {
			said = text
			slog.WarnContext(ctx, what, "ledger", l.name, "lead", name, "error", err)
		}
	}
	for ctx.Err() == nil {
		held, err := l.take(ctx, name)
		if err != nil || held == nil {
			tell("the lead cannot be taken, and is tried for again", err)
			wait(ctx, leadEvery)
			continue
		}
		if err = lead(ctx, held, work); !errors.Is(err, errLost) {
			return err
		}
		tell("another may lead now", err)
	}
	return nil
}

// take tries for the lead once; nil is that somebody else has it.
func (l *Ledger) take(ctx context.Context, name string) (lock, error) {
	ctx, cancel := context.WithTimeout(ctx, leadPatience)
	defer cancel()
	return l.base.lock(ctx, name)
}

// lock is a lead that is held.
type lock interface {
	// held is an error unless it is still held.
	held(ctx context.Context) error
	release()
}

// lead works while a lock is held. It has returned to whoever called only when work has ended.
func lead(ctx context.Context, held lock, work func(context.Context) error) error {
	defer held.release()
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done := make(chan error, 1)
	go func() { done <- work(working) }()
	for {
		select {
		case err := <-done:
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(context.Cause(working), errLost):
				return context.Cause(working)
			default:
				return err
			}
		case <-time.After(leadEvery):
			if working.Err() != nil {
				continue // work is ending
			}
			asking, cancel := context.WithTimeout(ctx, leadPatience)
			if err := held.held(asking); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%w: %w", errLost, err))
			}
			cancel()
		}
	}
}

func wait(ctx context.Context, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
