package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/policy"
)

func need(quorum int, groups ...string) grant.Need { return grant.Need{Groups: groups, Quorum: quorum} }

// directory is who is in which group.
var directory = map[string][]string{"a": {"p1", "p2"}, "b": {"p2", "p3"}, "c": {"p3", "p4", "p5"}, "none": {}}

// met reports whether enough people of the groups are among those who said yes where it counts, as
// "p1@cli".
func met(n grant.Need, said []string) bool {
	var people []string
	for _, group := range n.Groups {
		people = append(people, directory[group]...)
	}
	slices.Sort(people)
	people = slices.DeleteFunc(slices.Compact(people), func(p string) bool {
		return !slices.ContainsFunc(said, func(yes string) bool {
			who, where, _ := strings.Cut(yes, "@")
			return who == p && n.Takes(where)
		})
	})
	return len(people) >= n.Quorum
}

// permits reports whether a verdict lets a call happen after these people have said yes.
func permits(v policy.Verdict, said []string) bool {
	return v.Mode == policy.Automatic || v.Mode == policy.Approval && met(v.Need, said)
}

func drawNeed() *rapid.Generator[grant.Need] {
	return rapid.Custom(func(t *rapid.T) grant.Need {
		n := need(rapid.IntRange(-1, 4).Draw(t, "quorum"), rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "none"}), rapid.ID).Draw(t, "groups")...)
		n.Surfaces = rapid.SliceOfDistinct(rapid.SampledFrom(grant.Surfaces()), rapid.ID).Draw(t, "surfaces")
		return n
	})
}

func drawVerdict() *rapid.Generator[policy.Verdict] {
	return rapid.Custom(func(t *rapid.T) policy.Verdict {
		v := policy.Verdict{Mode: rapid.SampledFrom([]policy.Mode{policy.Automatic, policy.Approval, policy.Manual, policy.Never, "odd"}).Draw(t, "mode")}
		if v.Mode == policy.Approval { // as Parse has it
			v.Need = drawNeed().Filter(func(n grant.Need) bool { return n.Quorum > 0 && len(n.Groups) > 0 }).Draw(t, "need")
			v.Expires = time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour
		}
		v.Rule = rapid.SampledFrom([]string{"r", "s"}).Draw(t, "rule")
		return v
	})
}

func drawPeople() *rapid.Generator[[]string] {
	person := func(yes string) string { return strings.Split(yes, "@")[0] }
	return rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"p1", "p2", "p3", "p4", "p5", "stranger"}).Draw(t, "who") + "@" + rapid.SampledFrom(grant.Surfaces()).Draw(t, "where")
	}), person)
}

// Whatever a playbook says, what is approved under both is approved under the policy alone.
func TestPolicyFloorMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, said := drawVerdict().Draw(t, "policy"), drawPeople().Draw(t, "said")
		var asked *grant.Need
		if rapid.Bool().Draw(t, "asks") {
			n := drawNeed().Draw(t, "playbook")
			asked = &n
		}
		expires := time.Duration(rapid.IntRange(0, 5).Draw(t, "playbook's hours")) * time.Hour
		m := policy.Merge(asked, expires, v)
		under := m.Mode == policy.Automatic || m.Mode == policy.Approval && !slices.ContainsFunc(m.Needs, func(n grant.Need) bool { return !met(n, said) })
		if under {
			require.True(t, permits(v, said), "%+v", m)
			if asked != nil {
				require.True(t, met(*asked, said), "and under the playbook")
			}
		}
		if v.Mode == policy.Automatic && asked == nil {
			require.Equal(t, policy.Automatic, m.Mode)
		}
		if v.Mode == policy.Approval && v.Expires > 0 {
			require.LessOrEqual(t, m.Expires, v.Expires)
			require.Positive(t, m.Expires)
		}
	})
}

// Whoever meets the stricter of two verdicts meets both.
func TestStrictestHoldsBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, said := drawVerdict().Draw(t, "a"), drawVerdict().Draw(t, "b"), drawPeople().Draw(t, "said")
		both := policy.Strictest(a, b)
		if permits(both, said) {
			require.True(t, permits(a, said), "%+v", both)
			require.True(t, permits(b, said), "%+v", both)
		}
		other := policy.Strictest(b, a)
		require.Equal(t, both.Mode, other.Mode)
		require.Equal(t, both.Need.Quorum, other.Need.Quorum)
		require.ElementsMatch(t, both.Need.Groups, other.Need.Groups)
		require.ElementsMatch(t, both.Need.Surfaces, other.Need.Surfaces)
		require.Equal(t, a.Mode, policy.Strictest(a, a).Mode)
	})
}

func TestStrictest(t *testing.T) {
	approval := func(rule string, expires time.Duration, n grant.Need) policy.Verdict {
		return policy.Verdict{Mode: policy.Approval, Rule: rule, Need: n, Expires: expires}
	}
	one, two := approval("change", 0, need(1, "a", "b")), approval("destroy", time.Hour, need(2, "b", "c"))
	require.Equal(t, approval("change, destroy", time.Hour, need(2, "b")), policy.Strictest(one, two))
	require.Equal(t, one, policy.Strictest(one, one))
	apart := policy.Strictest(one, approval("leads", 0, need(1, "c")))
	require.Equal(t, policy.Never, apart.Mode)
	require.Equal(t, "one approval cannot cover both: the policy asks a, b for one call and c for another; ask for them one after the other", apart.Reason)
	console, anywhere, chat := one, one, one
	console.Need.Surfaces, chat.Need.Surfaces = []string{"cli", "local"}, []string{"local", "slack"}
	require.Equal(t, []string{"local"}, policy.Strictest(console, chat).Need.Surfaces)
	require.Equal(t, console.Need.Surfaces, policy.Strictest(anywhere, console).Need.Surfaces)
	chat.Need.Surfaces = []string{"slack"}
	require.Equal(t, "one approval cannot cover both: the policy takes votes on cli, local for one call and on slack for another; ask for them one after the other", policy.Strictest(console, chat).Reason)
	manual := policy.Verdict{Mode: policy.Manual, Rule: "by-hand"}
	require.Equal(t, manual, policy.Strictest(two, manual))
	require.Equal(t, []string{"a"}, policy.Strictest(manual, policy.Verdict{Mode: policy.Manual, Rule: "x", Need: need(1, "a")}).Need.Groups)
}
