package aws

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/preview"
)

// turn is a change of one thing from one of its states to another, and the same thing seen: what
// the change does, its preview shows.
type turn[T comparable] struct {
	// call says what is attempted, and of is the thing, as people are told of them.
	call, of string
	// property is what of the thing has the state, and say puts a state into words.
	property string
	say      func(T) string

	want T
	// leave, if set, is the state that the call to undo had found as it wanted it. It changed
	// nothing, so neither does this one.
	leave *T
	// left, if set, is the state that the call to undo has left: what is in another one has been
	// changed since, by somebody who had a reason.
	left *T

	read func(context.Context) (T, error)
	// admit is clear or released.
	admit func(context.Context) (context.Context, error)
	// write changes the thing, which was found in the state now.
	write func(ctx context.Context, now T) error
}

// turned is how a turn ended.
type turned[T comparable] struct {
	previous          T
	changed, verified bool
}

// find is what both the change and its preview look at first. done: there is nothing to change.
func (t turn[T]) find(ctx context.Context, what string) (_ context.Context, now T, done bool, _ error) {
	now, err := t.read(ctx)
	if err != nil || t.leave != nil {
		return ctx, now, true, err
	}
	if t.left != nil && now != *t.left && now != t.want {
		return ctx, now, true, activities.Permanent("ChangedSince",
			fmt.Errorf("%s: its %s is %s, and was left %s: somebody has changed it since", what, t.property, t.say(now), t.say(*t.left)))
	}
	ctx, err = t.admit(ctx)
	return ctx, now, now == t.want, err
}

func (t turn[T]) do(ctx context.Context, s *service) (turned[T], error) {
	ctx, now, _, err := t.find(ctx, t.call)
	if err != nil {
		return turned[T]{}, err
	}
	if t.leave != nil {
		return turned[T]{previous: now, verified: now == *t.leave}, nil
	}
	first, err := activities.Remember(ctx, now)
	if err != nil {
		return turned[T]{}, err
	}
	if now != t.want {
		if err := t.write(ctx, now); err != nil {
			return turned[T]{}, err
		}
		if err := s.settle(ctx, t.call, func(ctx context.Context) (bool, error) {
			now, err := t.read(ctx)
			return now == t.want, err
		}); err != nil {
			return turned[T]{}, err
		}
	}
	return turned[T]{previous: first, changed: first != t.want, verified: true}, nil
}

func (t turn[T]) preview(ctx context.Context) (preview.Preview, error) {
	_, now, done, err := t.find(ctx, "preview of "+t.of)
	if err != nil || done {
		return unchanged, err
	}
	return shown(preview.Change{Target: t.of, What: t.property, Before: t.say(now), After: t.say(t.want)}), nil
}

// previewTurn is the preview of an effect that is a turn.
func previewTurn[In any, T comparable](r *activities.Registry, name string, of func(context.Context, In) (turn[T], error)) {
	activities.Previews(r, name, func(ctx context.Context, in In) (preview.Preview, error) {
		t, err := of(ctx, in)
		if err != nil {
			return unchanged, err
		}
		return t.preview(ctx)
	})
}

// admitReleased is admit for what takes an effect back.
func admitReleased(ctx context.Context) (context.Context, error) { return released(ctx), nil }
