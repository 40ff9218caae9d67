package web_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

func TestUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		const team = standin.SampleTeam
		for _, want := range []web.User{
			{ID: "U0ALICE", Team: team, Name: "alice", Email: "alice@example.com", EmailConfirmed: true},
			{ID: "U0CAROL", Team: team, Name: "carol", Email: "carol@example.com"},
			{ID: "U0GUEST", Team: team, Name: "guest", Email: "guest@example.com", EmailConfirmed: true, Restricted: true},
			{ID: "U0ULTRA", Team: team, Name: "ultra", Email: "ultra@example.com", EmailConfirmed: true, Restricted: true, UltraRestricted: true},
			{ID: "U0ROBOT", Team: team, Name: "robot", Bot: true},
			{ID: "U0GONE", Team: team, Name: "gone", Email: "gone@example.com", EmailConfirmed: true, Deleted: true},
			{ID: "U0STRANGER", Team: "T0OTHER", Name: "stranger", Email: "stranger@example.org", EmailConfirmed: true, Foreign: true},
		} {
			got, err := c.User(t.Context(), want.ID)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(want, got))
		}
		got, err := c.UserByEmail(t.Context(), "Bob@example.com")
		require.NoError(t, err)
		require.Equal(t, "U0BOB", got.ID)
		_, err = c.UserByEmail(t.Context(), "nobody@example.com")
		require.True(t, web.Is(err, web.Gone))
		_, err = c.User(t.Context(), "U0NOBODY")
		require.True(t, web.Is(err, web.Gone))
		s.SetScopes("users:read")
		got, err = c.User(t.Context(), "U0ALICE")
		require.NoError(t, err)
		require.Empty(t, got.Email)
	})
}

func TestChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := start(t, standin.Options{})
		direct, err := c.Direct(t.Context(), "U0ALICE")
		require.NoError(t, err)
		for _, want := range []web.Channel{
			{ID: "C0SECOPS", Name: "secops", Member: true},
			{ID: "C0PRIVATE", Name: "private", Member: true},
			{ID: "C0SHARED", Name: "shared", Member: true, External: true},
			{ID: "C0PENDING", Name: "pending", Member: true, External: true},
			{ID: "C0ARCHIVED", Name: "archived", Member: true, Archived: true},
			{ID: "C0NOAPP", Name: "noapp"},
			{ID: direct, Member: true, Direct: true},
		} {
			got, err := c.Channel(t.Context(), want.ID)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(want, got))
		}
		_, err = c.Channel(t.Context(), "C0NONE")
		require.True(t, web.Is(err, web.Operator))
	})
}

func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		users, err := c.Group(t.Context(), "S0ONCALL")
		require.NoError(t, err)
		require.Equal(t, []string{"U0ALICE", "U0BOB"}, users)
		for id, code := range map[string]string{"S0OLD": "group_disabled", "S0NONE": "no_such_subteam"} {
			_, err := c.Group(t.Context(), id)
			e := failed(t, err)
			require.Equal(t, []any{code, web.Operator}, []any{e.Code, e.Kind})
		}
		s.ChangeGroup("S0ONCALL", func(g *standin.Group) { g.Users = nil })
		users, err = c.Group(t.Context(), "S0ONCALL")
		require.NoError(t, err)
		require.Empty(t, users)
		s.SetScopes("chat:write")
		_, err = c.Group(t.Context(), "S0ONCALL")
		require.Equal(t, "usergroups:read", failed(t, err).Needed)
	})
}

func TestSelf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		got, err := c.Self(t.Context())
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(web.Self{Team: standin.SampleTeam, App: standin.SampleApp, User: "U0COUNTERSIGN", Bot: "B0COUNTERSIGN", Scopes: standin.Scopes()}, got))
		s.SetScopes("chat:write", "commands")
		got, err = c.Self(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"chat:write", "commands"}, got.Scopes)
		require.Empty(t, got.App, "it may not ask")
		s.Revoke("token_revoked")
		_, err = c.Self(t.Context())
		require.True(t, web.Is(err, web.Operator))
	})
}
