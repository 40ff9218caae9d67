package aws

import (
	"context"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities"
)

// Waits between looks at something under way at AWS: a small disk is copied in seconds and a large one
// in the better part of an hour, a server stops in a minute or, hung, in several.
const (
	awaitFirst = time.Second
	awaitMost  = 15 * time.Second
)

// await looks until something under way has come to its end, for as long as the attempt may last. The
// next attempt goes on waiting, and finds it begun.
func (s *service) await(ctx context.Context, what string, look func(context.Context) (done bool, progress string, err error)) error {
	for wait := awaitFirst; ; wait = min(2*wait, awaitMost) {
		done, progress, err := look(ctx)
		if err != nil || done {
			return err
		}
		activities.Heartbeat(ctx, progress)
		if err := s.pause(ctx, wait); err != nil {
			return fmt.Errorf("%s: wait until it is done: %w", what, err)
		}
	}
}

// toggle is one of the two calls that put something into one of two states.
type toggle struct {
	what string
	want bool
	// leave says that the call to undo had changed nothing, so neither does this one.
	leave bool
	// find looks at the thing first, and refuses what must not be touched; what it returns is the
	// context for set. look is the same look later.
	find func(context.Context) (context.Context, bool, error)
	look func(context.Context) (bool, error)
	set  func(context.Context) error
}

// make makes the call; first is what was found by the first attempt.
func (t toggle) make(ctx context.Context, s *service) (first, verified bool, err error) {
	acting, now, err := t.find(ctx)
	if err != nil {
		return false, false, err
	}
	if t.leave {
		return now, now != t.want, nil
	}
	if first, err = activities.Remember(ctx, now); err != nil {
		return false, false, err
	}
	if now != t.want {
		if err := t.set(acting); err != nil {
			return false, false, err
		}
		if err := s.settle(ctx, t.what, func(ctx context.Context) (bool, error) {
			now, err := t.look(ctx)
			return now == t.want, err
		}); err != nil {
			return false, false, err
		}
	}
	return first, true, nil
}

// changed reports whether a call that found first has changed something.
func (t toggle) changed(first bool) bool { return !t.leave && first != t.want }
