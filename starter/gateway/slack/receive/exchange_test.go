package receive_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// exchange is the other end of Socket Mode: it gives addresses, says hello, and keeps what it hears.
type exchange struct {
	*httptest.Server

	mu      sync.Mutex
	conns   []*websocket.Conn // that are open, the oldest first
	dialled int
	refuse  string // what apps.connections.open says instead
	extra   int    // connections of somebody else
	silent  bool   // no hello
	acks    chan ack
}

type ack struct {
	ID      string          `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
	conn    int             // by which it came, counted from 1
}

func open(t *testing.T) *exchange {
	t.Helper()
	e := &exchange{acks: make(chan ack, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/apps.connections.open", e.give)
	mux.HandleFunc("/socket", e.socket)
	e.Server = httptest.NewServer(mux)
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		e.CloseClientConnections()
		e.Close()
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return e
}

func (e *exchange) give(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	refuse := e.refuse
	e.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer xapp-1":
		refuse = "invalid_auth"
	case refuse == "ratelimited":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if refuse != "" {
		fmt.Fprintf(w, `{"ok":false,"error":%q}`, refuse)
		return
	}
	fmt.Fprintf(w, `{"ok":true,"url":"%s/socket?ticket=secret-ticket"}`, strings.Replace(e.URL, "http", "ws", 1))
}

func (e *exchange) socket(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	e.mu.Lock()
	e.conns = append(e.conns, ws)
	e.dialled++
	number, count := e.dialled, len(e.conns)+e.extra
	if !e.silent {
		_ = ws.WriteJSON(map[string]any{"type": "hello", "num_connections": count, "connection_info": map[string]any{"app_id": "A0123"}, "debug_info": map[string]any{"host": "applink-1", "approximate_connection_time": 18060}})
	}
	e.mu.Unlock()
	for {
		a := ack{conn: number}
		if err := ws.ReadJSON(&a); err != nil {
			break
		}
		e.acks <- a
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, c := range e.conns {
		if c == ws {
			e.conns = append(e.conns[:i:i], e.conns[i+1:]...)
			break
		}
	}
}

// say sends a message over a connection that is open.
func (e *exchange) say(t *testing.T, at int, message string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	require.NoError(t, e.conns[at].WriteMessage(websocket.TextMessage, []byte(message)))
}

// force sends what the other end may hang up on before it has read all of it.
func (e *exchange) force(at int, message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.conns[at].WriteMessage(websocket.TextMessage, []byte(message))
}

// drop breaks every connection.
func (e *exchange) drop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.conns {
		c.NetConn().Close()
	}
}

func (e *exchange) count() (open, dialled int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.conns), e.dialled
}

func (e *exchange) ack(t *testing.T) ack {
	t.Helper()
	select {
	case a := <-e.acks:
		return a
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing was acknowledged")
		return ack{}
	}
}

func envelope(id, kind, payload string) string {
	return fmt.Sprintf(`{"envelope_id":%q,"type":%q,"accepts_response_payload":%t,"payload":%s}`, id, kind, kind != "events_api", payload)
}
