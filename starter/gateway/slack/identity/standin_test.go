package identity_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/directory/slackgroup"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/slack/identity"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// everybody of the workspace is in the directory, so that what Slack says of them decides.
const everybody = `
people:
  alice: {slack: U0ALICE}
  bob: {email: bob@example.com}
  carol: {email: carol@example.com}
  guest: {slack: U0GUEST}
  ultra: {slack: U0ULTRA}
  robot: {slack: U0ROBOT}
  gone: {slack: U0GONE}
  stranger: {slack: U0STRANGER}
slack_groups: {oncall: S0ONCALL, old: S0OLD, nowhere: S0NOWHERE}
`

// The same with Slack's answers on the wire, for each kind of people and channels.
func TestEverybodyOfAWorkspace(t *testing.T) {
	s := standin.New(standin.Options{})
	t.Cleanup(s.Close)
	api, err := s.Listen()
	require.NoError(t, err)
	client, err := web.New(web.Options{Token: secret.New(standin.SampleBotToken), API: api})
	require.NoError(t, err)
	people := directory.Looking(func() (directory.Directory, error) { return directory.Parse([]byte(everybody)) },
		slackgroup.New(slackgroup.Options{Token: standin.SampleBotToken, URL: api}))
	g, err := identity.New(identity.Options{App: standin.SampleApp, Team: standin.SampleTeam, Email: true, Directory: people, Web: client})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		user, channel string
		want          any // a person, or the kind of a refusal
	}{
		"a member":                 {"U0ALICE", "C0SECOPS", "alice"},
		"in a private channel":     {"U0ALICE", "C0PRIVATE", "alice"},
		"by mail address":          {"U0BOB", "C0SECOPS", "bob"},
		"one that is not sure":     {"U0CAROL", "C0SECOPS", identity.Unconfirmed},
		"a guest":                  {"U0GUEST", "C0SECOPS", identity.Guest},
		"a guest of one channel":   {"U0ULTRA", "C0SECOPS", identity.SingleGuest},
		"a bot":                    {"U0ROBOT", "C0SECOPS", identity.Bot},
		"somebody who left":        {"U0GONE", "C0SECOPS", identity.Deleted},
		"of another company":       {"U0STRANGER", "C0SECOPS", identity.Stranger},
		"nobody":                   {"U0NOBODY", "C0SECOPS", identity.Unsure},
		"in a shared channel":      {"U0ALICE", "C0SHARED", identity.External},
		"in one to be shared":      {"U0ALICE", "C0PENDING", identity.External},
		"in one that is not there": {"U0ALICE", "C0NOWHERE", identity.Unsure},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := g.Who(t.Context(), receive.From{App: standin.SampleApp, Team: standin.SampleTeam, User: tc.user, UserTeam: standin.SampleTeam, Channel: tc.channel, Message: "17.5"})
			if want, ok := tc.want.(string); ok {
				require.NoError(t, err)
				require.Equal(t, want, p.Person)
				return
			}
			var no *identity.Refusal
			require.ErrorAs(t, err, &no)
			require.Equal(t, tc.want, no.Kind)
			require.Empty(t, p.Person)
		})
	}

	// Of the groups of the directory too.
	d, err := people()
	require.NoError(t, err)
	members, err := d.MembersFor(context.Background(), []string{"alice"}, "oncall")
	require.NoError(t, err)
	require.Equal(t, []string{"alice"}, members, "bob has no id of Slack there")
	for _, group := range []string{"old", "nowhere"} {
		_, err := d.Members(context.Background(), group)
		require.ErrorIs(t, err, directory.ErrLookup)
		require.ErrorContains(t, err, "is not there, or is disabled")
	}
}
