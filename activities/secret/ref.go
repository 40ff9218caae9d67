package secret

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
)

// Pattern is the form of a reference, for the schemas of inputs.
const Pattern = `^secret://[a-z][a-z0-9]*(-[a-z0-9]+)*$`

const scheme = "secret://"

var (
	refForm  = regexp.MustCompile(Pattern)
	nameForm = regexp.MustCompile(strings.Replace(Pattern, scheme, "", 1))
)

// maxName bounds the name of a secret, in bytes.
const maxName = 100

// Ref names a secret: secret://pagerduty-token. It is no secret itself.
type Ref string

// Name is the part behind secret://, or "" for what is no reference.
func (r Ref) Name() string {
	if len(r) > len(scheme)+maxName || !refForm.MatchString(string(r)) {
		return ""
	}
	return strings.TrimPrefix(string(r), scheme)
}

// Resolve reads the secret, for the activity that the context is of. It is read anew at each call,
// so that one that was changed is the new one. The error names the reference and never a value; it
// is an [*Error].
func (r Ref) Resolve(ctx context.Context) (Secret, error) {
	name := r.Name()
	if name == "" {
		// What stands here may be the secret itself, written by somebody who did not know better.
		return Secret{}, final("", errors.New("what was given is no reference; want secret://name"))
	}
	u, _ := ctx.Value(useKey{}).(*use)
	if u == nil || u.resolver == nil {
		return Secret{}, final(r, errors.New("this worker was given no secrets"))
	}
	u.resolved.Store(true)
	return u.resolver.resolve(ctx, u.activity, name)
}

// Error is why a secret could not be had.
type Error struct {
	// Ref is "" where what was given is none.
	Ref Ref
	// Permanent says that no retry will help.
	Permanent bool

	err error
}

func (e *Error) Error() string {
	if e.Ref == "" {
		return fmt.Sprintf("resolve a secret: %v", e.err)
	}
	return fmt.Sprintf("resolve %s: %v", e.Ref, e.err)
}

func (e *Error) Unwrap() error { return e.err }

func final(r Ref, err error) error { return &Error{Ref: r, Permanent: true, err: err} }

// use is one call of an activity that may resolve secrets.
type use struct {
	resolver *Resolver
	activity string
	resolved atomic.Bool // something was, or was tried
}

type useKey struct{}

// With lets what is called with the context resolve secrets, in the name of an activity.
func With(ctx context.Context, r *Resolver, activity string) context.Context {
	return context.WithValue(ctx, useKey{}, &use{resolver: r, activity: activity})
}
