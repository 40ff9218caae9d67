package standin

import (
	"net/http"
	"time"
)

// User is somebody in the workspace, or of another one.
type User struct {
	ID, Name string
	Email    string
	Team     string // "" is the workspace's
	// Guest is in some channels, UltraGuest in one.
	Guest, UltraGuest bool
	Bot, Deleted      bool
	Unconfirmed       bool // the mail address is
}

// Channel is a conversation.
type Channel struct {
	ID, Name string
	Private  bool
	Archived bool
	Shared   bool // with another company
	Pending  bool // another company is invited
	NoApp    bool // the app is not in it
	// Members are who is in it; nil is everybody.
	Members []string
	Direct  string // the person whose conversation with the app it is
}

// Group is a user group.
type Group struct {
	ID, Handle string
	Users      []string
	Disabled   bool
}

// The ids and secrets of [Sample].
const (
	SampleTeam     = "T0TEAM"
	SampleApp      = "A0APP"
	SampleBotToken = "xoxb-standin-bot"  //nolint:gosec // of the stand-in alone
	SampleAppToken = "xapp-standin-app"  //nolint:gosec // of the stand-in alone
	SampleSecret   = "standin-signature" //nolint:gosec // of the stand-in alone
)

// Scopes are those that the app is installed with unless Options say otherwise: all that the Web API of
// the stand-in asks for, but files:write.
func Scopes() []string {
	return []string{
		"chat:write", "commands", "users:read", "users:read.email", "usergroups:read", "im:write", "im:read", "im:history",
		"channels:read", "groups:read", "channels:history", "groups:history",
	}
}

// Sample is a workspace with one of each: people U0ALICE, U0BOB and U0CAROL, guest U0GUEST, ultra guest
// U0ULTRA, bot U0ROBOT, U0GONE who left, stranger U0STRANGER of T0OTHER; channels C0SECOPS, C0OTHER,
// C0PRIVATE, C0SHARED, C0PENDING, C0ARCHIVED and C0NOAPP; groups S0ONCALL (alice, bob) and S0OLD, which is disabled.
func Sample() Options {
	return Options{
		Team: SampleTeam, App: SampleApp, BotToken: SampleBotToken, AppToken: SampleAppToken, SigningSecret: SampleSecret,
		Scopes: Scopes(), Patience: 3 * time.Second, Clock: time.Now,
		Users: []User{
			{ID: "U0ALICE", Name: "alice", Email: "alice@example.com"},
			{ID: "U0BOB", Name: "bob", Email: "bob@example.com"},
			{ID: "U0CAROL", Name: "carol", Email: "carol@example.com", Unconfirmed: true},
			{ID: "U0GUEST", Name: "guest", Email: "guest@example.com", Guest: true},
			{ID: "U0ULTRA", Name: "ultra", Email: "ultra@example.com", Guest: true, UltraGuest: true},
			{ID: "U0ROBOT", Name: "robot", Bot: true},
			{ID: "U0GONE", Name: "gone", Email: "gone@example.com", Deleted: true},
			{ID: "U0STRANGER", Name: "stranger", Email: "stranger@example.org", Team: "T0OTHER"},
		},
		Channels: []Channel{
			{ID: "C0SECOPS", Name: "secops"},
			{ID: "C0OTHER", Name: "other"},
			{ID: "C0PRIVATE", Name: "private", Private: true, Members: []string{"U0ALICE", "U0BOB"}},
			{ID: "C0SHARED", Name: "shared", Shared: true},
			{ID: "C0PENDING", Name: "pending", Pending: true},
			{ID: "C0ARCHIVED", Name: "archived", Archived: true},
			{ID: "C0NOAPP", Name: "noapp", NoApp: true},
		},
		Groups: []Group{
			{ID: "S0ONCALL", Handle: "oncall", Users: []string{"U0ALICE", "U0BOB"}},
			{ID: "S0OLD", Handle: "old", Users: []string{"U0ALICE"}, Disabled: true},
		},
	}
}

func (o Options) withDefaults() Options {
	d := Sample()
	for _, p := range []struct{ have, sample *string }{
		{&o.Team, &d.Team}, {&o.App, &d.App}, {&o.BotToken, &d.BotToken}, {&o.AppToken, &d.AppToken}, {&o.SigningSecret, &d.SigningSecret},
	} {
		if *p.have == "" {
			*p.have = *p.sample
		}
	}
	if o.Scopes == nil {
		o.Scopes = d.Scopes
	}
	if o.Users == nil {
		o.Users = d.Users
	}
	if o.Channels == nil {
		o.Channels = d.Channels
	}
	if o.Groups == nil {
		o.Groups = d.Groups
	}
	if o.Patience == 0 {
		o.Patience = d.Patience
	}
	if o.Clock == nil {
		o.Clock = d.Clock
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: &http.Transport{}}
	}
	return o
}

// ChangeUser changes a person behind everyone's back: a guest now, gone, of another mail address.
func (s *Server) ChangeUser(id string, change func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.users[id]; ok {
		change(u)
		s.touch()
	}
}

// ChangeChannel changes a channel: archived now, or shared with another company.
func (s *Server) ChangeChannel(id string, change func(*Channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.channels[id]; ok {
		change(c)
		s.touch()
	}
}

// ChangeGroup changes a user group: its members, or whether it is enabled.
func (s *Server) ChangeGroup(id string, change func(*Group)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.groups {
		if s.groups[i].ID == id {
			change(&s.groups[i])
			s.touch()
		}
	}
}

// SetScopes says what the tokens may from now on.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Scopes = scopes
}

// Revoke lets every token be refused with the code, like token_revoked; "" takes them again.
func (s *Server) Revoke(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = code
}

// Rotate signs with another secret from now on.
func (s *Server) Rotate(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = secret
}

// team is the workspace that somebody belongs to.
func (s *Server) team(u *User) string {
	if u.Team != "" {
		return u.Team
	}
	return s.o.Team
}
