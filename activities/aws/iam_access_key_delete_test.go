package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

func TestDeleteAccessKey(t *testing.T) {
	w := newWorld(t)
	require.JSONEq(t, `{"changed":true,"verified":true}`, string(w.run(t, "aws.iam.delete_access_key", deleteInput)))
	require.JSONEq(t, `{"changed":false,"verified":true}`, string(w.run(t, "aws.iam.delete_access_key", deleteInput)))
	require.Equal(t, []string{"DeleteAccessKey"}, w.effects())
	state := w.State()
	require.Len(t, user(&state).AccessKeys, 1)
}

// What is in use is disabled first, so that somebody sees what stops while it can be taken back.
func TestDeleteAccessKeyRefusesAnActiveOne(t *testing.T) {
	w := newWorld(t)
	_, err := w.attempt(step(t.Context()), t, "aws.iam.delete_access_key", keyInput)
	require.Equal(t, "KeyNotInactive", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
	require.ErrorContains(t, err, "aws.iam.disable_access_key")
	_, err = w.attempt(step(t.Context()), t, "aws.iam.delete_access_key", `{"account":"111122223333","user":"nobody","access_key_id":"AKIAI44QH8DHBEXAMPLE"}`)
	require.Equal(t, "NoSuchEntity", kindOf(t, err).Kind)
	require.Empty(t, w.Mutations())
	w.run(t, "aws.iam.disable_access_key", keyInput)
	w.run(t, "aws.iam.delete_access_key", keyInput)
}

func TestDeleteAccessKeyAfterALostAnswer(t *testing.T) {
	for name, times := range map[string]int{"within an attempt": 1, "between attempts": 3} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Inject(standin.Fault{Action: "DeleteAccessKey", Kind: standin.TimeoutAfterEffect, Times: times})
			ctx := step(t.Context())
			out, err := w.attempt(ctx, t, "aws.iam.delete_access_key", deleteInput)
			if err != nil {
				require.False(t, kindOf(t, err).Permanent)
				out, err = w.attempt(ctx, t, "aws.iam.delete_access_key", deleteInput)
			}
			require.NoError(t, err)
			require.JSONEq(t, `{"changed":true,"verified":true}`, string(out))
			require.Equal(t, []string{"DeleteAccessKey"}, w.effects())
		})
	}
}

func TestDeleteAccessKeyWaitsUntilItShows(t *testing.T) {
	w := newWorld(t)
	w.Inject(standin.Fault{Action: "ListAccessKeys", Kind: standin.Stale, After: 1, Times: 2})
	w.run(t, "aws.iam.delete_access_key", deleteInput)
	require.Equal(t, 2, w.pauses)

	w = newWorld(t)
	for fault, permanent := range map[standin.FaultKind]bool{standin.Deny: true, standin.Expired: false, standin.Throttle: false, standin.ServerError: false} {
		w.ClearFaults()
		w.Inject(standin.Fault{Action: "DeleteAccessKey", Kind: fault})
		_, err := w.attempt(step(t.Context()), t, "aws.iam.delete_access_key", deleteInput)
		require.Equal(t, permanent, kindOf(t, err).Permanent, err)
	}
	require.Empty(t, w.effects())
}
