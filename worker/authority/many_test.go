package authority_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// manyLamps are attempts of a run at many calls under one grant, which names them by their root.
func (w *world) manyLamps(n int) []activities.Attempt {
	w.Helper()
	attempts := make([]activities.Attempt, n)
	calls := make([]grant.Call, n)
	ticket := w.ticket()
	for i := range attempts {
		attempts[i] = w.attempt(call(w, "lamp.douse", fmt.Sprint("l", i)), func(a *activities.Attempt) {
			a.Step, a.Ticket = fmt.Sprintf("each[%d].douse", i), ticket
		})
		calls[i] = grant.Call{Step: attempts[i].Step, Digest: attempts[i].Digest}
	}
	tree, err := grant.NewTree(calls)
	require.NoError(w, err)
	w.granted(func(g *grant.Grant) { require.NoError(w, g.Cover(calls)) })(&attempts[0])
	for i := range attempts {
		attempts[i].Grant, attempts[i].Proof = attempts[0].Grant, tree.Proof(i)
	}
	return attempts
}

// A grant of many calls permits each of them, once, and nothing else.
func TestManyCalls(t *testing.T) {
	w := newWorld(t)
	w.write("policy.yaml", "policy: open\nrules:\n  - {name: rest, then: {approval: {groups: [oncall], quorum: 1}}}\n")
	attempts := w.manyLamps(1000)
	for _, i := range []int{0, 1, 511, 998, 999} {
		w.admitted(attempts[i], nil)
		turn, err := w.begin(attempts[i])
		require.NoError(t, err)
		_, earlier := turn.Earlier()
		require.True(t, earlier, "a second time it is not made")
	}
	require.Len(t, w.records(ledger.Intent), 5)

	for says, change := range map[string]func(*activities.Attempt){
		`does not cover the step "each[7].douse"`: func(a *activities.Attempt) { a.Proof = nil },
		"does not cover the step":                 func(a *activities.Attempt) { a.Proof = attempts[8].Proof },
		`does not cover the step "each[9].douse"`: func(a *activities.Attempt) { a.Step = "each[9].douse" },
		"not what would run": func(a *activities.Attempt) {
			a.Call = call(t, "lamp.douse", "other")
			var err error
			a.Digest, err = a.Call.Digest()
			require.NoError(t, err)
		},
		`not cover the step "each[7].douse"`: func(a *activities.Attempt) { // a leaf of one's own
			p := *a.Proof
			p.Call.Digest = digest.Digest("sha256:own")
			a.Proof, a.Digest = &p, p.Call.Digest
		},
		"another execution": func(a *activities.Attempt) { a.Execution = "e2" },
	} {
		a := attempts[7]
		change(&a)
		w.refused(a, activities.NotPermitted, says)
	}
}
