package standin

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	maxPosted  = 40_000 // runes: what a post is cut to
	maxUpdated = 4_000  // runes: what an update takes
)

// writable is the channel that a call may write in. A person's id is the conversation with them.
func (s *Server) writable(c *call) (*Channel, *refusal) {
	id := c.str("channel")
	if u, ok := s.users[id]; ok {
		return s.direct(u), nil
	}
	ch, refused := s.visible(id)
	switch {
	case refused != nil:
		return nil, refused
	case ch.NoApp:
		return nil, no("not_in_channel")
	case ch.Archived:
		return nil, no("is_archived")
	}
	return ch, nil
}

// visible is a channel that the app can see: a private one only from inside.
func (s *Server) visible(id string) (*Channel, *refusal) {
	ch, ok := s.channels[id]
	if !ok || ch.Private && ch.NoApp {
		return nil, no("channel_not_found")
	}
	return ch, nil
}

// direct is the conversation of the app with a person.
func (s *Server) direct(u *User) *Channel {
	id := "D" + strings.TrimPrefix(u.ID, "U")
	ch, ok := s.channels[id]
	if !ok {
		ch = &Channel{ID: id, Direct: u.ID, Members: []string{u.ID}}
		s.channels[id] = ch
	}
	return ch
}

// content reads what a message is to say.
func (s *Server) content(c *call, m *Message) *refusal {
	blocks, given, ok := c.tree("blocks")
	parsed, shaped := objects(blocks)
	if given && (!ok || !shaped) {
		return no("invalid_blocks_format")
	}
	if problems := checkBlocks(parsed, messageBlocks); len(problems) > 0 {
		return invalidBlocks(problems)
	}
	if c.str("text") == "" && len(parsed) == 0 {
		return no("no_text")
	}
	meta, given, ok := c.tree("metadata")
	if given {
		o, isObject := meta.(object)
		payload, hasPayload := o["event_payload"].(object)
		switch {
		case !ok || !isObject:
			return no("invalid_metadata_format")
		case len(o) == 0 || text(o["event_type"]) == "" && len(payload) == 0 && c.method == "chat.update":
			m.Metadata = nil
		case text(o["event_type"]) == "" || !hasPayload:
			return no("invalid_metadata_schema")
		default:
			m.Metadata = o
		}
	}
	for i, b := range parsed {
		if text(b["block_id"]) == "" {
			b["block_id"] = fmt.Sprintf("b%d", i)
		}
	}
	m.Text, m.Blocks = c.str("text"), parsed
	m.Parse, m.LinkNames = c.str("parse"), c.flag("link_names")
	return nil
}

func invalidBlocks(problems []string) *refusal {
	return &refusal{code: "invalid_blocks", more: object{"response_metadata": object{"messages": problems}, "errors": problems}}
}

func (s *Server) postMessage(c *call) (object, *refusal) {
	ch, refused := s.writable(c)
	if refused != nil {
		return nil, refused
	}
	m := &Message{Channel: ch.ID, User: s.user, Thread: c.str("thread_ts"), Broadcast: c.flag("reply_broadcast")}
	// A post unfurls links unless told otherwise.
	m.Unfurl = c.str("unfurl_links") != "false" || c.str("unfurl_media") != "false"
	if refused := s.content(c, m); refused != nil {
		return nil, refused
	}
	if m.Thread != "" && s.message(ch.ID, m.Thread) == nil {
		return nil, no("thread_not_found")
	}
	if utf8.RuneCountInString(m.Text) > maxPosted {
		m.Text = string([]rune(m.Text)[:maxPosted])
	}
	m.TS = s.ts()
	s.messages[ch.ID] = append(s.messages[ch.ID], m)
	return object{"channel": ch.ID, "ts": m.TS, "message": s.json(m, true)}, nil
}

func (s *Server) postEphemeral(c *call) (object, *refusal) {
	ch, refused := s.writable(c)
	if refused != nil {
		return nil, refused
	}
	u, ok := s.users[c.str("user")]
	if !ok || u.Deleted || !ch.has(u.ID) {
		return nil, no("user_not_in_channel")
	}
	m := &Message{Channel: ch.ID, User: s.user, Thread: c.str("thread_ts"), For: u.ID}
	if refused := s.content(c, m); refused != nil {
		return nil, refused
	}
	m.TS = s.ts()
	s.private = append(s.private, *m)
	return object{"message_ts": m.TS}, nil
}

// own is a message that the app may change.
func (s *Server) own(c *call, not string) (*Message, *refusal) {
	ch, refused := s.writable(c)
	if refused != nil {
		return nil, refused
	}
	m := s.message(ch.ID, c.str("ts"))
	switch {
	case m == nil:
		return nil, no("message_not_found")
	case m.User != s.user:
		return nil, no(not)
	}
	return m, nil
}

func (s *Server) updateMessage(c *call) (object, *refusal) {
	m, refused := s.own(c, "cant_update_message")
	if refused != nil {
		return nil, refused
	}
	if utf8.RuneCountInString(c.str("text")) > maxUpdated {
		return nil, no("msg_too_long")
	}
	// What is not given is kept of the metadata alone: text without blocks takes the blocks away.
	next := *m
	if refused := s.content(c, &next); refused != nil {
		return nil, refused
	}
	next.Edits++
	*m = next
	return object{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": s.json(m, true)}, nil
}

func (s *Server) deleteMessage(c *call) (object, *refusal) {
	m, refused := s.own(c, "cant_delete_message")
	if refused != nil {
		return nil, refused
	}
	s.remove(m)
	return object{"channel": m.Channel, "ts": m.TS}, nil
}

func (s *Server) remove(m *Message) {
	var kept []*Message
	for _, o := range s.messages[m.Channel] {
		if o != m {
			kept = append(kept, o)
		}
	}
	s.messages[m.Channel] = kept
}

func (s *Server) permalink(c *call) (object, *refusal) {
	ch, refused := s.visible(c.str("channel"))
	if refused != nil {
		return nil, refused
	}
	ts := c.str("message_ts")
	if s.message(ch.ID, ts) == nil {
		return nil, no("message_not_found")
	}
	return object{"channel": ch.ID, "permalink": "https://standin.slack.com/archives/" + ch.ID + "/p" + strings.ReplaceAll(ts, ".", "")}, nil
}
