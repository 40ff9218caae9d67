package activities

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequested(t *testing.T) {
	Requested(t.Context(), "outside of an effect")

	ctx, ids := withRequests(t.Context())
	require.Empty(t, ids())
	Requested(ctx, "a")
	Requested(ctx, "")
	Requested(ctx, strings.Repeat("x", 201))
	Requested(ctx, "b")
	require.Equal(t, []string{"a", "b"}, ids())
	ids()[0] = "changed"
	require.Equal(t, []string{"a", "b"}, ids(), "what is read is a copy")
}

// An effect that asks for ever, from many goroutines, fills no ledger.
func TestRequestedIsBounded(t *testing.T) {
	ctx, ids := withRequests(t.Context())
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range maxRequests {
				Requested(ctx, fmt.Sprintf("%d-%d", g, i))
			}
		})
	}
	wg.Wait()
	got := ids()
	require.Len(t, got, maxRequests)
	slices.Sort(got)
	require.Len(t, slices.Compact(got), maxRequests)
}
