package standin

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options says what the stand-in starts with. Zero values are those of [Sample].
type Options struct {
	Team, App     string // ids
	BotToken      string // xoxb-, what the Web API takes
	AppToken      string // xapp-, what opens sockets
	SigningSecret string // signs what is delivered over HTTP
	Scopes        []string
	Users         []User
	Channels      []Channel
	Groups        []Group

	// RequestURL takes interactions, commands and events where no socket is open; "" has only sockets.
	RequestURL string
	// HTTP delivers to RequestURL; nil is a client of the stand-in's own.
	HTTP *http.Client

	// Patience is how long Slack waits for an answer, and a trigger lives; 0 is 3 s.
	Patience time.Duration
	// Limits turns Slack's rate limits on.
	Limits bool
	// Clock tells the time of Slack; nil is time.Now.
	Clock func() time.Time
}

// Server is the stand-in: an [http.Handler] with a workspace behind it, safe for concurrent use.
type Server struct {
	o     Options
	botID string // of the bot, B...
	user  string // of the bot as a user, U...

	// ending ends with Close; goroutines are those that must end then.
	ending     context.Context
	end        context.CancelFunc
	goroutines sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed when something changes, and made anew
	base     string        // how callers reach the stand-in
	seq      int           // of ids
	lastTS   int64         // in microseconds
	revoked  string        // what tokens are told; "" where they are good
	secret   string
	users    map[string]*User
	channels map[string]*Channel
	groups   []Group
	messages map[string][]*Message // by channel, in order of time
	private  []Message             // ephemeral ones, in order
	stacks   map[string][]*View    // open forms by person, the last on top
	homes    map[string]*View
	triggers map[string]*trigger
	answers  map[string]*answerURL
	files    map[string]*File
	faults   []*Fault
	calls    []Call
	windows  map[string][]time.Time // of calls, by method
	quiet    map[string]time.Time   // by channel
	sockets  sockets
	server   *http.Server
}

// New returns a stand-in. It starts nothing: serve it, or let it [Server.Listen]. Close it in the end.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		o: o, botID: "B0COUNTERSIGN", user: "U0COUNTERSIGN", secret: o.SigningSecret,
		changed: make(chan struct{}), users: map[string]*User{}, channels: map[string]*Channel{}, groups: o.Groups,
		messages: map[string][]*Message{}, stacks: map[string][]*View{}, homes: map[string]*View{},
		triggers: map[string]*trigger{}, answers: map[string]*answerURL{}, files: map[string]*File{}, windows: map[string][]time.Time{},
		quiet: map[string]time.Time{},
	}
	s.sockets.waiting = map[string]chan ack{}
	s.sockets.tickets = map[string]bool{}
	s.ending, s.end = context.WithCancel(context.Background())
	for _, u := range o.Users {
		s.users[u.ID] = &u
	}
	s.users[s.user] = &User{ID: s.user, Name: "countersign", Bot: true}
	for _, c := range o.Channels {
		s.channels[c.ID] = &c
	}
	return s
}

// Listen serves the stand-in on a loopback address of its own until Close. It returns the address of
// the Web API, for SLACK_API_URL.
func (s *Server) Listen() (api string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("serve a stand-in for Slack: %w", err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.mu.Lock()
	base := "http://" + l.Addr().String()
	s.server, s.base = server, base
	s.mu.Unlock()
	s.goroutines.Go(func() { _ = server.Serve(l) }) // ends with Close, and says so
	return base + "/api/", nil
}

// Close drops all sockets, ends what hangs, and returns when nothing runs any more.
func (s *Server) Close() {
	s.mu.Lock()
	s.end() // under the lock: whoever begins after that sees it
	server := s.server
	s.mu.Unlock()
	s.DropSockets("")
	if server != nil {
		_ = server.Close()
	}
	s.goroutines.Wait()
	s.o.HTTP.CloseIdleConnections()
}

// ServeHTTP answers a request as Slack would: the Web API under /api/, the addresses that it gave out,
// and sockets.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.goroutines.Done()
	s.mu.Lock()
	if s.server == nil {
		scheme := "http"
		if r.TLS != nil || r.URL.Scheme == "https" {
			scheme = "https"
		}
		s.base = scheme + "://" + r.Host
	}
	s.mu.Unlock()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.api)
	mux.HandleFunc("POST /actions/{id}", s.respond)
	mux.HandleFunc("GET /link", s.connect)
	mux.HandleFunc("POST /upload/{id}", s.upload)
	mux.ServeHTTP(w, r)
}

// begin counts a request in, unless the stand-in is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending.Err() != nil {
		return false
	}
	s.goroutines.Add(1)
	return true
}

// Wait returns when the condition holds, or with the context's error. It looks whenever something
// changes; the condition may look at the stand-in.
func (s *Server) Wait(ctx context.Context, condition func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for something in the stand-in for Slack: %w", ctx.Err())
		}
	}
}

// touch wakes those who wait. The lock is held.
func (s *Server) touch() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// now is the time of Slack.
func (s *Server) now() time.Time { return s.o.Clock() }

// ts is a new message's. The lock is held.
func (s *Server) ts() string {
	s.lastTS = max(s.lastTS+1, s.now().UnixMicro())
	return fmt.Sprintf("%d.%06d", s.lastTS/1e6, s.lastTS%1e6)
}

// id is a new id. The lock is held.
func (s *Server) id(prefix string) string {
	s.seq++
	return fmt.Sprintf("%s0%07d", prefix, s.seq)
}
