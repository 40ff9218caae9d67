package receive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
)

// SocketOptions configure Socket Mode. API is needed, with the app's token.
type SocketOptions struct {
	API *slack.Client
	// Connections are open at once; 0 is 2. Slack sends each thing to any one of them.
	Connections int
	// Replicas is how many gateways there are; 0 is 1.
	Replicas int
	// Renew is how often one connection is replaced, which brings a new count of them; 0 is 15 minutes.
	Renew time.Duration
	// Drain is how long a connection that is being replaced still takes what comes; 0 is 5 s.
	Drain time.Duration
}

// Bounds on connections.
const (
	openTime   = 15 * time.Second // to ask for an address, and to dial it
	helloTime  = 15 * time.Second // until Slack says hello
	pingTime   = 30 * time.Second // between two pings of Slack
	writeTime  = 5 * time.Second
	firstPause = time.Second
	lastPause  = time.Minute
	sendBuffer = 32 << 10 // an answer is one frame: Slack drops those that come in several
)

// Socket takes what Slack sends over Socket Mode. It opens its own connections, to addresses that
// slack-go asks for: slack-go's client of Socket Mode hides why Slack ends a connection, which is how
// Slack says that Socket Mode was switched off, and closes a connection before it opens the next.
type Socket struct {
	in   *Intake
	o    SocketOptions
	dial *websocket.Dialer

	mu     sync.Mutex
	held   int // connections that are open or being opened
	hellos int
	status Status
}

// Socket is a way in.
func (in *Intake) Socket(o SocketOptions) (*Socket, error) {
	if o.API == nil || o.Connections < 0 || o.Connections > 8 || o.Replicas < 0 || o.Renew < 0 || o.Drain < 0 {
		return nil, errors.New("take what Slack sends over Socket Mode: want a client, at most 8 connections of the 10 that an app may have, and nothing less than nothing")
	}
	if o.Connections == 0 {
		o.Connections = 2
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.Renew == 0 {
		o.Renew = 15 * time.Minute
	}
	if o.Drain == 0 {
		o.Drain = 5 * time.Second
	}
	return &Socket{in: in, o: o, dial: &websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: openTime, WriteBufferSize: sendBuffer}}, nil
}

// Run takes what comes in until ctx ends; what is under way then is still answered. Its error, when
// ctx has not ended, wraps ErrFatal: it is logged, with what to do.
func (s *Socket) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.ends(nil)
	var all sync.WaitGroup
	for range s.o.Connections {
		all.Go(func() { s.keep(ctx, stop) })
	}
	all.Wait()
	err := context.Cause(ctx)
	if !errors.Is(err, ErrFatal) {
		return nil
	}
	s.ends(err)
	s.in.Log.ErrorContext(ctx, "nothing more comes in from Slack until this gateway is started again", "error", err)
	return err
}

// ends notes why no more is tried; nil is that it is.
func (s *Socket) ends(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Fatal = err
}

// keep keeps one connection up, until ctx ends or it ends all by an error that does not pass. The next
// is up before the last is closed, unless that broke.
func (s *Socket) keep(ctx context.Context, stop context.CancelCauseFunc) {
	var draining sync.WaitGroup
	defer draining.Wait()
	for failures := 0; ctx.Err() == nil; {
		c, err := s.open(ctx)
		if err == nil {
			began, ended := time.Now(), make(chan error, 1)
			draining.Go(func() {
				err := c.serve(ctx)
				if errors.Is(err, ErrFatal) {
					stop(err)
				}
				ended <- err
			})
			select {
			case err = <-ended:
			case <-c.replace: // and it drains
			}
			switch lived := time.Since(began); {
			case lived > lastPause:
				failures = 0
			case lived < min(firstPause, s.o.Renew/4) && err == nil:
				err = errors.New("it is to be replaced as soon as it is up")
			}
		}
		if errors.Is(err, ErrFatal) {
			stop(err)
		}
		if err != nil && ctx.Err() == nil {
			s.pause(ctx, failures, err)
			failures++
		}
	}
}

// pause waits, longer after each failure.
func (s *Socket) pause(ctx context.Context, failures int, err error) {
	wait := min(lastPause, firstPause<<min(failures, 10))
	wait += rand.N(wait / 2)
	after, _ := classify(err)
	wait = max(wait, after)
	s.in.Log.WarnContext(ctx, "a socket to Slack is not up; trying again", "in", wait.Round(time.Millisecond), "error", err)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// open asks for an address, dials it, and waits for Slack's hello. The address is a secret.
func (s *Socket) open(ctx context.Context) (c *conn, err error) {
	s.dialing()
	defer func() {
		if err != nil {
			s.gone()
		}
	}()
	bounded, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	_, address, err := s.o.API.StartSocketModeContext(bounded)
	if err != nil {
		if _, fatal := classify(err); fatal != nil {
			return nil, fatal
		}
		return nil, fmt.Errorf("ask Slack for a socket: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "wss" && (u.Scheme != "ws" || !onThisMachine(u.Hostname())) {
		return nil, errors.New("open a socket to Slack: the address it gives is no wss one")
	}
	ws, response, err := s.dial.DialContext(bounded, address, nil)
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("open a socket to Slack: it answers %s", response.Status)
		}
		return nil, fmt.Errorf("open a socket to Slack: %w", err)
	}
	ws.SetReadLimit(maxBody)
	c = &conn{Socket: s, ws: ws, replace: make(chan struct{})}
	if err := c.greet(ctx); err != nil {
		return nil, errors.Join(err, ws.Close())
	}
	return c, nil
}
