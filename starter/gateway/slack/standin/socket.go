package standin

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSockets = 10       // of one app
	maxAck     = 20 << 10 // bytes: from there on Slack drops an answer without a word
	pingEvery  = 5 * time.Second
	// linger is how long a write to a socket may take.
	linger = 5 * time.Second
)

// sockets are the connections of Socket Mode.
type sockets struct {
	open     []*socket
	next     int                 // which one gets the next envelope
	tickets  map[string]bool     // given out, not used
	waiting  map[string]chan ack // by envelope
	refusing bool
	disabled bool
}

// socket is one connection.
type socket struct {
	conn *websocket.Conn
	mu   sync.Mutex // of writes
	done chan struct{}
}

func (k *socket) write(v any) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.conn.SetWriteDeadline(time.Now().Add(linger))
	return k.conn.WriteJSON(v)
}

func (s *Server) openConnection(*call) (object, *refusal) {
	if s.sockets.disabled {
		return nil, no("socket_mode_disabled")
	}
	ticket := s.id("ticket")
	s.sockets.tickets[ticket] = true
	return object{"url": strings.Replace(s.base, "http", "ws", 1) + "/link?ticket=" + ticket + "&app_id=" + s.o.App}, nil
}

// connect makes a request a socket, and reads it until its end.
func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	good := s.sockets.tickets[ticket] && !s.sockets.refusing
	delete(s.sockets.tickets, ticket)
	s.mu.Unlock()
	if !good {
		http.Error(w, "this address was used, or is not taken now", http.StatusForbidden)
		return
	}
	upgrader := websocket.Upgrader{
		HandshakeTimeout: linger,
		// slack-go says that it comes from api.slack.com. The ticket is what lets it in.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	conn.SetReadLimit(1 << 20)
	k := &socket{conn: conn, done: make(chan struct{})}
	defer func() { _ = conn.Close() }() // the second time where it was dropped
	s.mu.Lock()
	n, refused := len(s.sockets.open), s.sockets.disabled || s.ending.Err() != nil
	if !refused && n < maxSockets {
		s.sockets.open = append(s.sockets.open, k)
		n++
	} else {
		refused = true
	}
	s.touch()
	s.mu.Unlock()
	if refused {
		_ = k.write(disconnect("too_many_websockets")) // it is closed either way
		return
	}
	defer s.forget(k)
	if k.write(object{
		"type": "hello", "num_connections": n, "connection_info": object{"app_id": s.o.App},
		"debug_info": object{"host": "applink-standin", "build_number": 1, "approximate_connection_time": 18060},
	}) != nil {
		return
	}
	s.goroutines.Go(func() { k.ping() })
	defer close(k.done)
	for {
		kind, raw, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.TextMessage {
			s.hear(raw)
		}
	}
}

func disconnect(reason string) object {
	return object{"type": "disconnect", "reason": reason, "debug_info": object{"host": "applink-standin"}}
}

func (k *socket) ping() {
	t := time.NewTicker(pingEvery)
	defer t.Stop()
	for {
		select {
		case <-k.done:
			return
		case <-t.C:
			// WriteControl may be called beside a write.
			if k.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-standin"), time.Now().Add(linger)) != nil {
				return
			}
		}
	}
}

// hear takes an answer that came over a socket.
func (s *Server) hear(raw []byte) {
	var a struct {
		Envelope string          `json:"envelope_id"`
		Payload  json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(raw, &a) != nil || len(a.Payload) >= maxAck {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if waits, ok := s.sockets.waiting[a.Envelope]; ok {
		delete(s.sockets.waiting, a.Envelope)
		waits <- ack{payload: a.Payload} // there is room for one, and one is all
	}
}

func (s *Server) forget(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.open = slices.DeleteFunc(s.sockets.open, func(o *socket) bool { return o == k })
	s.touch()
}

// Sockets is how many connections of Socket Mode are open.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets.open)
}

// DropSockets closes all connections. With a reason, Slack says it first: warning, refresh_requested,
// too_many_websockets.
func (s *Server) DropSockets(reason string) {
	s.mu.Lock()
	open := slices.Clone(s.sockets.open)
	s.mu.Unlock()
	for _, k := range open {
		if reason != "" {
			_ = k.write(disconnect(reason)) // it is closed next
		}
		_ = k.conn.Close()
	}
}

// Warn tells all connections that they will be closed soon, and leaves them open.
func (s *Server) Warn() {
	s.mu.Lock()
	open := slices.Clone(s.sockets.open)
	s.mu.Unlock()
	for _, k := range open {
		_ = k.write(disconnect("warning")) // one that is gone needs no warning
	}
}

// RefuseSockets lets new connections fail, or again succeed.
func (s *Server) RefuseSockets(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets.refusing = refuse
}

// DisableSocketMode switches Socket Mode off, as an administrator does, or on again.
func (s *Server) DisableSocketMode(disable bool) {
	s.mu.Lock()
	s.sockets.disabled = disable
	s.mu.Unlock()
	if disable {
		s.DropSockets("link_disabled")
	}
}

// choose is the connection that gets the next envelope, and where there is one the connection after it.
func (s *Server) choose() (first, second *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.sockets.open)
	if n == 0 {
		return nil, nil
	}
	first, second = s.sockets.open[s.sockets.next%n], s.sockets.open[(s.sockets.next+1)%n]
	s.sockets.next++
	return first, second
}

// overSocket delivers an envelope, and waits for its answer; ok is false where none came in time.
func (s *Server) overSocket(first, second *socket, kind string, payload object, more object) (ack, bool) {
	fault := s.take("socket")
	if fault != nil && fault.Kind == DropBefore {
		_ = first.conn.Close()
		return ack{}, false
	}
	answer := make(chan ack, 1)
	s.mu.Lock()
	id := s.id("envelope-")
	s.sockets.waiting[id] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.sockets.waiting, id)
		s.mu.Unlock()
	}()
	envelope := object{"envelope_id": id, "type": kind, "payload": payload, "accepts_response_payload": kind != "events_api"}
	maps.Copy(envelope, more)
	if first.write(envelope) != nil {
		return ack{}, false
	}
	if fault != nil && fault.Kind == DropAfter {
		s.mu.Lock()
		delete(s.sockets.waiting, id)
		s.mu.Unlock()
		_ = first.conn.Close()
		return ack{}, false
	}
	if fault != nil && fault.Kind == Twice {
		_ = second.write(envelope) // the first is what counts
	}
	t := time.NewTimer(s.o.Patience)
	defer t.Stop()
	select {
	case a := <-answer:
		return a, true
	case <-t.C:
	case <-s.ending.Done():
	}
	return ack{}, false
}
