// Package server is the gateway's HTTP API and the client for it.
//
//	POST /v1/events                     what a source sends, in any shape that package gateway reads
//	POST /v1/deliveries                 an event, to runs that wait for it alone
//	POST /v1/runs                       start a run: Start
//	GET  /v1/runs/{run}/approvals       what a run asks, and whether the caller has a vote
//	POST /v1/runs/{run}/votes           a desk.Vote
//	POST /v1/runs/{run}/answers         a desk.Answer
//	POST /v1/runs/{run}/delegations     a desk.Delegate
//	POST /v1/runs/{run}/edits           a desk.Edit
//	POST /v1/runs/{run}/cancel          nothing
//	POST /v1/runs/{run}/keep            a desk.Keep
//	POST /v1/runs/{run}/undo            a Reason
//	POST /v1/schedules/orders           run a schedule now, or for times that are over: a desk.TickOrder
//	GET  /v1/switch                     whether effects are halted
//	POST /v1/halt, /v1/resume           a Reason
//	GET  /v1/reviews                    the open reviews of what was decided alone
//	POST /v1/reviews/{id}/close         a Reason
//	GET  /healthz                       whether the gateway runs; without a token
//	GET  /readyz                        whether it can do its work, and which part cannot; without a token
//
// A run's id is one escaped segment of the path. Every request carries a bearer token; who it is for
// is all that a request says of its sender. Bodies are JSON with nothing unknown in it, and so are
// answers; one that is no 200 is a [Problem]. Routes of others stand beside these, within the same bounds.
//
// On a loopback address it speaks plain HTTP, and only to requests that name the loopback address as
// their host: a page in a browser could else be made to talk to it. Everywhere else it takes TLS.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/countersign/countersign/starter/gateway/desk"
)

// Options configure a server. Desk and Auth are needed.
type Options struct {
	Desk *desk.Desk
	Auth *Auth
	// Surface is what the record says of where callers are; "" is cli.
	Surface string
	Log     *slog.Logger // nil: none
	// Routes add what looks after itself who sends what, like the paths that Slack sends to.
	Routes []func(*http.ServeMux)
	// Ready are the parts that /readyz asks.
	Ready []Check
}

// Check is a part of the gateway that can be unready.
type Check struct {
	Name string // all that anybody hears of it
	// Ready says what is missing; nil is nothing. It is asked at every request, and does not wait.
	Ready func(context.Context) error
}

// Listen says where a server listens, and how.
type Listen struct {
	Address   string // host:port
	Cert, Key string // files for TLS; both or none
}

// Bounds on connections. What people ask of runs may wait for a worker for some seconds.
const (
	headerTime = 5 * time.Second
	readTime   = 15 * time.Second
	writeTime  = time.Minute
	idleTime   = time.Minute
	stopTime   = 20 * time.Second
	maxHeader  = 32 << 10
)

// Server is a server that listens.
type Server struct {
	http     *http.Server
	listener net.Listener
	url      string
	tls      bool
}

// New takes an address and does not answer yet.
func New(o Options, l Listen) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Surface == "" {
		o.Surface = "cli"
	}
	listener, err := net.Listen("tcp", l.Address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", l.Address, err)
	}
	loopback := listener.Addr().(*net.TCPAddr).IP.IsLoopback()
	s := &Server{listener: listener, url: "http://" + listener.Addr().String(), tls: l.Cert != ""}
	if !loopback && !s.tls {
		return nil, errors.Join(fmt.Errorf("listen on %s: others can reach it, so it takes TLS: give a certificate (--tls-cert) and its key (--tls-key)", l.Address), listener.Close())
	}
	handler := Handler(o)
	if loopback && !s.tls {
		handler = onlyLoopback(handler)
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
	}
	if s.tls {
		cert, err := tls.LoadX509KeyPair(l.Cert, l.Key)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read the certificate: %w", err), listener.Close())
		}
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		s.url = "https://" + listener.Addr().String()
	}
	return s, nil
}

// URL is where it listens.
func (s *Server) URL() string { return s.url }

// Serve answers until ctx ends, and then lets what is under way end, for some seconds.
func (s *Server) Serve(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() {
		if s.tls {
			ended <- s.http.ServeTLS(s.listener, "", "")
		} else {
			ended <- s.http.Serve(s.listener)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve on %s: %w", s.url, err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := s.http.Shutdown(bounded)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop serving on %s: %w", s.url, err), s.http.Close())
	}
	<-ended
	return err
}

// Close ends a server that was never let to serve.
func (s *Server) Close() error { return s.listener.Close() }

// onlyLoopback answers only requests that name this machine as their host.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			problem(w, http.StatusMisdirectedRequest, CodeBad, "this gateway is for this machine alone: the host is not a loopback address")
			return
		}
		next.ServeHTTP(w, r)
	})
}
