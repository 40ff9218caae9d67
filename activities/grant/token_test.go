package grant_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func TestToken(t *testing.T) {
	s, _ := pair(t, false)
	token := grant.NewToken("alice", grant.Gateway, noon, time.Hour)
	text, err := s.Token(token)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(text, "cst_"))
	got, err := s.Keys().Token(text, grant.Gateway, noon)
	require.NoError(t, err)
	require.Equal(t, token, got)

	other, _ := pair(t, false)
	for name, tc := range map[string]struct {
		keys     grant.Keys
		audience string
		at       time.Time
		says     string
	}{
		"expired":         {s.Keys(), grant.Gateway, noon.Add(time.Hour), "expired at"},
		"not yet issued":  {s.Keys(), grant.Gateway, noon.Add(-2 * time.Minute), "issued at"},
		"elsewhere":       {s.Keys(), grant.LocalGateway, noon, `this is "gateway.local"`},
		"nowhere":         {s.Keys(), "", noon, "it is for"},
		"another key":     {other.Keys(), grant.Gateway, noon, "not signed by a key"},
		"no key":          {grant.Keys{}, grant.Gateway, noon, "not signed by a key"},
		"in good time":    {s.Keys(), grant.Gateway, noon.Add(time.Hour - 1), ""},
		"clocks differ":   {s.Keys(), grant.Gateway, noon.Add(-time.Minute), ""},
		"a second before": {s.Keys(), grant.Gateway, noon.Add(-time.Second), ""},
	} {
		_, err := tc.keys.Token(text, tc.audience, tc.at)
		if tc.says == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, grant.ErrToken, name)
		require.ErrorContains(t, err, tc.says, name)
	}
	for name, bad := range map[string]grant.Token{
		"nobody":   grant.NewToken("", grant.Gateway, noon, time.Hour),
		"too long": grant.NewToken("alice", grant.Gateway, noon, grant.MaxTokenLife+1),
		"no time":  grant.NewToken("alice", grant.Gateway, noon, 0),
		"nowhere":  grant.NewToken("alice", "", noon, time.Hour),
	} {
		_, err := s.Token(bad)
		require.ErrorIs(t, err, grant.ErrToken, name)
	}
}

// A token with any byte of it changed is none, and neither is another signed body.
func TestTokenTampered(t *testing.T) {
	s, _ := pair(t, false)
	text, err := s.Token(grant.NewToken("alice", grant.Gateway, noon, time.Hour))
	require.NoError(t, err)
	for i := range len(text) {
		changed := []byte(text)
		if changed[i] = 'A'; text[i] == 'A' {
			changed[i] = 'B'
		}
		_, err := s.Keys().Token(string(changed), grant.Gateway, noon)
		require.ErrorIs(t, err, grant.ErrToken, i)
		require.NotContains(t, err.Error(), string(changed), "a token is a secret")
	}
	ticket, err := s.Sign(grant.KindTicket, grant.NewToken("alice", grant.Gateway, noon, time.Hour))
	require.NoError(t, err)
	for _, kind := range []grant.Kind{grant.KindTicket, grant.KindToken} {
		ticket.Kind = kind
		raw, err := json.Marshal(ticket)
		require.NoError(t, err)
		_, err = s.Keys().Token("cst_"+base64.RawURLEncoding.EncodeToString(raw), grant.Gateway, noon)
		require.ErrorIs(t, err, grant.ErrToken, kind)
	}
}

func FuzzToken(f *testing.F) {
	f.Add("")
	f.Add("cst_")
	f.Add("cst_e30") // {}
	f.Add("cst_" + base64.RawURLEncoding.EncodeToString([]byte(`{"kind":"token","key":"","body":"e30=","signature":""}`)))
	f.Add("cst_" + strings.Repeat("A", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := (grant.Keys{}).Token(text, grant.Gateway, noon); err == nil {
			t.Fatal("believed without a key")
		}
	})
}
