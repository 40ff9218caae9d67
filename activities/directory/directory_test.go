package directory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const everybody = `
people:
  alice: {name: Alice Ames, email: alice@example.com, slack: U01ALICE, accounts: [alice-admin, shared]}
  bob: {email: bob@example.com, accounts: [shared]}
  carol: {}
groups:
  oncall: [alice, bob]
  leads: [carol, alice]
sources: [ci]
`

func TestMembers(t *testing.T) {
	mails, err := Parse([]byte("groups:\n  b: [zoe@example.com, alice@example.com]\n  a: [alice@example.com]\n"))
	require.NoError(t, err)
	people, err := Parse([]byte(everybody))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		d      Directory
		groups []string
		want   []string
	}{
		"one group":          {mails, []string{"b"}, []string{"alice@example.com", "zoe@example.com"}},
		"each person once":   {mails, []string{"a", "b"}, []string{"alice@example.com", "zoe@example.com"}},
		"the order is fixed": {mails, []string{"b", "a"}, []string{"alice@example.com", "zoe@example.com"}},
		"ids":                {people, []string{"oncall", "leads"}, []string{"alice", "bob", "carol"}},
		"none":               {people, nil, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			members, err := tc.d.Members(t.Context(), tc.groups...)
			require.NoError(t, err)
			require.Equal(t, tc.want, members)
		})
	}
	_, err = people.Members(t.Context(), "oncall", "absent")
	require.ErrorContains(t, err, `no group "absent"`)
}

func TestFind(t *testing.T) {
	people, err := Parse([]byte(everybody))
	require.NoError(t, err)
	mails, err := Parse([]byte("groups: {a: [zoe@example.com]}"))
	require.NoError(t, err)
	for _, tc := range []struct {
		d          Directory
		identifier string
		want       string
	}{
		{people, "alice", "alice"},
		{people, "Alice", "alice"},
		{people, "Alice@Example.com", "alice"},
		{people, "U01ALICE", "alice"},
		{people, "alice-admin", "alice"},
		{people, "shared", ""}, // by whom it was is not known
		{people, "", ""},
		{people, "ci", ""},
		{people, "dave", ""},
		{mails, "zoe@example.com", "zoe@example.com"},
		{mails, "ZOE@example.com", "zoe@example.com"},
		{mails, "zoe", ""},
	} {
		p, ok := tc.d.Find(tc.identifier)
		require.Equal(t, tc.want != "", ok, tc.identifier)
		require.Equal(t, tc.want, p.ID, tc.identifier)
	}
	require.True(t, people.IsSource("ci"))
	require.False(t, people.IsSource("alice"))
}

func TestKnown(t *testing.T) {
	people, err := Parse([]byte(everybody))
	require.NoError(t, err)
	require.Equal(t, []string{"alice", "bob"}, people.Known([]string{"nobody", "SHARED", ""}))
	require.Equal(t, []string{"alice"}, people.Known([]string{" Alice-Admin "}))
	require.Empty(t, people.Known([]string{"", "i-0abc"}))
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                                 "EOF",
		"groups: {}":                       "nobody could approve anything",
		"groups: {a: []}":                  `the group "a" is empty`,
		"groups: {a: [alice]}":             "want a mail address",
		"groups: {a: [Alice@example.com]}": "in lower case",
		"groups: {a: [a@b.example, a@b.example]}":                               "twice",
		"persons: {a: [alice@example.com]}":                                     "field persons not found",
		"groups: {a: [x@y.example]}" + strings.Repeat(" ", maxSize):             "at most",
		"people: {a: {}}\ngroups: {g: [b]}":                                     "want the id of one of the people",
		"people: {A: {}}\ngroups: {g: [A]}":                                     `the person "A" has a bad id`,
		"people: {a: {email: x}}\ngroups: {g: [a]}":                             `the mail address "x"`,
		"people: {a: {slack: alice}}\ngroups: {g: [a]}":                         "the member's id",
		"people: {a: {accounts: ['']}}\ngroups: {g: [a]}":                       `the account ""`,
		"people: {a: {email: x@y.z}, b: {email: x@y.z}}\ngroups: {g: [a]}":      `the person "b" is known as x@y.z, and so is "a"`,
		"people: {a: {slack: U123}, b: {slack: U123}}\ngroups: {g: [a]}":        "is known as U123",
		"people: {x@y.z: {}, b: {email: x@y.z}}\ngroups: {g: [b]}":              "one human is one person",
		"people: {a: {slack: U1AA}}\ngroups: {g: [a]}\nslack_groups: {g: S0AA}": `the group "g" is in groups and in slack_groups`,
		"people: {a: {slack: U1AA}}\nslack_groups: {g: secops}":                 "want the id of a user group",
		"people: {a: {}}\nslack_groups: {g: S0AA}":                              "nobody with a Slack id",
		"groups: {g: [a@b.example]}\nslack_groups: {h: S0AA}":                   "nobody with a Slack id",
		"people: {a: {}}\ngroups: {g: [a]}\nsources: [a]":                       "the source a is a person, too",
		"people: {a: {}}\ngroups: {g: [a]}\nsources: [s, s]":                    "the source s is there twice",
		"people: {a: {}}\ngroups: {g: [a]}\nsources: ['s p']":                   `the source "s p" has a bad id`,
	} {
		_, err := Parse([]byte(text))
		require.ErrorContains(t, err, says, text[:min(len(text), 60)])
	}
	_, err := Parse([]byte("people: {a: {email: x, slack: y}}\ngroups: {g: [b], h: []}"))
	for _, says := range []string{"mail address", "Slack id", "id of one of the people", `"h" is empty`} {
		require.ErrorContains(t, err, says, "all at once")
	}
}

// A file is believed as it is now, not as it was.
func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "people.yaml")
	current := File(file)
	_, err := current()
	require.ErrorContains(t, err, "read the directory of approvers")
	require.NoError(t, os.WriteFile(file, []byte(everybody), 0o600))
	for range 2 {
		d, err := current()
		require.NoError(t, err)
		require.Len(t, d.People, 3)
	}
	stat, err := os.Stat(file)
	require.NoError(t, err)
	// As long and as old as before.
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(everybody, "oncall: [alice, bob]", "oncall: [carol,bob]", 1)), 0o600))
	require.NoError(t, os.Chtimes(file, stat.ModTime(), stat.ModTime()))
	d, err := current()
	require.NoError(t, err)
	require.Equal(t, []string{"carol", "bob"}, d.Groups["oncall"])
	require.NoError(t, os.WriteFile(file, []byte("groups: {"), 0o600))
	_, err = current()
	require.Error(t, err, "what was well before is not believed")
	require.NoError(t, os.Remove(file))
	_, err = current()
	require.Error(t, err)
}
