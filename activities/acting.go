package activities

import (
	"context"
	"encoding/json"
)

// Acting is the effect that is being made, for whoever hands out the credentials for it: they can be
// cut to this call, and the provider's own log can name who approved it.
type Acting struct {
	Spec  Spec
	Input json.RawMessage
	// Run and Step ask for it.
	Run, Step string
	// Approval is the step under which people approved it, and By are they, as the authority believes
	// it; without an approval both are empty.
	Approval string
	By       []string
}

type actingKey struct{}

// WithActing sets what ActingFrom returns; tests of an activity use it.
func WithActing(ctx context.Context, a Acting) context.Context {
	return context.WithValue(ctx, actingKey{}, a)
}

// ActingFrom tells which effect is being made; false while something is only looked at.
func ActingFrom(ctx context.Context) (Acting, bool) {
	a, ok := ctx.Value(actingKey{}).(Acting)
	return a, ok
}

// WithoutActing is the context of calls beside the effect that is being made: they only look.
func WithoutActing(ctx context.Context) context.Context {
	return context.WithValue(ctx, actingKey{}, nil)
}
