package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
)

// Error carries what the engine must know of a failure beside its text. An error of any other
// type counts as passing and is retried.
type Error struct {
	// Kind is a short name to act on: the provider's error code, or BadInput, NotPermitted.
	Kind string
	// Permanent says that no retry will help.
	Permanent bool
	// After is how long the provider asks us to wait before the next attempt. Zero: as usual.
	After time.Duration

	err error
}

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// Permanent marks an error that no retry will mend: bad input, access denied, no such thing.
func Permanent(kind string, err error) error {
	return &Error{Kind: kind, Permanent: true, err: err}
}

// Passing marks an error that a retry may mend; after is the least wait before it, zero if the
// provider named none.
func Passing(kind string, after time.Duration, err error) error {
	return &Error{Kind: kind, After: after, err: err}
}

// Cancelled reports whether somebody has cancelled the run, so that no other attempt will follow. A
// context that ends for another reason (time is up, the worker stops, the engine cannot be reached)
// is followed by one.
func Cancelled(ctx context.Context) bool {
	return ctx.Err() != nil && temporal.IsCanceledError(context.Cause(ctx))
}

// toTemporal says the same to Temporal, which sees only its own error type across the wire.
func toTemporal(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), e.Kind, temporal.ApplicationErrorOptions{
		NonRetryable:   e.Permanent,
		NextRetryDelay: e.After,
	})
}
