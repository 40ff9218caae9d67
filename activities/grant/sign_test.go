package grant_test

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
)

func signer(t *testing.T) grant.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return grant.NewSigner(key)
}

func sample() grant.Grant {
	at := time.Date(2026, 11, 20, 21, 14, 0, 0, time.UTC)
	return grant.Grant{
		ID: "f00d", Run: "leak/1", Execution: "e1", Approval: "contain", Request: "sha256:aa", Calls: []grant.Call{{Step: "disable", Digest: "sha256:<bb>"}},
		Approvers: []grant.Approver{{Person: "alice", At: at, Surface: "cli"}}, Needs: []grant.Need{{Groups: []string{"oncall"}, Quorum: 1}},
		NotBefore: at, Expires: at.Add(grant.Life),
	}
}

func TestSigned(t *testing.T) {
	s := signer(t)
	signed, err := s.Sign(grant.KindGrant, sample())
	require.NoError(t, err)

	// Through JSON, as it travels.
	raw, err := json.Marshal(signed)
	require.NoError(t, err)
	var arrived grant.Signed
	require.NoError(t, json.Unmarshal(raw, &arrived))
	var got grant.Grant
	require.NoError(t, s.Keys().Open(&arrived, grant.KindGrant, &got))
	require.Equal(t, sample(), got)

	change := func(f func(*grant.Signed)) *grant.Signed {
		c := signed
		c.Body, c.Signature = append([]byte(nil), c.Body...), append([]byte(nil), c.Signature...)
		f(&c)
		return &c
	}
	other := signer(t)
	theirs, err := other.Sign(grant.KindGrant, sample())
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		signed *grant.Signed
		kind   grant.Kind
		says   string
	}{
		"nothing":             {nil, grant.KindGrant, "there is no grant"},
		"another kind":        {&signed, grant.KindTicket, "a grant stands where a ticket should"},
		"renamed":             {change(func(s *grant.Signed) { s.Kind = grant.KindTicket }), grant.KindTicket, "does not fit"},
		"a stranger's key":    {&theirs, grant.KindGrant, "is signed with the key"},
		"in another's name":   {change(func(s *grant.Signed) { s.Signature = theirs.Signature }), grant.KindGrant, "does not fit"},
		"no signature":        {change(func(s *grant.Signed) { s.Signature = nil }), grant.KindGrant, "does not fit"},
		"a longer body":       {change(func(s *grant.Signed) { s.Body = append(s.Body, ' ') }), grant.KindGrant, "does not fit"},
		"a key id of its own": {change(func(s *grant.Signed) { s.Key = "" }), grant.KindGrant, "is signed with the key"},
	} {
		t.Run(name, func(t *testing.T) {
			var into grant.Grant
			err := s.Keys().Open(tc.signed, tc.kind, &into)
			require.ErrorIs(t, err, grant.ErrForged)
			require.ErrorContains(t, err, tc.says)
			require.Zero(t, into, "nothing is read of what is not believed")
		})
	}
	for i := range signed.Body {
		forged := change(func(s *grant.Signed) { s.Body[i] ^= 1 })
		require.ErrorIs(t, s.Keys().Open(forged, grant.KindGrant, &grant.Grant{}), grant.ErrForged, "byte %d", i)
	}
	require.ErrorIs(t, grant.Keys{}.Open(&signed, grant.KindGrant, &grant.Grant{}), grant.ErrForged)
	require.True(t, grant.Keys{}.Empty())
	_, err = grant.Signer{}.Sign(grant.KindGrant, sample())
	require.ErrorContains(t, err, "no key")
}

func TestTicketCovers(t *testing.T) {
	ticket := grant.Ticket{Run: "leak/1"}
	for workflow, covered := range map[string]bool{
		"leak/1": true, "leak/1/step": true, "leak/1/loop[0-9]/undo": true,
		"leak/10": false, "leak": false, "": false, "other/leak/1": false,
	} {
		require.Equal(t, covered, ticket.Covers(workflow), workflow)
	}
	require.False(t, grant.Ticket{}.Covers(""))
	require.False(t, grant.Ticket{}.Covers("/x"))
}

func TestFind(t *testing.T) {
	call, ok := sample().Find("disable")
	require.True(t, ok)
	require.Equal(t, digest.Digest("sha256:<bb>"), call.Digest)
	_, ok = sample().Find("enable")
	require.False(t, ok)
}

func FuzzOpen(f *testing.F) {
	_, key, _ := ed25519.GenerateKey(nil)
	s := grant.NewSigner(key)
	signed, _ := s.Sign(grant.KindGrant, sample())
	raw, _ := json.Marshal(signed)
	f.Add(raw)
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"kind":"grant","body":"e30=","signature":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in grant.Signed
		if json.Unmarshal(raw, &in) != nil {
			return
		}
		var g grant.Grant
		if err := s.Keys().Open(&in, grant.KindGrant, &g); err == nil {
			require.Equal(t, sample(), g, "only what was signed is believed")
		}
	})
}
