package standin

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Message is what stands in a channel, or what one person sees there for a while.
type Message struct {
	Channel, TS string
	Thread      string // ts of the message that it answers
	Broadcast   bool   // it stands in the channel as well
	User        string // who wrote it
	Text        string
	Blocks      []object
	Metadata    object
	Edits       int
	For         string // who alone sees it; "" is everybody
	// Parse, LinkNames and Unfurl are what was asked for: Slack makes links and mentions of bare text
	// where they say so.
	Parse     string
	LinkNames bool
	Unfurl    bool
}

// Button is something to press in a message or a view.
type Button struct {
	Block, Action, Value, Text string
	// Confirm says that the person is asked again before it counts.
	Confirm bool
}

// Buttons are the buttons of a message, in order.
func (m Message) Buttons() []Button { return buttons(m.Blocks) }

func buttons(blocks []object) []Button {
	var out []Button
	for _, b := range blocks {
		for _, e := range elements(b) {
			if e["type"] == "button" {
				out = append(out, Button{
					Block: text(b["block_id"]), Action: text(e["action_id"]), Value: text(e["value"]),
					Text: text(at(e, "text", "text")), Confirm: e["confirm"] != nil,
				})
			}
		}
	}
	return out
}

// elements are what is pressed or filled in in a block.
func elements(b object) []object {
	var out []object
	add := func(v any) {
		if e, ok := v.(object); ok {
			out = append(out, e)
		}
	}
	for _, e := range list(b["elements"]) {
		add(e)
	}
	add(b["accessory"])
	add(b["element"])
	return out
}

// Messages are those that stand in a channel, oldest first, without the answers in threads.
func (s *Server) Messages(channel string) []Message {
	return s.pick(channel, func(m *Message) bool { return m.Thread == "" || m.Broadcast })
}

// Thread are the answers to a message, oldest first.
func (s *Server) Thread(channel, ts string) []Message {
	return s.pick(channel, func(m *Message) bool { return m.Thread == ts })
}

func (s *Server) pick(channel string, wanted func(*Message) bool) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.messages[channel] {
		if wanted(m) {
			out = append(out, m.copy())
		}
	}
	return out
}

// Message finds a message.
func (s *Server) Message(channel, ts string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.message(channel, ts); m != nil {
		return m.copy(), true
	}
	return Message{}, false
}

func (s *Server) message(channel, ts string) *Message {
	for _, m := range s.messages[channel] {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// Ephemeral are the messages that a person alone has seen, oldest first, in whatever channel.
func (s *Server) Ephemeral(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ephemeral(user, 0)
}

func (s *Server) ephemeral(user string, from int) []Message {
	var out []Message
	for _, m := range s.private[from:] {
		if m.For == user {
			out = append(out, m.copy())
		}
	}
	return out
}

// Say lets a person write in a channel. It returns the ts.
func (s *Server) Say(user, channel, said string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &Message{Channel: channel, TS: s.ts(), User: user, Text: said}
	s.messages[channel] = append(s.messages[channel], m)
	s.touch()
	return m.TS
}

func (m *Message) copy() Message {
	out := *m
	out.Blocks = make([]object, len(m.Blocks))
	for i, b := range m.Blocks {
		out.Blocks[i] = clone(b)
	}
	out.Metadata = clone(m.Metadata)
	return out
}

// json is the message as Slack shows it to the app.
func (s *Server) json(m *Message, metadata bool) object {
	o := object{"type": "message", "user": m.User, "text": m.Text, "ts": m.TS, "team": s.o.Team}
	if m.User == s.user {
		o["bot_id"], o["app_id"] = s.botID, s.o.App
	}
	if len(m.Blocks) > 0 {
		o["blocks"] = m.Blocks
	}
	if m.Thread != "" {
		o["thread_ts"], o["parent_user_id"] = m.Thread, s.user
		if m.Broadcast {
			o["subtype"] = "thread_broadcast"
		}
	}
	if m.Edits > 0 {
		o["edited"] = object{"user": m.User, "ts": m.TS}
	}
	if metadata && m.Metadata != nil {
		o["metadata"] = m.Metadata
	}
	return clone(o)
}

// clone is a copy that shares nothing.
func clone(o object) object {
	if o == nil {
		return nil
	}
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err) // it is made of what JSON was read into
	}
	var out object
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// at walks into an object.
func at(v any, path ...string) any {
	for _, p := range path {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[p]
	}
	return v
}

func text(v any) string { s, _ := v.(string); return s }

func list(v any) []any { l, _ := v.([]any); return l }

// objects are the objects of a list; ok is false where something else is in it.
func objects(v any) (out []object, ok bool) {
	l, ok := v.([]any)
	if !ok && v != nil {
		return nil, false
	}
	for _, e := range l {
		o, ok := e.(object)
		if !ok {
			return nil, false
		}
		out = append(out, o)
	}
	return out, true
}

// keys are the names in an object, sorted.
func keys(o object) string { return strings.Join(slices.Sorted(maps.Keys(o)), ", ") }

// Forge lets somebody, or another app, put up a message that says of itself what the metadata says.
func (s *Server) Forge(user, channel string, metadata map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages[channel] = append(s.messages[channel], &Message{Channel: channel, TS: s.ts(), User: user, Text: "forged", Metadata: clone(metadata)})
	s.touch()
}
