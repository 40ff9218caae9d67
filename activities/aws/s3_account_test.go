package aws

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
)

// Undo puts back exactly what was there, which "all off" is not when there was nothing.
func TestRestoreAccountPublicAccess(t *testing.T) {
	for name, before := range map[string]*standin.PublicAccessBlock{
		"none": nil, "off": {}, "half": {BlockPublicAcls: true, IgnorePublicAcls: true},
		"on": {BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Update(func(s *standin.State) { s.Accounts[standin.SampleAccount].PublicAccessBlock = before })
			out := w.run(t, "aws.s3.block_account_public_access", accountJSON)
			state := w.State()
			require.Equal(t, &standin.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
				state.Accounts[standin.SampleAccount].PublicAccessBlock)
			undo, input := w.undo(t, "aws.s3.block_account_public_access", accountJSON, out)
			w.run(t, undo, input)
			state = w.State()
			require.Equal(t, before, state.Accounts[standin.SampleAccount].PublicAccessBlock)
		})
	}
}

func TestRestoreAccountPublicAccessOfAChangedOne(t *testing.T) {
	w := newWorld(t)
	out := w.run(t, "aws.s3.block_account_public_access", accountJSON)
	undo, input := w.undo(t, "aws.s3.block_account_public_access", accountJSON, out)
	w.Update(func(s *standin.State) {
		s.Accounts[standin.SampleAccount].PublicAccessBlock.RestrictPublicBuckets = false
	})
	_, err := w.attempt(step(t.Context()), t, undo, input)
	require.Equal(t, "ChangedSince", kindOf(t, err).Kind)
	require.True(t, kindOf(t, err).Permanent)
	require.Equal(t, []string{"PutPublicAccessBlock"}, w.effects())
}
