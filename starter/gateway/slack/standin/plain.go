package standin

import (
	"regexp"
	"strings"
)

// Plain is what a person reads in a message, a block a line: without blocks, the text. Names stand for
// mentions, labels for links. It is for finding sentences, not for how they look.
func (s *Server) Plain(m Message) string {
	if len(m.Blocks) == 0 {
		return s.mrkdwn(m.Text)
	}
	return s.plainBlocks(m.Blocks)
}

// PlainView is what a person reads in a view, with its title.
func (s *Server) PlainView(v View) string {
	return strings.TrimPrefix(v.Title+"\n"+s.plainBlocks(v.Blocks), "\n")
}

func (s *Server) plainBlocks(blocks []object) string {
	var lines []string
	for _, b := range blocks {
		var words []string
		s.words(b, &words)
		if len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return strings.Join(lines, "\n")
}

// reading is the order in which what a thing holds is read.
var reading = []string{"title", "label", "text", "name", "user_id", "fields", "element", "elements", "accessory", "hint", "placeholder", "initial_value", "options", "alt_text"}

// words collects the texts of a block, of whatever kind.
func (s *Server) words(v any, into *[]string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s.words(e, into)
		}
	case object:
		if v["type"] == "mrkdwn" || v["type"] == "markdown" {
			*into = append(*into, s.mrkdwn(text(v["text"])))
			return
		}
		for _, name := range reading {
			s.words(v[name], into)
		}
	case string:
		if v != "" {
			*into = append(*into, v)
		}
	}
}

var angle = regexp.MustCompile(`<([^<>]*)>`)

// mrkdwn is how Slack shows what stands between angle brackets, and what is escaped.
func (s *Server) mrkdwn(said string) string {
	said = angle.ReplaceAllStringFunc(said, func(in string) string {
		in = in[1 : len(in)-1]
		target, label, labelled := strings.Cut(in, "|")
		switch {
		case labelled && !strings.HasPrefix(in, "@"):
			return label
		case strings.HasPrefix(target, "@"):
			s.mu.Lock()
			defer s.mu.Unlock()
			if u, ok := s.users[target[1:]]; ok {
				return "@" + u.Name
			}
			return target
		case strings.HasPrefix(target, "#"):
			s.mu.Lock()
			defer s.mu.Unlock()
			if ch, ok := s.channels[target[1:]]; ok {
				return "#" + ch.Name
			}
			return target
		case strings.HasPrefix(target, "!subteam^"):
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, g := range s.groups {
				if g.ID == strings.TrimPrefix(target, "!subteam^") {
					return "@" + g.Handle
				}
			}
			return target
		case strings.HasPrefix(target, "!"):
			return "@" + target[1:]
		}
		return target
	})
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(said)
}

// Live are the things in a message that Slack makes something of: mentions, channels, links, between
// their angle brackets. Text that comes from outside must bring none.
func (m Message) Live() []string { return live(m.Text, m.Blocks) }

// Live are the same in a view.
func (v View) Live() []string { return live("", v.Blocks) }

func live(said string, blocks []object) []string {
	var out []string
	find := func(t string) {
		for _, in := range angle.FindAllStringSubmatch(t, -1) {
			if in[1] != "" {
				out = append(out, in[1])
			}
		}
	}
	find(said)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case object:
			if v["type"] == "mrkdwn" {
				find(text(v["text"]))
			}
			if v["type"] == "user" || v["type"] == "usergroup" || v["type"] == "broadcast" || v["type"] == "channel" || v["type"] == "link" {
				out = append(out, text(v["type"]))
			}
			for _, e := range v {
				if _, ok := e.(string); !ok {
					walk(e)
				}
			}
		}
	}
	for _, b := range blocks {
		walk(b)
	}
	return out
}
