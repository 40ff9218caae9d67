// Package activitytest has what stands for the authority over effects where a test is about
// something else.
package activitytest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"

	"github.com/countersign/countersign/activities"
)

// Allow is an authority that admits everything and remembers what. It takes a test to make one.
type Allow struct {
	mu       sync.Mutex
	attempts []activities.Attempt
}

// NewAllow returns an authority for a test.
func NewAllow(testing.TB) *Allow { return &Allow{} }

// Begin admits.
func (a *Allow) Begin(_ context.Context, attempt activities.Attempt) (activities.Turn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempts = append(a.attempts, attempt)
	return turn{}, nil
}

// Attempts are what was admitted.
func (a *Allow) Attempts() []activities.Attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]activities.Attempt(nil), a.attempts...)
}

type turn struct{}

func (turn) Earlier() (json.RawMessage, bool)              { return nil, false }
func (turn) Behind() (string, []string)                    { return "", nil }
func (turn) End(context.Context, activities.Outcome) error { return nil }
