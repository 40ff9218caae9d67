package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
)

// What an attempt has begun is known to the next, beside what it had found.
func TestKeep(t *testing.T) {
	m := &activities.Memory{}
	attempt := func() context.Context { return activities.WithMemory(t.Context(), m) }
	require.Empty(t, activities.Kept(attempt()))
	_, err := activities.Remember(attempt(), "nothing")
	require.NoError(t, err)
	activities.Keep(attempt(), "command-1")
	require.Equal(t, "command-1", activities.Kept(attempt()))
	found, err := activities.Remember(attempt(), "command-1")
	require.NoError(t, err)
	require.Equal(t, "nothing", found)

	activities.Keep(t.Context(), "lost") // nobody remembers
	require.Empty(t, activities.Kept(t.Context()))
}
