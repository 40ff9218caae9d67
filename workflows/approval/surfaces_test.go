package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
)

// A vote counts where policy takes it. It is refused where it would count for one need and not for
// another, for it could not be given once more.
func TestSurfaces(t *testing.T) {
	cli := func(groups ...string) grant.Need {
		return grant.Need{Groups: groups, Quorum: 1, Surfaces: []string{"cli"}}
	}
	for name, tc := range map[string]struct {
		policies, floor []grant.Need
		person, surface string
		delegation      string // from whom
		says            string // "" is admitted
	}{
		"on the right one":               {policies: []grant.Need{cli("oncall")}, person: "alice", surface: "cli"},
		"elsewhere":                      {policies: []grant.Need{cli("oncall")}, person: "alice", surface: "slack", says: "policy takes a vote of oncall on this only on cli, and not on slack; answer there: starter show r"},
		"nowhere":                        {policies: []grant.Need{cli("oncall")}, person: "alice", says: "only on cli"},
		"by the policy of this moment":   {floor: []grant.Need{cli("oncall")}, person: "alice", surface: "slack", says: "only on cli"},
		"for others' votes":              {policies: []grant.Need{cli("leads")}, person: "alice", surface: "slack"},
		"for those of both":              {policies: []grant.Need{cli("leads")}, person: "carol", surface: "slack", says: "policy takes a vote of leads"},
		"everywhere":                     {policies: []grant.Need{{Groups: []string{"leads"}, Quorum: 1}}, person: "carol", surface: "slack"},
		"in the right of somebody":       {policies: []grant.Need{cli("oncall")}, person: "mallory", surface: "slack", delegation: "alice", says: "only on cli"},
		"in the right of somebody there": {policies: []grant.Need{cli("oncall")}, person: "mallory", surface: "cli", delegation: "alice"},
		"whoever has no vote hears that": {policies: []grant.Need{cli("oncall")}, person: "mallory", surface: "slack", says: "is not among those who may answer"},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := matter(t), panel()
			r.Policies, p.Floor = tc.policies, tc.floor
			require.NoError(t, r.Seal())
			if tc.delegation != "" {
				delegated(tc.delegation, tc.person)(&p)
			}
			for _, verdict := range []approval.Verdict{approval.Approve, approval.Reject} {
				v := said(r, 1, tc.person, verdict)
				v.Surface, v.For = tc.surface, tc.delegation
				err := p.Admit(r, nil, v, v.At)
				_, right := p.Right(r, tc.person, tc.surface, v.At)
				if tc.says == "" {
					require.NoError(t, err)
					require.NoError(t, right)
					continue
				}
				require.ErrorIs(t, err, approval.ErrRefused)
				require.ErrorContains(t, err, tc.says)
				require.EqualError(t, right, err.Error())
				d, done := p.Decide(r, []approval.Vote{v}, v.At)
				require.False(t, done, d.Outcome)
				for _, tally := range p.Tally(r, []approval.Vote{v}, v.At) {
					require.Empty(t, tally.Yes)
				}
			}
		})
	}
}

// Where policy says nothing of surfaces a request is named as it always was.
func TestDigestWithoutSurfaces(t *testing.T) {
	r := approval.Request{
		ID: "contain", Run: "r", Execution: "e1", Playbook: "p", Plan: "sha256:aa", Question: "Go on?", Calls: []approval.Call{}, Groups: []string{"oncall"},
		People: []string{"alice"}, Quorum: 1, Asked: asked, Expires: asked.Add(30 * time.Minute), Policies: []grant.Need{{Groups: []string{"leads"}, Quorum: 1}},
	}
	require.NoError(t, r.Seal())
	require.Equal(t, digest.Digest("sha256:292bb1c5705d10e51048c83f6e74b86ed97b1c561018ac412fd266ca6aedb338"), r.Digest)
	before := r.Digest
	r.Policies[0].Surfaces = []string{"cli"}
	require.NoError(t, r.Seal())
	require.NotEqual(t, before, r.Digest)
}
