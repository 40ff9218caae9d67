package standin

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// act is what a person does: it is delivered, and what they see of it comes back.
func (s *Server) act(user, kind string, payload object) Result {
	s.mu.Lock()
	seen := len(s.private)
	s.mu.Unlock()
	a, ok := s.deliver(kind, payload, nil)
	r := Result{Acked: ok, Status: a.status, Answer: string(a.payload)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok && kind == "slash_commands" {
		s.said(user, text(payload["channel_id"]), a.payload)
	}
	if ok && payload["type"] == "view_submission" {
		r.Errors, r.Acked = s.submitted(user, text(at(payload, "view", "id")), a.payload)
	}
	r.Private = s.ephemeral(user, seen)
	if v := s.top(user); v != nil {
		shown := v.copy()
		r.View = &shown
	}
	s.touch()
	return r
}

// Press presses the first button or overflow entry of that action_id in a message, as the person sees
// it now. It is an error where there is none, or the person cannot see the channel.
func (s *Server) Press(user, channel, ts, action string) (Result, error) {
	return s.PressValue(user, channel, ts, action, "")
}

// PressValue presses the one of several that has that value; of a menu, it chooses the option.
func (s *Server) PressValue(user, channel, ts, action, value string) (Result, error) {
	s.mu.Lock()
	m := s.message(channel, ts)
	if m == nil {
		for i := range s.private {
			if s.private[i].TS == ts && s.private[i].For == user {
				m = &s.private[i]
			}
		}
	}
	u, ch := s.users[user], s.channels[channel]
	if m == nil || u == nil || ch == nil || !ch.has(user) {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("%s does not see the message %s in %s", user, ts, channel)
	}
	done, err := s.pressed(m.Blocks, action, value)
	if err != nil {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("press in the message %s in %s: %w", ts, channel, err)
	}
	container := object{"type": "message", "message_ts": m.TS, "channel_id": ch.ID, "is_ephemeral": m.For != ""}
	if m.Thread != "" {
		container["thread_ts"] = m.Thread
	}
	p := s.payload("block_actions", u, "")
	p["container"], p["actions"] = container, []any{done}
	p["channel"] = object{"id": ch.ID, "name": ch.Name}
	p["message"] = s.json(m, true)
	p["state"] = object{"values": object{}}
	p["response_url"] = s.answerURL(u.ID, ch.ID, m.TS, m.Thread)
	s.mu.Unlock()
	return s.act(user, "interactive", p), nil
}

// PressInView presses a button in the form that a person has open.
func (s *Server) PressInView(user, action, value string) (Result, error) {
	return s.pressView(user, action, value, false)
}

// PressAtHome presses a button in a person's home tab.
func (s *Server) PressAtHome(user, action, value string) (Result, error) {
	return s.pressView(user, action, value, true)
}

func (s *Server) pressView(user, action, value string, home bool) (Result, error) {
	s.mu.Lock()
	v := s.top(user)
	if home {
		v = s.homes[user]
	}
	u := s.users[user]
	if v == nil || u == nil {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("%s has no view open", user)
	}
	done, err := s.pressed(v.Blocks, action, value)
	if err != nil {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("press in the view %s: %w", v.Callback, err)
	}
	p := s.payload("block_actions", u, v.ID)
	p["container"], p["actions"] = object{"type": "view", "view_id": v.ID}, []any{done}
	p["view"] = s.viewJSON(v)
	s.mu.Unlock()
	return s.act(user, "interactive", p), nil
}

// pressed finds what is pressed, and writes it as Slack does.
func (s *Server) pressed(blocks []object, action, value string) (object, error) {
	var there []string
	for _, b := range blocks {
		for _, e := range elements(b) {
			id := text(e["action_id"])
			there = append(there, id)
			if id != action {
				continue
			}
			done := object{"action_id": id, "block_id": b["block_id"], "type": e["type"], "action_ts": s.ts()}
			if e["type"] == "button" {
				if value != "" && value != text(e["value"]) {
					continue
				}
				for _, name := range []string{"text", "value", "style"} {
					if e[name] != nil {
						done[name] = e[name]
					}
				}
				return done, nil
			}
			filled, err := entry(e, value)
			if err != nil {
				return nil, err
			}
			maps.Copy(done, filled)
			return done, nil
		}
	}
	return nil, fmt.Errorf("nothing with the action %q and the value %q among %s", action, value, strings.Join(there, ", "))
}

// payload is what all interactions have in common.
func (s *Server) payload(kind string, u *User, view string) object {
	return object{
		"type": kind, "api_app_id": s.o.App, "token": "legacy-verification-token",
		"team":       object{"id": s.o.Team, "domain": "standin"},
		"user":       object{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": s.team(u)},
		"enterprise": nil, "is_enterprise_install": false,
		"trigger_id": s.newTrigger(u.ID, view),
	}
}

// Submit fills in the form that a person has open, and sends it.
func (s *Server) Submit(user string, values Fill) (Result, error) {
	s.mu.Lock()
	v, u := s.top(user), s.users[user]
	if v == nil || u == nil {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("%s has no form open", user)
	}
	err := v.fill(values)
	if err == nil && v.Submit == "" {
		err = fmt.Errorf("the form %s has no button to send it", v.Callback)
	}
	if err != nil {
		s.mu.Unlock()
		return Result{}, err
	}
	p := s.payload("view_submission", u, v.ID)
	p["view"], p["response_urls"] = s.viewJSON(v), []any{}
	s.mu.Unlock()
	return s.act(user, "interactive", p), nil
}

// submitted does with a form what the app answered. What Slack does not understand leaves the form open
// with a warning.
func (s *Server) submitted(user, id string, answer []byte) (map[string]string, bool) {
	var a struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   object            `json:"view"`
	}
	if len(answer) > 0 && json.Unmarshal(answer, &a) != nil {
		return nil, false
	}
	stack := s.stacks[user]
	at := len(stack) - 1
	for at >= 0 && stack[at].ID != id {
		at--
	}
	if at < 0 {
		return nil, true // closed meanwhile
	}
	v := stack[at]
	v.Errors = nil
	switch a.Action {
	case "":
		s.stacks[user] = stack[:at]
	case "clear":
		s.stacks[user] = nil
	case "errors":
		for block := range a.Errors {
			if _, ok := v.values[block]; !ok {
				return nil, false
			}
		}
		v.Errors = a.Errors
		return a.Errors, len(a.Errors) > 0
	case "update", "push":
		next, refused := s.readView(a.View, "modal")
		if refused != nil {
			return nil, false
		}
		if a.Action == "push" {
			return nil, s.push(user, next) == nil
		}
		next.ID, next.root, next.previous, next.user = v.ID, v.root, v.previous, user
		stack[at] = next
	default:
		return nil, false
	}
	return nil, true
}

// Command gives a slash command in a channel: said is what stands there, with the command.
func (s *Server) Command(user, channel, said string) (Result, error) {
	s.mu.Lock()
	u, ch := s.users[user], s.channels[channel]
	if u == nil || ch == nil || !ch.has(user) {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("%s is not in %s", user, channel)
	}
	name, rest, _ := strings.Cut(said, " ")
	if !strings.HasPrefix(name, "/") {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("%q is no command", said)
	}
	p := object{
		"token": "legacy-verification-token", "team_id": s.o.Team, "team_domain": "standin", "channel_id": ch.ID, "channel_name": ch.Name,
		"user_id": u.ID, "user_name": u.Name, "command": name, "text": strings.TrimSpace(rest), "api_app_id": s.o.App,
		"is_enterprise_install": "false", "response_url": s.answerURL(u.ID, ch.ID, "", ""), "trigger_id": s.newTrigger(u.ID, ""),
	}
	s.mu.Unlock()
	return s.act(user, "slash_commands", p), nil
}

// OpenHome lets a person look at the app's home tab. Slack delivers the event again when it gets no
// answer; of its three times the stand-in does the first, at once.
func (s *Server) OpenHome(user string) (Result, error) {
	s.mu.Lock()
	u := s.users[user]
	if u == nil {
		s.mu.Unlock()
		return Result{}, fmt.Errorf("there is no %s", user)
	}
	event := object{"type": "app_home_opened", "user": u.ID, "channel": s.direct(u).ID, "tab": "home", "event_ts": s.ts()}
	if v := s.homes[user]; v != nil {
		event["view"] = s.viewJSON(v)
	}
	p := object{
		"type": "event_callback", "token": "legacy-verification-token", "team_id": s.o.Team, "api_app_id": s.o.App, "event": event,
		"event_id": s.id("Ev"), "event_time": s.now().Unix(), "is_ext_shared_channel": false,
		"authorizations": []any{object{"enterprise_id": nil, "team_id": s.o.Team, "user_id": s.user, "is_bot": true, "is_enterprise_install": false}},
	}
	s.mu.Unlock()
	a, ok := s.deliver("events_api", p, object{"retry_attempt": 0, "retry_reason": ""})
	if !ok && !a.noRetry {
		reason := "http_error"
		if a.status == 0 {
			reason = "http_timeout"
		}
		a, ok = s.deliver("events_api", p, object{"retry_attempt": 1, "retry_reason": reason})
	}
	return Result{Acked: ok, Status: a.status, Answer: string(a.payload)}, nil
}
