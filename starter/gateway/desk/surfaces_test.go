package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
)

// consoleOnly takes votes at the console alone.
const consoleOnly = `
policy: test
break_glass: {groups: [secops-leads]}
rules:
  - {name: all, then: {approval: {groups: [secops-oncall], quorum: 1, surfaces: [cli]}}}
`

// A word from where policy takes none is refused, is on record, and says where it counts. The same
// person may then say it there.
func TestSurfaces(t *testing.T) {
	o := received(t)
	o.rules = consoleOnly
	r := o.asks()
	chat := desk.Principal{Person: "alice", Surface: "slack", Via: "T01/U01 by directory"}
	const counts = "only on cli, and not on slack; answer there: starter show " + run
	for _, verdict := range []approval.Verdict{approval.Approve, approval.Reject} {
		v := yes(r)
		v.Verdict = verdict
		_, err := o.Vote(t.Context(), chat, run, v)
		require.ErrorIs(t, err, approval.ErrRefused)
		require.ErrorContains(t, err, counts)
	}
	_, err := o.Delegate(t.Context(), chat, run, desk.Delegate{Approval: r.ID, Digest: r.Digest, To: "dora"})
	require.ErrorContains(t, err, counts)
	_, err = o.Edit(t.Context(), chat, run, desk.Edit{Approval: r.ID, Digest: r.Digest, Step: "disable", Input: []byte(`{"user":"x"}`)})
	require.ErrorContains(t, err, counts)
	require.Len(t, records[ledger.RefusalBody](o, ledger.Refusal), 4)
	require.Empty(t, records[ledger.VoteBody](o, ledger.Vote))

	waiting, err := o.Requests(t.Context(), chat, run)
	require.NoError(t, err)
	require.False(t, waiting[0].Own)
	require.Contains(t, waiting[0].Why, counts)

	got, err := o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
	require.Equal(t, approval.Approved, got.Decision.Outcome)
	_, g := o.arrived()
	require.Contains(t, g.Needs, grant.Need{Groups: []string{"secops-oncall"}, Quorum: 1, Surfaces: []string{"cli"}})
}

// In an emergency a chat is not enough.
func TestNobodyBreaksTheGlassInAChat(t *testing.T) {
	o := received(t)
	v := yes(o.asks())
	v.BreakGlass, v.Reason = true, "it burns"
	_, err := o.Vote(t.Context(), desk.Principal{Person: "zoe", Surface: "slack"}, run, v)
	require.ErrorIs(t, err, approval.ErrRefused)
	require.ErrorContains(t, err, "nobody breaks the glass on slack")
	require.Empty(t, records[ledger.DecisionBody](o, ledger.Decision))
	_, err = o.Vote(t.Context(), by("zoe"), run, v)
	require.NoError(t, err)
}
