package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

// forEachRead runs a test for every read, with a call that is answered. The first request of a world asks
// whose credentials it holds, and is not what these tests are about.
func forEachRead(t *testing.T, test func(t *testing.T, w *world, call func() error)) {
	for name, inputs := range looks {
		for _, input := range append(inputs, hubLooks[name]...) {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				w.run(t, name, input)
				test(t, w, func() error {
					_, err := w.attempt(step(t.Context()), t, name, input)
					return err
				})
			})
		}
	}
}

// hubLooks are calls of the reads of the hub, which have no row of permissions in an account.
var hubLooks = map[string][]string{
	"aws.accounts.list_targets":       {`{"whole_account":true}`},
	"aws.organizations.list_accounts": {`{}`},
}

// A read that is throttled for a moment, or whose answer is lost, is answered all the same within its attempt.
func TestReadsInARoughMoment(t *testing.T) {
	for name, kind := range map[string]standin.FaultKind{"throttled": standin.Throttle, "lost": standin.TimeoutAfterEffect, "server error": standin.ServerError} {
		t.Run(name, func(t *testing.T) {
			forEachRead(t, func(t *testing.T, w *world, call func() error) {
				w.Inject(standin.Fault{Kind: kind, Times: 1})
				require.NoError(t, call())
				require.Empty(t, w.effects())
			})
		})
	}
}

// A read that gets no answer at all fails, and says whether another attempt can help. It never answers
// as if there were nothing.
func TestReadsWithoutAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		kind      standin.FaultKind
		permanent bool
	}{
		"throttled": {standin.Throttle, false}, "lost": {standin.TimeoutAfterEffect, false}, "server error": {standin.ServerError, false},
		"expired credentials": {standin.Expired, false}, "denied": {standin.Deny, true},
	} {
		t.Run(name, func(t *testing.T) {
			forEachRead(t, func(t *testing.T, w *world, call func() error) {
				already := len(w.Calls())
				w.Inject(standin.Fault{Kind: tc.kind})
				err := call()
				if len(w.Calls()) == already {
					t.Skip("in one account it asks nobody")
				}
				require.Error(t, err)
				var kind *activities.Error
				require.ErrorAs(t, err, &kind)
				require.Equal(t, tc.permanent, kind.Permanent, err)
			})
		})
	}
}
