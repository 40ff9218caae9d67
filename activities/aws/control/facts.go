package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/session"
	"github.com/countersign/countersign/activities/finding"
)

// facts are what is known of one account, or one region of it, in one call of the activity. Each is
// read when a control first asks for it, and then kept, also that it could not be read. One call is
// one goroutine: nothing is locked.
type facts struct {
	account, region string
	// at is when the step asked: age is counted to it, so that every attempt finds the same.
	at    time.Time
	c     *session.Clients
	pause func(context.Context, time.Duration) error
	kept  map[string]fact
	// resigned says that what may pass is no longer waited for.
	resigned bool
}

type fact struct {
	value any
	err   error
}

// read is a fact by its name: what get says of it the first time.
func read[T any](ctx context.Context, f *facts, name string, get func(context.Context) (T, error)) (T, error) {
	known, ok := f.kept[name]
	if !ok {
		value, err := get(ctx)
		known = fact{value, err}
		if ctx.Err() == nil {
			f.kept[name] = known
		}
		activities.Heartbeat(ctx, name) // how far it has come: that it is alive the guard tells
	}
	value, _ := known.value.(T)
	return value, known.err
}

// whole is the account's name as a resource: of what is about no smaller one.
func (f *facts) whole() string { return "arn:aws:iam::" + f.account + ":root" }

// arn names a resource of the region.
func (f *facts) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + f.region + ":" + f.account + ":" + rest
}

// unread is a call that was refused or not answered.
type unread struct {
	// permission is what the call needs.
	permission string
	err        error
}

func (e *unread) Error() string { return e.err.Error() }
func (e *unread) Unwrap() error { return e.err }

// failed is the error of a call that needs a permission.
func (f *facts) failed(err error, permission string) error {
	if err == nil {
		return nil
	}
	in := ""
	if f.region != "" {
		in = " in " + f.region
	}
	return &unread{permission: permission, err: session.Failed(err, "audit account %s%s: %s", f.account, in, permission)}
}

// settled reports whether err is the last word: no other attempt of this call will be told otherwise,
// or there have been enough of them.
func (f *facts) settled(ctx context.Context, err error) bool {
	var of *activities.Error
	if ctx.Err() != nil || !errors.As(err, &of) {
		return false
	}
	return of.Permanent || f.resigned
}

// refused is what is seen of a resource whose call failed. An error is that another attempt is due.
func (f *facts) refused(ctx context.Context, resource string, err error) (seen, error) {
	if !f.settled(ctx, err) {
		return seen{}, err
	}
	var of *activities.Error
	errors.As(err, &of)
	evidence := map[string]string{"code": of.Kind}
	var call *unread
	if errors.As(err, &call) {
		evidence["permission"] = call.permission
	}
	return seen{resource: resource, status: finding.Error, evidence: evidence}, nil
}

// days are the whole days from then to when the step asked.
func (f *facts) days(then time.Time) int { return max(int(f.at.Sub(then)/(24*time.Hour)), 0) }

// listed is a number of names for evidence, which is for people to read: the first ones and how many
// more there are.
func listed(names []string) string {
	const most = 10
	text := ""
	for i, name := range names {
		if i == most {
			return fmt.Sprintf("%s and %d more", text, len(names)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	return text
}
