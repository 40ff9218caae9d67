package approval_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
)

func TestPanelDecide(t *testing.T) {
	r := matter(t)
	yes := func(minute int, person string) approval.Vote { return said(r, minute, person, approval.Approve) }
	no := func(minute int, person string) approval.Vote { return said(r, minute, person, approval.Reject) }
	broken := yes(2, "zoe")
	glass("it burns")(&broken)
	for name, tc := range map[string]struct {
		votes []approval.Vote
		panel func(*approval.Panel)
		at    int
		want  approval.Outcome // empty: open
		by    []string
	}{
		"nobody yet":              {at: 29},
		"nobody":                  {at: 30, want: approval.Expired, by: []string{}},
		"too few":                 {votes: []approval.Vote{yes(1, "alice"), yes(2, "bob")}, at: 29},
		"the policy's is missing": {votes: []approval.Vote{yes(1, "alice"), yes(2, "bob")}, at: 30, want: approval.Expired, by: []string{}},
		"one stands in both":      {votes: []approval.Vote{yes(1, "alice"), yes(2, "carol")}, want: approval.Approved, by: []string{"alice", "carol"}},
		"three":                   {votes: []approval.Vote{yes(1, "alice"), yes(2, "bob"), yes(3, "dora")}, want: approval.Approved, by: []string{"alice", "bob", "dora"}},
		"the same twice":          {votes: []approval.Vote{yes(1, "carol"), yes(2, "carol")}},
		"a no":                    {votes: []approval.Vote{yes(1, "alice"), no(2, "bob"), yes(3, "carol")}, want: approval.Rejected, by: []string{"bob"}},
		"a no at once":            {votes: []approval.Vote{yes(1, "alice"), yes(2, "carol"), no(2, "bob")}, want: approval.Rejected, by: []string{"bob"}},
		"a no too late":           {votes: []approval.Vote{yes(1, "alice"), yes(2, "carol"), no(3, "bob")}, want: approval.Approved, by: []string{"alice", "carol"}},
		"a no of a stranger":      {votes: []approval.Vote{no(1, "mallory")}},
		"at the end":              {votes: []approval.Vote{yes(1, "alice"), yes(30, "carol")}, at: 30, want: approval.Expired, by: []string{}},
		"before it was asked of":  {votes: []approval.Vote{yes(1, "carol"), yes(14, "nick")}, at: 29},
		"escalated":               {votes: []approval.Vote{yes(1, "carol"), yes(15, "nick")}, want: approval.Approved, by: []string{"carol", "nick"}, at: 20},
		"escalated, not policy's": {votes: []approval.Vote{yes(1, "alice"), yes(15, "nick")}, at: 20},
		"gone since":              {votes: []approval.Vote{yes(1, "alice"), yes(2, "carol")}, panel: func(p *approval.Panel) { p.Members["oncall"] = []string{"bob", "carol"} }},
		"edited since":            {votes: []approval.Vote{yes(1, "alice"), yes(2, "carol")}, panel: func(p *approval.Panel) { p.Exclude(approval.Editor, "alice") }},
		"of what was asked then":  {votes: []approval.Vote{{Approval: r.ID, Digest: "sha256:00", Person: "bob", Verdict: approval.Reject, At: asked}}},
		"alone":                   {votes: []approval.Vote{broken}, want: approval.Approved, by: []string{"zoe"}},
		"alone no more":           {votes: []approval.Vote{broken}, panel: func(p *approval.Panel) { p.BreakGlass = nil }},
		"alone and a no at once":  {votes: []approval.Vote{broken, no(2, "bob")}, want: approval.Rejected, by: []string{"bob"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := panel()
			if tc.panel != nil {
				tc.panel(&p)
			}
			d, done := p.Decide(r, tc.votes, asked.Add(time.Duration(max(tc.at, 5))*time.Minute))
			require.Equal(t, tc.want != "", done)
			require.Equal(t, tc.want, d.Outcome)
			require.Equal(t, tc.by, d.By)
			require.Equal(t, done && len(tc.by) == 1 && tc.by[0] == "zoe", d.BreakGlass)
		})
	}
	// One human who votes in two rights is one human.
	p := panel()
	delegated("bob", "carol")(&p)
	second := yes(2, "carol")
	second.For = "bob"
	_, done := p.Decide(r, []approval.Vote{yes(1, "carol"), second}, asked.Add(5*time.Minute))
	require.False(t, done)
	tally := p.Tally(r, []approval.Vote{yes(1, "carol"), yes(2, "mallory")}, asked.Add(5*time.Minute))
	require.Equal(t, []string{"carol"}, tally[0].Yes)
	require.Equal(t, []string{"carol"}, tally[1].Yes)
}

