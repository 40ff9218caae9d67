package secret

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
)

// Bounds on a value, in bytes. A shorter one could not be taken out of a text: it would be found in
// every other word.
const (
	MinValue = 8
	maxValue = 64 << 10
)

// Stored says where a secret is in AWS Secrets Manager.
type Stored struct {
	Account string
	Region  string
	ID      string // name or ARN
	Key     string // of the object that is stored there; "": all of it
}

// Store reads from a service that keeps secrets. Its errors say what was asked and never what was
// found.
type Store interface {
	Secret(ctx context.Context, where Stored) (Secret, error)
}

// Sources are what secrets are read from.
type Sources struct {
	// Env looks up the environment; nil: there is none.
	Env func(name string) (string, bool)
	// AWS reads AWS Secrets Manager; nil: nothing can be read from there.
	AWS Store
}

// entry is one secret of the file: where it is and who may use it.
type entry struct {
	env, file string
	aws       *Stored
	by        []string // patterns of activities
}

// Resolver finds secrets. It is safe for concurrent use.
type Resolver struct {
	sources Sources
	entries map[string]entry

	mu sync.Mutex
	// known are the values that were resolved, to be taken out of texts; of each name the last few.
	known map[string][]Secret
	forms []string // of all known values, the longest first
}

// keptValues is how many values of one secret are remembered: a call that began before a change
// still has the old one.
const keptValues = 3

// resolve reads the secret of a name for an activity.
func (r *Resolver) resolve(ctx context.Context, activity, name string) (Secret, error) {
	ref := Ref(scheme + name)
	e, ok := r.entries[name]
	if !ok {
		return Secret{}, final(ref, errors.New("there is no such secret; the file of secrets does not name it"))
	}
	if !slices.ContainsFunc(e.by, func(pattern string) bool {
		matches, err := path.Match(pattern, activity)
		return matches && err == nil
	}) {
		return Secret{}, final(ref, fmt.Errorf("%s may not use it; it is for %v", activity, e.by))
	}
	s, err := r.read(ctx, e)
	if err == nil {
		err = bounds(s)
	}
	if err != nil {
		return Secret{}, &Error{Ref: ref, Permanent: errors.Is(err, errFinal), err: err}
	}
	r.remember(name, s)
	return s, nil
}

// errFinal marks what only the operator can mend.
var errFinal = errors.New("the operator must mend it")

func (r *Resolver) read(ctx context.Context, e entry) (Secret, error) {
	switch {
	case e.env != "":
		if r.sources.Env == nil {
			return Secret{}, errors.New("there is no environment")
		}
		value, ok := r.sources.Env(e.env)
		if !ok {
			return Secret{}, fmt.Errorf("the environment has no variable %s: %w", e.env, errFinal)
		}
		return New(value), nil
	case e.file != "":
		return ReadFile(e.file)
	case r.sources.AWS == nil:
		return Secret{}, fmt.Errorf("this program cannot read AWS Secrets Manager: %w", errFinal)
	default:
		return r.sources.AWS.Secret(ctx, *e.aws)
	}
}

func bounds(s Secret) error {
	switch n := len(s.Reveal()); {
	case n == 0:
		return fmt.Errorf("it is empty: %w", errFinal)
	case n < MinValue:
		return fmt.Errorf("it is shorter than %d bytes, and could not be kept out of texts: %w", MinValue, errFinal)
	case n > maxValue:
		return fmt.Errorf("it is longer than %d bytes: %w", maxValue, errFinal)
	}
	return nil
}

// Check reads every secret that is in the environment or a file, and returns all that is wrong: a
// worker should not start with half of its secrets.
func (r *Resolver) Check() error {
	var errs []error
	for _, name := range r.names() {
		e := r.entries[name]
		if e.aws != nil {
			continue
		}
		s, err := r.read(context.Background(), e)
		if err == nil {
			err = bounds(s)
		}
		if err != nil {
			errs = append(errs, &Error{Ref: Ref(scheme + name), err: err})
			continue
		}
		r.remember(name, s)
	}
	return errors.Join(errs...)
}

func (r *Resolver) remember(name string, s Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	values := r.known[name]
	if slices.ContainsFunc(values, s.Equal) {
		return
	}
	values = append(values, s)
	r.known[name] = values[max(0, len(values)-keptValues):]
	r.forms = nil // a new list: Clean may be reading the old one
	for _, values := range r.known {
		for _, s := range values {
			r.forms = append(r.forms, formsOf(s.Reveal())...)
		}
	}
	// One may be a part of another.
	slices.SortFunc(r.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	r.forms = slices.Compact(r.forms)
}
