package evidence_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
)

// many makes the request and the grant of a tale about many calls, of which the grant names only the
// root of the tree.
func (x *tale) many(t *testing.T, change func([]grant.Call)) {
	t.Helper()
	var r approval.Request
	for i := range 40 {
		r.Calls = append(r.Calls, approval.Call{Step: fmt.Sprintf("each[%d].stop", i), Digest: name(t, i), Input: js(t, map[string]any{})})
	}
	r.Calls[7].Step, r.Calls[7].Digest = x.stop.Step, x.stop.Digest
	x.request["calls"] = r.Calls
	x.request["digest"] = ""
	x.digest = name(t, x.request)
	for i := range x.votes {
		x.votes[i].Request = x.digest
	}
	calls, err := r.Grants()
	require.NoError(t, err)
	if change != nil {
		change(calls)
	}
	x.grant.Request = x.digest
	require.NoError(t, x.grant.Cover(calls))
}

// What a grant of many calls covers is held against the request on record.
func TestVerifyMany(t *testing.T) {
	for want, change := range map[string]func([]grant.Call){
		"": nil,
		"its grant is not for the calls of the request": func(calls []grant.Call) { calls[3].Digest = "sha256:other" },
	} {
		x := newTale(t)
		x.many(t, change)
		b := x.bundle(t)
		v := b.Verify(x.signer.Keys())
		if want == "" {
			require.Empty(t, v.Problems)
			continue
		}
		require.Contains(t, fmt.Sprint(v.Problems), want)
	}
}
