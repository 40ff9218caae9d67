package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/session"
)

// The log says how far the worker reaches.
func TestReach(t *testing.T) {
	require.Equal(t, "the one of its credentials", reach(nil))
	require.Equal(t, "those of the organization", reach(&session.Accounts{Organization: true}))
	require.Equal(t, "2 listed", reach(&session.Accounts{Accounts: make([]session.Member, 2)}))
}