// What the policy asks now counts, whatever the run has read of it.
func TestPanelFloor(t *testing.T) {
	r, p := matter(t), panel()
	votes := []approval.Vote{said(r, 1, "alice", approval.Approve), said(r, 2, "carol", approval.Approve)}
	p.Floor = r.Needs()[1:]
	require.Len(t, p.Needs(r, asked), 2)
	_, done := p.Decide(r, votes, asked.Add(time.Minute*5))
	require.True(t, done)
	p.Floor = []grant.Need{{Groups: []string{"chiefs"}, Quorum: 2}}
	_, done = p.Decide(r, votes, asked.Add(time.Minute*5))
	require.False(t, done)
	require.NoError(t, p.Admit(r, votes, said(r, 3, "zoe", approval.Approve), asked.Add(3*time.Minute)))
	d, done := p.Decide(r, append(votes, said(r, 3, "zoe", approval.Approve)), asked.Add(time.Minute*5))
	require.True(t, done)
	require.Equal(t, []string{"alice", "carol", "zoe"}, d.By)
}

// An escalation widens what the playbook asks, also where policy asks the same: not what policy does.
func TestPanelFloorIsNotEscalated(t *testing.T) {
	r, p := matter(t), panel()
	r.Quorum, r.Policies = 1, nil
	require.NoError(t, r.Seal())
	p.Floor = []grant.Need{{Groups: []string{"oncall"}, Quorum: 1}}
	_, done := p.Decide(r, []approval.Vote{said(r, 15, "nick", approval.Approve)}, asked.Add(20*time.Minute))
	require.False(t, done)
	_, done = p.Decide(r, []approval.Vote{said(r, 15, "bob", approval.Approve)}, asked.Add(20*time.Minute))
	require.True(t, done)
}

// A need that was never said is met by nobody.
func TestPanelNoNeed(t *testing.T) {
	r := matter(t)
	r.Quorum, r.Policies = 0, nil
	require.NoError(t, r.Seal())
	_, done := panel().Decide(r, []approval.Vote{said(r, 1, "alice", approval.Approve)}, asked.Add(time.Minute))
	require.False(t, done)
}

var (
	humans = []string{"a", "b", "c", "d", "e", "f"}
	groups = []string{"g", "h", "i", "j"}
)

func drawPanel(t *rapid.T) approval.Panel {
	p := approval.Panel{Members: map[string][]string{}, BreakGlass: []string{"j"}}
	some := rapid.SliceOfDistinct(rapid.SampledFrom(humans), rapid.ID[string])
	for _, g := range groups {
		p.Members[g] = some.Draw(t, g)
	}
	for _, why := range []approval.Exclusion{approval.Starter, approval.Editor, approval.Subject} {
		if rapid.Bool().Draw(t, string(why)) {
			p.Exclude(why, rapid.SampledFrom(humans).Draw(t, "who "+string(why)))
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "delegations") {
		p.Delegations = append(p.Delegations, approval.Delegation{
			From: rapid.SampledFrom(humans).Draw(t, fmt.Sprint("from", i)), To: rapid.SampledFrom(humans).Draw(t, fmt.Sprint("to", i)),
			At: asked.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "at")) * time.Minute),
		})
	}
	return p
}

