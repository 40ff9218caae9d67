package standin

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// answerURL is a response_url: five messages within half an hour.
type answerURL struct {
	user, channel, ts, thread string
	born                      time.Time
	used                      int
}

const (
	answerLife  = 30 * time.Minute
	answerTimes = 5
)

// answerURL makes a response_url. The lock is held.
func (s *Server) answerURL(user, channel, ts, thread string) string {
	id := s.id("answer")
	s.answers[id] = &answerURL{user: user, channel: channel, ts: ts, thread: thread, born: s.now()}
	return s.base + "/actions/" + id
}

// respond takes what is posted to a response_url.
func (s *Server) respond(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	c := &call{method: "response_url", now: s.now()}
	fault := s.take(c.method)
	if fault != nil && fault.Kind == Hang {
		s.hang(r)
	}
	var refused *refusal
	if fault != nil {
		refused = fault.refusal(c)
	}
	if err != nil {
		refused = no("invalid_payload")
	}
	if refused == nil {
		refused = s.answer(r.PathValue("id"), raw)
	}
	code := ""
	answer, status := []byte("ok"), http.StatusOK
	if refused != nil {
		code = refused.code
		answer, status = []byte(code), http.StatusNotFound
		if refused.status != 0 {
			status = refused.status
		}
		for k, v := range refused.header {
			w.Header().Set(k, v)
		}
	}
	s.note(c, code)
	if fault != nil {
		answer = fault.spoil(s, r, w.Header(), answer)
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer) // a caller who is gone hears nothing
}

func (s *Server) answer(id string, raw []byte) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers[id]
	switch {
	case !ok:
		return no("invalid_url")
	case s.now().Sub(a.born) > answerLife:
		return no("expired_url")
	case a.used >= answerTimes:
		return no("used_url")
	}
	var said object
	if json.Unmarshal(raw, &said) != nil {
		return &refusal{code: "invalid_payload", status: http.StatusBadRequest}
	}
	if refused := s.show(a, said); refused != nil {
		return refused
	}
	a.used++
	s.touch()
	return nil
}

// show puts up what was posted to a response_url: for the person alone unless it says in_channel, or in
// place of the message that the interaction came from.
func (s *Server) show(a *answerURL, said object) *refusal {
	m := Message{Channel: a.channel, User: s.user, Thread: a.thread}
	original := s.message(a.channel, a.ts)
	if said["delete_original"] == true && original != nil {
		s.remove(original)
		return nil
	}
	replace := said["replace_original"] == true
	if replace && original != nil {
		m = *original
	}
	if refused := s.content(&call{method: "chat.update", args: said}, &m); refused != nil {
		refused.status = http.StatusBadRequest
		return refused
	}
	switch {
	case replace && original != nil:
		m.Edits++
		*original = m
		return nil
	case replace:
		for i, p := range s.private {
			if p.TS == a.ts && p.For == a.user {
				m.TS, m.For, m.Edits = p.TS, p.For, p.Edits+1
				s.private[i] = m
				return nil
			}
		}
		return no("message_not_found")
	case said["response_type"] == "in_channel":
		m.TS = s.ts()
		s.messages[a.channel] = append(s.messages[a.channel], &m)
	default:
		m.TS, m.For = s.ts(), a.user
		s.private = append(s.private, m)
	}
	return nil
}

// said shows what a command was answered with.
func (s *Server) said(user, channel string, answer []byte) {
	var o object
	if len(answer) == 0 || json.Unmarshal(answer, &o) != nil || o["text"] == nil && o["blocks"] == nil {
		return
	}
	// What Slack cannot show it does not show.
	_ = s.show(&answerURL{user: user, channel: channel}, o)
}
