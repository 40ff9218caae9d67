package desk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
)

func TestKeep(t *testing.T) {
	o := received(t)
	o.asks()
	act := func(step string) *workflows.Act {
		return &workflows.Act{Until: &workflows.Until{Run: run, Step: step, Workflow: run + "/x", Execution: "w1"}}
	}
	_, err := o.Keep(t.Context(), by("dora"), run, desk.Keep{Reason: "it is hostile"})
	require.ErrorContains(t, err, "puts back nothing by itself")
	o.status[run].Expiring = []*workflows.Act{act("isolate"), act("block")}
	for _, tc := range []struct{ step, reason, says string }{
		{"", "it is hostile", "puts back block and isolate by itself; name one"},
		{"other", "it is hostile", `nothing of "other"`},
		{"block", " ", "takes a reason"},
	} {
		_, err := o.Keep(t.Context(), by("dora"), run, desk.Keep{Step: tc.step, Reason: tc.reason})
		require.ErrorContains(t, err, tc.says)
	}
	_, err = o.Keep(t.Context(), by("ci"), run, desk.Keep{Step: "block", Reason: "x"})
	require.ErrorIs(t, err, desk.ErrForbidden)
	for range 2 {
		kept, err := o.Keep(t.Context(), by("dora"), run, desk.Keep{Step: "block", Reason: "it is hostile"})
		require.NoError(t, err)
		require.Equal(t, "dora", kept.KeptBy)
		require.Equal(t, "w1", kept.Execution)
	}
	require.Len(t, records[ledger.KeepBody](o, ledger.Keep), 1)

	// What a called run did has another name here than there.
	called := act("isolate")
	called.Step, called.Until.Run = "contain.isolate", run+"/contain"
	o.status[run].Expiring = []*workflows.Act{act("block"), called}
	_, err = o.Keep(t.Context(), by("dora"), run, desk.Keep{Step: "contain.isolate", Reason: "it is hostile"})
	require.NoError(t, err)
	words := records[ledger.KeepBody](o, ledger.Keep)
	require.Equal(t, []string{run + "/contain", "isolate"}, []string{words[1].Run, words[1].Step})

	// A run that others write may not have people keep what another run did.
	foreign := act("isolate")
	foreign.Until.Run = run + "2"
	o.status[run].Expiring = []*workflows.Act{foreign}
	_, err = o.Keep(t.Context(), by("dora"), run, desk.Keep{Reason: "it is hostile"})
	require.ErrorContains(t, err, "what another did")
	require.Len(t, records[ledger.KeepBody](o, ledger.Keep), 2)
}

func TestRequests(t *testing.T) {
	o := received(t)
	r := o.asks(sealed(target("carol-admin")))
	for person, why := range map[string]string{"alice": "", "carol": "is whom it is about", "dora": "is not among"} {
		list, err := o.Requests(t.Context(), by(person), run)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, r.Digest, list[0].Request.Digest)
		require.Equal(t, why == "", list[0].Own, person)
		require.Contains(t, list[0].Why, why)
	}
}