// Whoever is who, and whatever they say: what is approved has enough humans behind each need, none of
// whom is excluded, nobody said no before, and nothing that comes later changes it.
func TestApprovedMeansEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, p := matter(t), drawPanel(t)
		r.Groups, r.Quorum = []string{"g"}, rapid.IntRange(1, 3).Draw(t, "quorum")
		r.Policies = []grant.Need{{Groups: []string{"h"}, Quorum: rapid.IntRange(1, 2).Draw(t, "policy")}}
		r.Escalate.Groups = []string{"i"}
		require.NoError(t, r.Seal())
		var votes, all []approval.Vote
		var decided *approval.Decision
		for n := range rapid.IntRange(1, 25).Draw(t, "votes") {
			v := said(r, 2*n, rapid.SampledFrom(humans).Draw(t, "person"), approval.Approve)
			if rapid.IntRange(0, 7).Draw(t, "no") == 0 {
				v.Verdict = approval.Reject
			}
			if rapid.IntRange(0, 9).Draw(t, "glass") == 0 {
				glass("it burns")(&v)
			} else {
				v.For = rapid.SampledFrom(append([]string{""}, humans...)).Draw(t, "for")
			}
			all = append(all, v)
			if p.Admit(r, votes, v, v.At) == nil {
				require.Nil(t, decided, "admitted after the decision, and no repeat")
				if !slices.ContainsFunc(votes, func(e approval.Vote) bool { return e.Person == v.Person && e.BreakGlass == v.BreakGlass }) {
					votes = append(votes, v)
				}
			} else if slices.ContainsFunc(votes, func(e approval.Vote) bool { return e.Person == v.Person }) {
				continue
			}
			if d, done := p.Decide(r, votes, v.At); done {
				if decided == nil {
					decided = &d
					enough(t, r, p, votes, d)
				}
				require.Equal(t, *decided, d)
				break
			}
		}
		if decided == nil || decided.Outcome == approval.Expired {
			return
		}
		late := append(slices.Clone(votes), said(r, 59, rapid.SampledFrom(humans).Draw(t, "late"), approval.Reject))
		d, done := p.Decide(r, late, asked.Add(time.Hour))
		require.True(t, done)
		require.Equal(t, *decided, d, "later votes are without effect")
	})
}

// enough is said in other words than the rules.
func enough(t *rapid.T, r approval.Request, p approval.Panel, votes []approval.Vote, d approval.Decision) {
	if d.Outcome != approval.Approved {
		return
	}
	if d.BreakGlass {
		require.Len(t, d.By, 1)
		require.Contains(t, p.Members["j"], d.By[0])
		require.NotEqual(t, approval.Subject, p.Excluded[d.By[0]])
		require.NotEmpty(t, d.Reason)
		return
	}
	count := map[string]map[string]bool{"g": {}, "h": {}}
	for _, v := range votes {
		if v.BreakGlass || !slices.Contains(d.By, v.Person) {
			continue
		}
		require.NotContains(t, p.Excluded, v.Person)
		require.Equal(t, approval.Approve, v.Verdict, "nobody said no")
		owner := v.Person
		if v.For != "" {
			owner = v.For
			require.NotContains(t, p.Excluded, owner)
			require.True(t, slices.ContainsFunc(p.Delegations, func(x approval.Delegation) bool { return x.From == owner && x.To == v.Person }))
		}
		if slices.Contains(p.Members["g"], owner) || slices.Contains(p.Members["i"], owner) && !d.At.Before(r.Escalate.At) {
			count["g"][v.Person] = true
		}
		if slices.Contains(p.Members["h"], owner) {
			count["h"][v.Person] = true
		}
	}
	require.GreaterOrEqual(t, len(count["g"]), r.Quorum)
	require.GreaterOrEqual(t, len(count["h"]), r.Policies[0].Quorum)
	require.True(t, d.At.Before(r.Expires))
}

// Votes that race are put in some order by the record. Whatever it is, there is one decision: that
// of the first moment at which there could be one.
func TestRacingVotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, p := matter(t), panel()
		r.Policies = nil
		require.NoError(t, r.Seal())
		order := rapid.Permutation([]string{"alice", "bob", "carol"}).Draw(t, "order")
		dissenter := rapid.SampledFrom(append([]string{""}, order...)).Draw(t, "dissenter")
		var votes []approval.Vote
		var decisions []approval.Decision
		for i, person := range order {
			v := said(r, i, person, approval.Approve)
			if person == dissenter {
				v.Verdict = approval.Reject
			}
			if p.Admit(r, votes, v, v.At) != nil {
				continue
			}
			votes = append(votes, v)
			if d, done := p.Decide(r, votes, v.At); done {
				decisions = append(decisions, d)
			}
		}
		require.Len(t, decisions, 1)
		want := approval.Approved
		if at := slices.Index(order, dissenter); at >= 0 && at < 2 {
			want = approval.Rejected
		}
		require.Equal(t, want, decisions[0].Outcome)
	})
}
