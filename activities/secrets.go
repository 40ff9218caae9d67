package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/activities/secret"
)

// NoSecret is the kind of an error of a call whose secret could not be had.
const NoSecret = "NoSecret"

// Secrets sets where activities find the secrets that their inputs name. Without, there are none.
func (r *Registry) Secrets(from *secret.Resolver) { r.secrets = from }

// quiet takes what was resolved out of an error that leaves an activity. An error in which there was
// something keeps its kind, and loses those that it wraps: they may say it again.
func quiet(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	var unresolved *secret.Error
	if !errors.As(err, &known) && errors.As(err, &unresolved) {
		err = &Error{Kind: NoSecret, Permanent: unresolved.Permanent, err: err}
	}
	if !tells(ctx, err) {
		return err
	}
	text, _ := secret.Clean(ctx, err.Error())
	switch {
	case errors.As(err, &known):
		kind, _ := secret.Clean(ctx, known.Kind)
		return &Error{Kind: kind, Permanent: known.Permanent, After: known.After, err: errors.New(text)}
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", text, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", text, context.DeadlineExceeded)
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return temporal.NewApplicationErrorWithOptions(text, application.Type(), temporal.ApplicationErrorOptions{
			NonRetryable: application.NonRetryable(), NextRetryDelay: application.NextRetryDelay(),
		})
	}
	return errors.New(text)
}

// quietPanic takes what was resolved out of what a panic says: the engine keeps that too.
func quietPanic(ctx context.Context) {
	said := recover()
	if said == nil {
		return
	}
	if text, told := secret.Clean(ctx, fmt.Sprint(said)); told {
		panic(text)
	}
	panic(said)
}

// quietPreview takes what was resolved out of a preview: people read it.
func quietPreview(ctx context.Context, seen preview.Preview) (preview.Preview, error) {
	raw, err := json.Marshal(seen)
	if err != nil {
		return preview.Preview{}, Permanent("BadOutput", fmt.Errorf("write a preview: %w", err))
	}
	clean := secret.CleanJSON(ctx, raw)
	if bytes.Equal(raw, clean) {
		return seen, nil
	}
	var quiet preview.Preview
	if err := json.Unmarshal(clean, &quiet); err != nil {
		return preview.Preview{}, Permanent("BadOutput", errors.New("a preview that held a secret cannot be shown without it"))
	}
	return quiet, nil
}

// tells reports whether an error, or one that it wraps, says what was resolved.
func tells(ctx context.Context, err error) bool {
	if err == nil {
		return false
	}
	if _, told := secret.Clean(ctx, err.Error()); told {
		return true
	}
	switch e := err.(type) { //nolint:errorlint // each of the chain is looked at by itself
	case interface{ Unwrap() error }:
		return tells(ctx, e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if tells(ctx, inner) {
				return true
			}
		}
	}
	return false
}
