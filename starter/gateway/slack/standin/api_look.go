package standin

import (
	"slices"
	"strconv"
	"strings"
)

func (s *Server) authTest(*call) (object, *refusal) {
	return object{
		"url": "https://standin.slack.com/", "team": "Standin", "team_id": s.o.Team,
		"user": "countersign", "user_id": s.user, "bot_id": s.botID, "is_enterprise_install": false,
	}, nil
}

func (s *Server) botInfo(c *call) (object, *refusal) {
	if c.str("bot") != s.botID {
		return nil, no("bot_not_found")
	}
	return object{"bot": object{"id": s.botID, "app_id": s.o.App, "user_id": s.user, "name": "countersign", "deleted": false}}, nil
}

func (s *Server) userJSON(u *User) object {
	profile := object{"real_name": u.Name, "display_name": u.Name, "team": s.team(u)}
	if u.Email != "" && slices.Contains(s.o.Scopes, "users:read.email") {
		profile["email"] = u.Email
	}
	o := object{
		"id": u.ID, "team_id": s.team(u), "name": u.Name, "real_name": u.Name, "profile": profile,
		"deleted": u.Deleted, "is_bot": u.Bot, "is_app_user": false, "is_restricted": u.Guest || u.UltraGuest, "is_ultra_restricted": u.UltraGuest,
		"is_email_confirmed": u.Email != "" && !u.Unconfirmed, "is_admin": false, "is_owner": false, "updated": 1,
	}
	if u.Team != "" && u.Team != s.o.Team {
		o["is_stranger"] = true
	}
	return o
}

func (s *Server) userInfo(c *call) (object, *refusal) {
	u, ok := s.users[c.str("user")]
	if !ok {
		return nil, no("user_not_found")
	}
	return object{"user": s.userJSON(u)}, nil
}

func (s *Server) userByEmail(c *call) (object, *refusal) {
	for _, u := range s.users {
		if u.Email != "" && strings.EqualFold(u.Email, c.str("email")) && !u.Deleted && s.team(u) == s.o.Team {
			return object{"user": s.userJSON(u)}, nil
		}
	}
	return nil, no("users_not_found")
}

func (s *Server) listGroups(c *call) (object, *refusal) {
	groups := []any{}
	for _, g := range s.groups {
		if g.Disabled && !c.flag("include_disabled") {
			continue
		}
		o := object{
			"id": g.ID, "team_id": s.o.Team, "is_usergroup": true, "name": g.Handle, "handle": g.Handle, "description": "",
			"is_external": false, "date_create": 1, "date_update": 1, "date_delete": 0, "user_count": len(g.Users),
			"prefs": object{"channels": []any{}, "groups": []any{}},
		}
		if g.Disabled {
			o["date_delete"] = 2
		}
		if c.flag("include_users") {
			o["users"] = g.Users
		}
		groups = append(groups, o)
	}
	return object{"usergroups": groups}, nil
}

func (s *Server) listMembers(c *call) (object, *refusal) {
	for _, g := range s.groups {
		if g.ID == c.str("usergroup") && (!g.Disabled || c.flag("include_disabled")) {
			return object{"users": append([]string{}, g.Users...)}, nil
		}
	}
	return nil, no("no_such_subteam")
}

// kind is how scopes name a kind of conversation.
func (ch *Channel) kind() string {
	switch {
	case ch.Direct != "":
		return "im"
	case ch.Private:
		return "groups"
	default:
		return "channels"
	}
}

// has says that somebody is in the channel.
func (ch *Channel) has(user string) bool {
	return ch.Members == nil || slices.Contains(ch.Members, user)
}

func (s *Server) channelInfo(c *call) (object, *refusal) {
	ch, refused := s.visible(c.str("channel"))
	if refused != nil {
		return nil, refused
	}
	if refused := s.need(ch.kind() + ":read"); refused != nil {
		return nil, refused
	}
	return object{"channel": s.channelJSON(ch)}, nil
}

