package playbook_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
)

func TestCuts(t *testing.T) {
	n := func(n int) playbook.Share { return playbook.Share{N: n} }
	percent := func(n int) playbook.Share { return playbook.Share{N: n, Percent: true} }
	for name, tc := range map[string]struct {
		waves []playbook.Share
		items int
		cuts  []int
	}{
		"none":                     {nil, 7, []int{7}},
		"no items":                 {[]playbook.Share{n(1), percent(10)}, 0, nil},
		"a canary":                 {[]playbook.Share{n(1), percent(10), percent(100)}, 200, []int{1, 20, 200}},
		"the last is left out":     {[]playbook.Share{n(1), percent(10)}, 200, []int{1, 20, 200}},
		"a part of one is one":     {[]playbook.Share{percent(10), percent(50)}, 5, []int{1, 3, 5}},
		"few items":                {[]playbook.Share{n(1), percent(10), percent(50)}, 3, []int{1, 2, 3}},
		"one item":                 {[]playbook.Share{n(1), percent(10), percent(100)}, 1, []int{1}},
		"more than there is":       {[]playbook.Share{n(5), n(500)}, 8, []int{5, 8}},
		"as far as the one before": {[]playbook.Share{n(30), percent(10)}, 200, []int{30, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.cuts, (&playbook.ForEach{Waves: tc.waves}).Cuts(tc.items))
		})
	}
}

// Whatever the waves, every item is in exactly one of them, and none is empty. What may fail at the
// end of a wave never is more than may fail of all, and less than the wave has.
func TestWavesArePartitions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for range 20_000 {
		v := &playbook.ForEach{}
		for range random.IntN(6) {
			s := playbook.Share{N: 1 + random.IntN(120), Percent: random.IntN(2) == 0}
			if s.Percent {
				s.N = min(s.N, 100)
			}
			v.Waves = append(v.Waves, s)
		}
		v.MaxFailures = &playbook.Share{N: random.IntN(100), Percent: random.IntN(2) == 0}
		items := random.IntN(300)
		cuts := v.Cuts(items)
		require.True(t, slices.IsSorted(cuts))
		require.Equal(t, cuts, slices.Compact(slices.Clone(cuts)))
		require.NotContains(t, cuts, 0)
		if items == 0 {
			require.Empty(t, cuts)
			continue
		}
		require.Equal(t, items, cuts[len(cuts)-1])
		require.LessOrEqual(t, len(cuts), len(v.Waves)+1)
		for _, cut := range cuts {
			after := v.BudgetAfter(cut, items)
			require.LessOrEqual(t, after, v.Budget(items))
			require.GreaterOrEqual(t, after, 0)
			if cut < items {
				require.Less(t, after, cut, "a wave of which all failed is not followed by another")
			}
		}
		require.Equal(t, v.Budget(items), v.BudgetAfter(items, items))
	}
}
