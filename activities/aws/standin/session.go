package standin

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"strings"
	"time"
)

// session is what AssumeRole gave out.
type session struct {
	key, token string
	caller     Caller // who calls with it
	role       string // by name
	arn        string // of the role
	of         *Role  // as it was then
	name       string
	external   string
	source     string
	tags       map[string]string
	policy     string // "" cuts nothing off
	began      time.Time
	ends       time.Time
}

// sourceIdentity is who is behind a session; a caller without a session has nobody.
func (s *session) sourceIdentity() string {
	if s == nil {
		return ""
	}
	return s.source
}

// conditions are what policies can ask of a request for the session.
func (s *session) conditions(c *call) map[string][]string {
	keys := map[string][]string{"sts:RoleSessionName": {s.name}}
	if s.external != "" {
		keys["sts:ExternalId"] = []string{s.external}
	}
	if s.source != "" {
		keys["sts:SourceIdentity"] = []string{s.source}
	}
	for key, value := range s.tags {
		keys["aws:RequestTag/"+key] = []string{value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], key)
	}
	return c.keys(keys)
}

// sessions are those given out, by access key id.
type sessions struct {
	byKey map[string]*session
}

// keptSessions is how many sessions may be there before those that ended are looked for, and
// sessionMemory how long one that ended is known as such.
const (
	keptSessions  = 4096
	sessionMemory = time.Hour
)

func (all *sessions) add(s *session, now time.Time) {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails
	id := strings.ToUpper(hex.EncodeToString(b[:]))
	s.key, s.token = "ASIA"+id[:16], "session-"+strings.ToLower(id)
	if len(all.byKey) >= keptSessions {
		maps.DeleteFunc(all.byKey, func(_ string, old *session) bool { return now.Sub(old.ends) > sessionMemory })
	}
	put(&all.byKey, s.key, s)
}

// Session is what [Server.Sessions] tells of a session of a role that was given out.
type Session struct {
	Role           string // ARN
	Name           string
	SourceIdentity string
	Tags           map[string]string
	Policy         string
	Ends           time.Time
}

// Sessions returns the sessions by access key id.
func (s *Server) Sessions() map[string]Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Session{}
	for key, one := range s.sessions.byKey {
		out[key] = Session{Role: one.arn, Name: one.name, SourceIdentity: one.source, Tags: maps.Clone(one.tags), Policy: one.policy, Ends: one.ends}
	}
	return out
}
