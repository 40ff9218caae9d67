package directory

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

const inSlack = `
people:
  alice: {slack: U01ALICE}
  bob: {slack: U01BOB}
  carol: {}
groups:
  leads: [carol]
slack_groups:
  oncall: S0614TZR7
  others: S0000000X
`

// slackSays is what Slack answers about S0614TZR7.
type slackSays struct {
	members []string
	err     error
	wanted  []string
}

func (s *slackSays) Members(_ context.Context, group string, wanted ...string) ([]string, error) {
	s.wanted = wanted
	if group != "S0614TZR7" {
		return nil, errors.New("no_such_subteam")
	}
	return s.members, s.err
}

func looking(t *testing.T, text string, l Lookup) Directory {
	t.Helper()
	d, err := Looking(func() (Directory, error) { return Parse([]byte(text)) }, l)()
	require.NoError(t, err)
	return d
}

func TestGroupsInSlack(t *testing.T) {
	says := &slackSays{members: []string{"U01BOB", "U99STRANGER", "U01ALICE", "U01BOB"}}
	d := looking(t, inSlack, says)
	members, err := d.MembersFor(t.Context(), []string{"bob", "carol", "mallory"}, "oncall", "leads")
	require.NoError(t, err)
	require.Equal(t, []string{"alice", "bob", "carol"}, members, "a stranger is nobody")
	require.Equal(t, []string{"U01BOB"}, says.wanted, "who has no id there is not looked for")

	each, err := d.Each(t.Context(), nil, "oncall", "leads")
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"oncall": {"alice", "bob"}, "leads": {"carol"}}, each)

	says.members = nil
	members, err = d.Members(t.Context(), "oncall")
	require.NoError(t, err)
	require.Empty(t, members)
}

// What cannot be looked up is an error for all that is asked, never the rest of it.
func TestGroupsThatCannotBeLookedUp(t *testing.T) {
	broken := errors.New("slack is away")
	for name, tc := range map[string]struct {
		lookup Lookup
		group  string
		says   string
	}{
		"no token":         {nil, "oncall", "this program has no token for it"},
		"slack is away":    {&slackSays{err: broken}, "oncall", "oncall: slack is away"},
		"an unknown group": {&slackSays{}, "others", "others: no_such_subteam"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := looking(t, inSlack, tc.lookup).Members(t.Context(), "leads", tc.group)
			require.ErrorIs(t, err, ErrLookup)
			require.ErrorContains(t, err, tc.says)
		})
	}
	_, err := looking(t, inSlack, nil).Members(t.Context(), "absent")
	require.NotErrorIs(t, err, ErrLookup, "that is a mistake, and not for now")
	_, err = Looking(func() (Directory, error) { return Directory{}, broken }, nil)()
	require.ErrorIs(t, err, broken)
}

func TestRoster(t *testing.T) {
	d := looking(t, inSlack, nil)
	require.Equal(t, map[string][]string{"leads": {"carol"}, "oncall": nil, "others": nil}, d.Roster())
	require.True(t, d.Has("oncall"))
	require.True(t, d.Has("leads"))
	require.False(t, d.Has("absent"))
	require.Empty(t, Directory{}.Roster())
	require.Len(t, d.Groups, 1, "it is a copy")
}

func TestByEmail(t *testing.T) {
	people, err := Parse([]byte(everybody))
	require.NoError(t, err)
	mails, err := Parse([]byte("groups: {a: [zoe@example.com]}"))
	require.NoError(t, err)
	for _, tc := range []struct {
		d             Directory
		address, want string
	}{
		{people, "Alice@Example.com", "alice"},
		{people, "alice", ""},
		{people, "", ""},
		{people, "x@example.com", ""},
		{mails, "ZOE@example.com", "zoe@example.com"},
	} {
		p, ok := tc.d.ByEmail(tc.address)
		require.Equal(t, tc.want != "", ok, tc.address)
		require.Equal(t, tc.want, p.ID, tc.address)
	}
}

func TestBySlack(t *testing.T) {
	d := looking(t, inSlack, nil)
	for id, want := range map[string]string{"U01ALICE": "alice", "u01alice": "", "": "", "U99": "", "alice": ""} {
		p, ok := d.BySlack(id)
		require.Equal(t, want != "", ok, id)
		require.Equal(t, want, p.ID, id)
	}
}
