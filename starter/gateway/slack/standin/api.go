package standin

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object, read without the types of any client.
type object = map[string]any

// call is one call of the Web API.
type call struct {
	method, token string
	args          object // of a form all are strings
	now           time.Time
}

// refusal is an answer that says no. Code is what stands in "error".
type refusal struct {
	code   string
	more   object
	status int // 0 is 200
	header map[string]string
}

func no(code string) *refusal { return &refusal{code: code} }

// method is one of the Web API.
type method struct {
	scope string // "" needs none; those of channels depend on the channel
	tier  int    // calls a minute; 0 is one a second and channel
	app   bool   // wants the token of the app
	run   func(*Server, *call) (object, *refusal)
}

var methods = map[string]method{
	"auth.test":                    {tier: 600, run: (*Server).authTest},
	"apps.connections.open":        {tier: 50, app: true, run: (*Server).openConnection},
	"bots.info":                    {tier: 50, scope: "users:read", run: (*Server).botInfo},
	"chat.postMessage":             {scope: "chat:write", run: (*Server).postMessage},
	"chat.postEphemeral":           {tier: 100, scope: "chat:write", run: (*Server).postEphemeral},
	"chat.update":                  {tier: 50, scope: "chat:write", run: (*Server).updateMessage},
	"chat.delete":                  {tier: 50, scope: "chat:write", run: (*Server).deleteMessage},
	"chat.getPermalink":            {tier: 600, run: (*Server).permalink},
	"conversations.info":           {tier: 50, run: (*Server).channelInfo},
	"conversations.history":        {tier: 50, run: (*Server).history},
	"conversations.replies":        {tier: 50, run: (*Server).replies},
	"conversations.open":           {tier: 50, scope: "im:write", run: (*Server).openDirect},
	"users.info":                   {tier: 100, scope: "users:read", run: (*Server).userInfo},
	"users.lookupByEmail":          {tier: 50, scope: "users:read.email", run: (*Server).userByEmail},
	"usergroups.list":              {tier: 20, scope: "usergroups:read", run: (*Server).listGroups},
	"usergroups.users.list":        {tier: 20, scope: "usergroups:read", run: (*Server).listMembers},
	"views.open":                   {tier: 100, run: (*Server).openView},
	"views.push":                   {tier: 100, run: (*Server).pushView},
	"views.update":                 {tier: 100, run: (*Server).updateView},
	"views.publish":                {tier: 100, run: (*Server).publishView},
	"files.getUploadURLExternal":   {tier: 100, scope: "files:write", run: (*Server).uploadURL},
	"files.completeUploadExternal": {tier: 100, scope: "files:write", run: (*Server).completeUpload},
}

// maxRequest bounds what is read of one request, in bytes.
const maxRequest = 4 << 20

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	c, refused := read(r)
	c.now = s.now()
	fault := s.take(c.method)
	if fault != nil && fault.Kind == Hang {
		s.note(c, "(hangs)")
		s.hang(r)
	}
	var answer object
	if fault != nil && refused == nil {
		refused = fault.refusal(c)
	}
	if refused == nil {
		answer, refused = s.perform(c)
	}
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	status, code := http.StatusOK, ""
	if fault != nil && fault.Kind == ErrorAfter {
		status = http.StatusInternalServerError
	}
	if refused != nil {
		answer, code = object{"ok": false, "error": refused.code}, refused.code
		for k, v := range refused.more {
			answer[k] = v
		}
		for k, v := range refused.header {
			header.Set(k, v)
		}
		if refused.status != 0 {
			status = refused.status
		}
	} else {
		answer["ok"] = true
	}
	s.mu.Lock()
	header.Set("X-OAuth-Scopes", strings.Join(s.o.Scopes, ","))
	s.mu.Unlock()
	s.note(c, code)
	raw, err := json.Marshal(answer)
	if err != nil {
		panic(err) // it is made of what JSON was read into
	}
	if fault != nil {
		raw = fault.spoil(s, r, header, raw)
	}
	for k, v := range header {
		w.Header()[k] = v
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw) // a caller who is gone hears nothing
}

// read decodes a call: a form, or JSON with the token in the header.
func read(r *http.Request) (*call, *refusal) {
	c := &call{method: r.PathValue("method"), args: object{}}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil || len(raw) > maxRequest {
		return c, &refusal{code: "request_too_large", status: http.StatusRequestEntityTooLarge}
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil && len(raw) > 0 {
		return c, no("missing_post_type")
	}
	switch {
	case len(raw) == 0:
		for k, v := range r.URL.Query() {
			c.args[k] = v[0]
		}
	case kind == "application/json":
		if json.Unmarshal(raw, &c.args) != nil || c.args == nil {
			return c, no("invalid_json")
		}
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return c, no("invalid_form_data")
		}
		for k, v := range form {
			c.args[k] = v[0]
		}
		c.token = form.Get("token")
	default:
		return c, no("invalid_post_type")
	}
	delete(c.args, "token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.token = bearer
	}
	return c, nil
}

func (s *Server) perform(c *call) (object, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := methods[c.method]
	if !ok {
		return nil, no("unknown_method")
	}
	switch {
	case c.token == "":
		return nil, no("not_authed")
	case c.token != s.o.BotToken && c.token != s.o.AppToken:
		return nil, no("invalid_auth")
	case s.revoked != "":
		return nil, no(s.revoked)
	case m.app != (c.token == s.o.AppToken):
		return nil, no("not_allowed_token_type")
	}
	if refused := s.limit(c, m); refused != nil {
		return nil, refused
	}
	if refused := s.need(m.scope); refused != nil {
		return nil, refused
	}
	answer, refused := m.run(s, c)
	if refused == nil {
		s.touch()
	}
	return answer, refused
}

// need refuses where the token lacks a scope.
func (s *Server) need(scope string) *refusal {
	if scope == "" || slices.Contains(s.o.Scopes, scope) {
		return nil
	}
	return &refusal{code: "missing_scope", more: object{"needed": scope, "provided": strings.Join(s.o.Scopes, ",")}}
}

func (c *call) str(name string) string {
	switch v := c.args[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

func (c *call) flag(name string) bool { v := c.str(name); return v == "true" || v == "1" }

// tree is an argument that is JSON, and in a form a string of JSON. Given says that it is there, and
// ok that it could be read.
func (c *call) tree(name string) (v any, given, ok bool) {
	v, given = c.args[name]
	s, text := v.(string)
	if !given || !text {
		return v, given, true
	}
	if s == "" {
		return nil, false, true
	}
	err := json.Unmarshal([]byte(s), &v)
	return v, true, err == nil
}

// Call is one call of the Web API, in short.
type Call struct {
	Method  string
	Channel string
	Code    string // "" is success
	At      time.Time
}

func (s *Server) note(c *call, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{Method: c.method, Channel: c.str("channel"), Code: code, At: c.now})
	s.touch()
}

// Calls are the calls of the Web API so far, in the order of their answers.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
