package identity_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/identity"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const people = `
people:
  alice: {email: alice@example.com, slack: U01ALICE}
  bob: {email: bob@example.com}
  carol: {}
groups: {oncall: [alice, bob]}
`

// fake is what Slack says of everybody and of every channel.
type fake struct {
	user     web.User
	channel  web.Channel
	err      error // of users
	closed   error // of channels
	slow     time.Duration
	users    atomic.Int32
	channels atomic.Int32
}

func (f *fake) User(ctx context.Context, _ string) (web.User, error) {
	f.users.Add(1)
	select {
	case <-time.After(f.slow):
		return f.user, f.err
	case <-ctx.Done():
		return web.User{}, ctx.Err()
	}
}

func (f *fake) Channel(context.Context, string) (web.Channel, error) {
	f.channels.Add(1)
	return f.channel, f.closed
}

// scene is a click by alice as all is well, and what is around it.
type scene struct {
	fake
	from   receive.From
	o      identity.Options
	people string
}

func newScene() *scene {
	s := &scene{
		people: people,
		from:   receive.From{App: "A01", Team: "T01", User: "U01ALICE", UserTeam: "T01", Channel: "C01", Message: "17.5"},
		o:      identity.Options{App: "A01", Team: "T01"},
	}
	s.user = web.User{ID: "U01ALICE", Team: "T01", Name: "bob", Email: "alice@example.com", EmailConfirmed: true}
	s.channel = web.Channel{ID: "C01", Member: true}
	return s
}

func (s *scene) guard(t *testing.T) *identity.Guard {
	t.Helper()
	s.o.Web = &s.fake
	s.o.Directory = func() (directory.Directory, error) { return directory.Parse([]byte(s.people)) }
	g, err := identity.New(s.o)
	require.NoError(t, err)
	return g
}

// is lets somebody else click, with an own mail address.
func (s *scene) is(id, email string) {
	s.from.User, s.user.ID, s.user.Email = id, id, email
}

// Slack answers few questions about channels: who is nobody here does not use them up for who is.
func TestNobodyAsksOfChannels(t *testing.T) {
	s := newScene()
	s.closed = errors.New("channel_not_found")
	g := s.guard(t)
	s.is("U09MALLORY", "")
	for range 10 {
		_, err := g.Who(t.Context(), s.from)
		require.ErrorContains(t, err, "not in the directory")
	}
	require.Zero(t, s.channels.Load())
	require.EqualValues(t, 1, s.users.Load())
}

func TestWho(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*scene)
		want   desk.Principal
	}{
		"by the directory":    {func(*scene) {}, desk.Principal{Person: "alice", Via: "T01/U01ALICE by directory, message C01/17.5"}},
		"in a view":           {func(s *scene) { s.from.Channel, s.from.Message = "", "" }, desk.Principal{Person: "alice", Via: "T01/U01ALICE by directory"}},
		"a command":           {func(s *scene) { s.from.UserTeam, s.from.Message = "", "" }, desk.Principal{Person: "alice", Via: "T01/U01ALICE by directory"}},
		"what comes in twice": {func(s *scene) { s.from.Trigger = "1.2.a" }, desk.Principal{Person: "alice", Via: "T01/U01ALICE by directory, message C01/17.5", Deed: "1.2.a"}},
		"the directory before a mail address": {func(s *scene) {
			s.o.Email, s.user.Email = true, "bob@example.com"
		}, desk.Principal{Person: "alice", Via: "T01/U01ALICE by directory, message C01/17.5"}},
		"by mail address": {func(s *scene) {
			s.o.Email = true
			s.is("U09BOB", "Bob@Example.com")
		}, desk.Principal{Person: "bob", Via: "T01/U09BOB by mail address bob@example.com, message C01/17.5"}},
		"of a directory of mail addresses": {func(s *scene) {
			s.o.Email, s.people = true, "groups: {oncall: [zoe@example.com]}"
			s.is("U09ZOE", "zoe@example.com")
		}, desk.Principal{Person: "zoe@example.com", Via: "T01/U09ZOE by mail address zoe@example.com, message C01/17.5"}},
		"in a Grid": {func(s *scene) {
			s.o.Enterprise, s.from.Enterprise, s.from.UserTeam, s.user.Team = "E01", "E01", "E01", "E01"
		}, desk.Principal{Person: "alice", Via: "T01/U01ALICE by directory, message C01/17.5"}},
		"installed for a whole Grid": {func(s *scene) {
			s.o.Enterprise, s.from.Enterprise, s.from.Team = "E01", "E01", ""
		}, desk.Principal{Person: "alice", Via: "E01/U01ALICE by directory, message C01/17.5"}},
		"of a Grid that nobody told us of": {func(s *scene) { s.from.Enterprise = "E01" }, desk.Principal{Person: "alice", Via: "T01/U01ALICE by directory, message C01/17.5"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			tc.change(s)
			p, err := s.guard(t).Who(t.Context(), s.from)
			require.NoError(t, err)
			tc.want.Surface = "slack"
			require.Equal(t, tc.want, p)
		})
	}
}

func TestNobody(t *testing.T) {
	broken := errors.New("xoxb-canary")
	for name, tc := range map[string]struct {
		change func(*scene)
		kind   identity.Kind
		says   string
		again  bool
	}{
		"another app":          {func(s *scene) { s.from.App = "A02" }, identity.WrongApp, "another app", false},
		"no app":               {func(s *scene) { s.from.App = "" }, identity.WrongApp, "another app", false},
		"another team":         {func(s *scene) { s.from.Team = "T02" }, identity.WrongTeam, "another workspace", false},
		"no team":              {func(s *scene) { s.from.Team = "" }, identity.WrongTeam, "another workspace", false},
		"no team, no Grid set": {func(s *scene) { s.from.Team, s.from.Enterprise = "", "E01" }, identity.WrongTeam, "another workspace", false},
		"another Grid": {func(s *scene) {
			s.o.Enterprise, s.from.Enterprise, s.from.Team = "E01", "E02", ""
		}, identity.WrongTeam, "another workspace", false},
		"our team in another Grid": {func(s *scene) {
			s.o.Enterprise, s.from.Enterprise = "E01", "E02"
		}, identity.WrongTeam, "another workspace", false},
		"another team of the Grid": {func(s *scene) {
			s.o.Enterprise, s.from.Enterprise, s.from.Team = "E01", "E01", "T02"
		}, identity.WrongTeam, "another workspace", false},
		"no user":                  {func(s *scene) { s.from.User = "" }, identity.Nobody, "Press it again", false},
		"a user that is no id":     {func(s *scene) { s.from.User = "<!channel>" }, identity.Nobody, "Press it again", false},
		"a user of another team":   {func(s *scene) { s.from.UserTeam = "T02" }, identity.Stranger, "another workspace", false},
		"a user of a Grid's other": {func(s *scene) { s.o.Enterprise, s.from.UserTeam = "E01", "T02" }, identity.Stranger, "another workspace", false},
		"of another Grid":          {func(s *scene) { s.from.UserTeam = "E02" }, identity.Stranger, "another workspace", false},
		"Slack says another team":  {func(s *scene) { s.user.Team = "T02" }, identity.Stranger, "another workspace", false},
		"Slack says no team":       {func(s *scene) { s.user.Team = "" }, identity.Stranger, "another workspace", false},
		"a stranger":               {func(s *scene) { s.user.Foreign = true }, identity.Stranger, "another workspace", false},
		"deleted":                  {func(s *scene) { s.user.Deleted = true }, identity.Deleted, "deactivated", false},
		"a bot":                    {func(s *scene) { s.user.Bot = true }, identity.Bot, "A person has to", false},
		"a guest":                  {func(s *scene) { s.user.Restricted = true }, identity.Guest, "guest of this workspace", false},
		"a single-channel guest": {func(s *scene) {
			s.user.Restricted, s.user.UltraRestricted = true, true
		}, identity.SingleGuest, "guest of a single channel", false},
		"a shared channel":         {func(s *scene) { s.channel.External = true }, identity.External, "another company", false},
		"an unknown channel":       {func(s *scene) { s.closed = broken }, identity.Unsure, "invite it first", true},
		"another channel":          {func(s *scene) { s.channel.ID = "C02" }, identity.Unsure, "kind of channel", true},
		"Slack does not say who":   {func(s *scene) { s.err = broken }, identity.Unsure, "who you are now", true},
		"Slack says somebody else": {func(s *scene) { s.user.ID = "U01BOB" }, identity.Unsure, "who you are now", true},
		"no directory":             {func(s *scene) { s.people = "groups: {" }, identity.Unsure, "cannot be read", true},
		"two people of one id": {func(s *scene) {
			s.people = strings.Replace(people, "carol: {}", "carol: {slack: U01ALICE}", 1)
		}, identity.Unsure, "cannot be read", true},
		"nobody of the directory":       {func(s *scene) { s.is("U09", "bob@example.com") }, identity.Unknown, "add your Slack id U09 to it", false},
		"nobody by mail address either": {func(s *scene) { s.o.Email = true; s.is("U09", "eve@example.com") }, identity.Unknown, "U09", false},
		"no mail address":               {func(s *scene) { s.o.Email = true; s.is("U09", "") }, identity.Unknown, "U09", false},
		"an address not confirmed": {func(s *scene) {
			s.o.Email, s.user.EmailConfirmed = true, false
			s.is("U09", "bob@example.com")
		}, identity.Unconfirmed, "Confirm it", false},
		"the address of somebody with another id": {func(s *scene) {
			s.o.Email = true
			s.is("U09", "alice@example.com")
		}, identity.OtherID, "another Slack account", false},
		"an account of that name": {func(s *scene) {
			s.people = strings.Replace(people, "carol: {}", "carol: {accounts: [U09]}", 1)
			s.is("U09", "")
		}, identity.Unknown, "U09", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			tc.change(s)
			p, err := s.guard(t).Who(t.Context(), s.from)
			var no *identity.Refusal
			require.ErrorAs(t, err, &no)
			require.Equal(t, tc.kind, no.Kind)
			require.Equal(t, tc.again, no.Again)
			require.Contains(t, no.Error(), tc.says)
			require.Regexp(t, `^[A-Z].*\.$`, no.Error(), "it is a sentence")
			require.NotContains(t, no.Error(), "canary")
			require.NotRegexp(t, regexp.MustCompile(`[<>&]`), no.Error())
			require.Empty(t, p.Person)
			require.Equal(t, "slack", p.Surface)
			require.NotContains(t, p.Via, "by directory")
			require.NotContains(t, p.Via, "by mail")
		})
	}
}

// What Slack said is believed for a minute, and no longer; a failure not at all.
func TestFactsGetOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene()
		g := s.guard(t)
		who := func() error {
			_, err := g.Who(t.Context(), s.from)
			return err
		}
		require.NoError(t, who())
		s.user.Deleted, s.channel.External = true, true
		time.Sleep(time.Minute - time.Second)
		require.NoError(t, who())
		require.EqualValues(t, 1, s.users.Load())
		require.EqualValues(t, 1, s.channels.Load())
		time.Sleep(time.Second)
		require.Error(t, who(), "the channel was shared after the message was posted")
		s.user.Deleted, s.channel.External = false, false
		time.Sleep(time.Minute)
		require.NoError(t, who())

		time.Sleep(time.Minute)
		s.err = errors.New("away")
		require.Error(t, who())
		s.err = nil
		require.NoError(t, who())
	})
}

// Slack is asked once for all who wait, for a second and a bit at most.
func TestSlackIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene()
		s.slow = time.Second
		g := s.guard(t)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				p, err := g.Who(t.Context(), s.from)
				require.NoError(t, err)
				require.Equal(t, "alice", p.Person)
			})
		}
		all.Wait()
		require.EqualValues(t, 1, s.users.Load())

		time.Sleep(time.Minute)
		s.slow = time.Hour
		start := time.Now()
		_, err := g.Who(t.Context(), s.from)
		var no *identity.Refusal
		require.ErrorAs(t, err, &no)
		require.True(t, no.Again)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Less(t, time.Since(start), 1500*time.Millisecond)
	})
}

func TestNewWants(t *testing.T) {
	for _, o := range []identity.Options{
		{}, {App: "A01", Team: "T01", Web: &fake{}},
		{App: "A01", Directory: func() (directory.Directory, error) { return directory.Directory{}, nil }, Web: &fake{}},
	} {
		_, err := identity.New(o)
		require.Error(t, err)
	}
}
