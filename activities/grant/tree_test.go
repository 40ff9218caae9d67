package grant_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
)

func many(n int) []grant.Call {
	calls := make([]grant.Call, n)
	for i := range calls {
		calls[i] = grant.Call{Step: fmt.Sprintf("each[%d].disable", i), Digest: digest.Digest(fmt.Sprintf("sha256:%d", i)), PutBack: i%2 == 0}
	}
	return calls
}

// Whatever the number of calls, each is proved and nothing else is: not another call, nor the call at
// another place, under another root or with another path.
func TestCovers(t *testing.T) {
	for _, n := range []int{1, 2, 25, 26, 27, 31, 32, 33, 63, 64, 65, 100, 999, 1000} {
		calls := many(n)
		var g grant.Grant
		require.NoError(t, g.Cover(calls))
		tree, err := grant.NewTree(calls)
		require.NoError(t, err)
		for i, c := range calls {
			got, ok := g.Covers(c.Step, tree.Proof(i))
			require.True(t, ok, "%d of %d", i, n)
			require.Equal(t, c, got)
		}
		if n <= grant.MaxListed {
			require.Empty(t, g.Root)
			_, ok := g.Covers(calls[0].Step, nil)
			require.True(t, ok)
			continue
		}
		require.Empty(t, g.Calls)
		i := n - 2
		for name, change := range map[string]func(*grant.Proof){
			"another call":         func(p *grant.Proof) { p.Call.Digest = "sha256:x" },
			"put back":             func(p *grant.Proof) { p.Call.PutBack = !p.Call.PutBack },
			"another preview":      func(p *grant.Proof) { p.Call.Preview = "sha256:x" },
			"another place":        func(p *grant.Proof) { p.Index-- },
			"before all":           func(p *grant.Proof) { p.Index = -1 },
			"behind all":           func(p *grant.Proof) { p.Index = n },
			"a shorter path":       func(p *grant.Proof) { p.Path = p.Path[1:] },
			"a longer path":        func(p *grant.Proof) { p.Path = append(slices.Clone(p.Path), p.Path[0]) },
			"no path":              func(p *grant.Proof) { p.Path = nil },
			"a path that is short": func(p *grant.Proof) { p.Path = slices.Clone(p.Path); p.Path[0] = p.Path[0][:31] },
			"a changed path":       func(p *grant.Proof) { p.Path = slices.Clone(p.Path); p.Path[0] = p.Path[len(p.Path)-1] },
		} {
			p := tree.Proof(i)
			change(p)
			if name == "a changed path" && len(p.Path) == 1 {
				continue
			}
			_, ok := g.Covers(calls[i].Step, p)
			require.False(t, ok, "%s of %d", name, n)
		}
		_, ok := g.Covers(calls[i].Step, nil)
		require.False(t, ok, "no proof")
		_, ok = g.Covers(calls[0].Step, tree.Proof(i))
		require.False(t, ok, "the proof of another step")
		other := g
		other.Count++
		_, ok = other.Covers(calls[i].Step, tree.Proof(i))
		require.True(t, !ok || n%2 == 1, "another number of calls")
		require.LessOrEqual(t, len(tree.Proof(0).Path), 10)
	}
	_, err := grant.NewTree(nil)
	require.Error(t, err)
}