func (s *Server) channelJSON(ch *Channel) object {
	if ch.Direct != "" {
		return object{"id": ch.ID, "is_im": true, "user": ch.Direct, "created": 1, "is_archived": false, "is_org_shared": false}
	}
	o := object{
		"id": ch.ID, "name": ch.Name, "name_normalized": ch.Name, "created": 1, "creator": "U0ALICE",
		"is_channel": !ch.Private, "is_group": ch.Private, "is_im": false, "is_mpim": false, "is_private": ch.Private,
		"is_archived": ch.Archived, "is_member": !ch.NoApp, "is_general": false,
		"is_shared": ch.Shared, "is_ext_shared": ch.Shared, "is_org_shared": false, "is_pending_ext_shared": ch.Pending,
		"pending_shared": []any{}, "context_team_id": s.o.Team,
	}
	if ch.Pending {
		o["pending_shared"] = []any{"T0OTHER"}
	}
	return o
}

func (s *Server) openDirect(c *call) (object, *refusal) {
	users := strings.Split(c.str("users"), ",")
	if l, ok := c.args["users"].([]any); ok {
		users = nil
		for _, u := range l {
			users = append(users, text(u))
		}
	}
	if len(users) != 1 {
		return nil, no("method_not_supported_for_channel_type")
	}
	u, ok := s.users[users[0]]
	switch {
	case !ok:
		return nil, no("user_not_found")
	case u.Deleted:
		return nil, no("user_disabled")
	case u.Bot:
		return nil, no("cannot_dm_bot")
	}
	ch := s.direct(u)
	if !c.flag("return_im") {
		return object{"no_op": true, "already_open": true, "channel": object{"id": ch.ID}}, nil
	}
	return object{"no_op": true, "already_open": true, "channel": s.channelJSON(ch)}, nil
}

// readable is a channel whose messages the app may read.
func (s *Server) readable(c *call) (*Channel, *refusal) {
	ch, refused := s.visible(c.str("channel"))
	if refused != nil {
		return nil, refused
	}
	if refused := s.need(ch.kind() + ":history"); refused != nil {
		return nil, refused
	}
	if ch.NoApp {
		return nil, no("not_in_channel")
	}
	return ch, nil
}

func (s *Server) history(c *call) (object, *refusal) {
	ch, refused := s.readable(c)
	if refused != nil {
		return nil, refused
	}
	var all []*Message
	for _, m := range s.messages[ch.ID] {
		if m.Thread == "" || m.Broadcast {
			all = append(all, m)
		}
	}
	slices.Reverse(all) // newest first
	return s.page(c, all)
}

func (s *Server) replies(c *call) (object, *refusal) {
	ch, refused := s.readable(c)
	if refused != nil {
		return nil, refused
	}
	root := s.message(ch.ID, c.str("ts"))
	if root == nil {
		return nil, no("thread_not_found")
	}
	all := []*Message{root}
	for _, m := range s.messages[ch.ID] {
		if m.Thread == root.TS {
			all = append(all, m)
		}
	}
	return s.page(c, all)
}

// page answers part of a list of messages. The cursor is how many came before.
func (s *Server) page(c *call, all []*Message) (object, *refusal) {
	limit := 100
	if n, err := strconv.Atoi(c.str("limit")); err == nil && n > 0 {
		limit = min(n, 999)
	}
	var in []*Message
	for _, m := range all {
		if oldest := c.str("oldest"); oldest != "" && oldest != "0" && m.TS < oldest {
			continue
		}
		if latest := c.str("latest"); latest != "" && m.TS > latest {
			continue
		}
		in = append(in, m)
	}
	from := 0
	if cursor := c.str("cursor"); cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n < 0 || n > len(in) {
			return nil, no("invalid_cursor")
		}
		from = n
	}
	to, next := min(from+limit, len(in)), ""
	if to < len(in) {
		next = strconv.Itoa(to)
	}
	out := []any{}
	for _, m := range in[from:to] {
		out = append(out, s.json(m, c.flag("include_all_metadata")))
	}
	return object{"messages": out, "has_more": next != "", "response_metadata": object{"next_cursor": next}}, nil
}
