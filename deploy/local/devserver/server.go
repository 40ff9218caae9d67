// Package devserver runs a whole Temporal server and its web UI inside the
// calling process, so that Countersign can be tried and tested end to end with
// nothing installed.
//
//	srv, err := devserver.Start(ctx, devserver.Options{Dir: ".countersign", UI: true})
//	if err != nil {
//		return err
//	}
//	defer srv.Stop()
//	c, err := client.Dial(client.Options{HostPort: srv.Address(), Namespace: srv.Namespace()})
//
// It is the real server of the version in go.mod, with four services, a SQLite
// database and settings chosen for one person on one machine. What it is not:
//
//   - Safe to expose. There is no TLS and no authentication. Every listener is on
//     127.0.0.1, and the UI refuses requests that name another host, so that a web
//     page cannot reach it by pointing its own name at the loopback address.
//   - Fast at scale. SQLite has one writer. For load, and for anything that matters,
//     run a cluster.
//   - Complete. The frontend's HTTP API, and with it Nexus over HTTP, is off; so are
//     metrics, profiling, archival, the scavengers and the check for new versions.
//
// # Where the state lives
//
// Options.Dir holds temporal.db, its write-ahead log (temporal.db-wal and -shm while
// the server runs) and devserver.lock. Runs survive a restart and a kill -9; a power
// cut may take back the last moments, because commits do not wait for the disk. Closed
// runs are kept for seven days. One process can use a folder at a time: the lock goes with the process,
// however it ends, so the file itself is never in the way. To start afresh, stop the
// server and delete the folder. Without Dir everything is in memory; it is gone after
// Stop, and its memory is returned when the process ends.
//
// A database written with an older schema is brought up to date when it is opened. One
// with a newer schema is refused: going back needs a fresh folder.
//
// # Ports
//
// The frontend is at 127.0.0.1:7233 and the UI at http://127.0.0.1:8233, where the
// Temporal CLI and people's bookmarks expect them. If another program has the port, a
// free one is taken: use [Server.Address] and [Server.UIURL], not the defaults. Tests
// ask for Options.Address "127.0.0.1:0" to leave the usual port alone.
//
// The server adds about 200 MB to a binary and minutes to a cold build, so only programs
// under deploy/local and their tests import this package.
package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/temporal"
)

const (
	// startTimeout bounds the wait for the first answer. A second is usual; a
	// loaded machine that is still reading a 200 MB binary needs more.
	startTimeout = 30 * time.Second
	// stopTimeout bounds Stop. The server's own bound is five minutes a service.
	stopTimeout = 10 * time.Second
	// startAttempts is how often ports are chosen anew when one of them is taken
	// between the choice and the listen.
	startAttempts = 3
)

// Options says what to run. The zero value is an in-memory server without UI.
type Options struct {
	// Dir is the folder for the database, created with mode 0700 if it is missing.
	// Empty keeps everything in memory.
	Dir string
	// Fresh deletes the database in Dir first, once nobody else can be using it.
	Fresh bool
	// Namespace exists when Start returns. Empty means "default".
	Namespace string
	// Address is the preferred host:port of the frontend. Empty means 127.0.0.1:7233,
	// port 0 any free port. The host must be 127.0.0.1 or localhost.
	Address string
	// UI also serves the web UI.
	UI bool
	// UIPort is the preferred port of the UI. Zero means 8233.
	UIPort int
	// Logger receives the server's log. Nil discards it: the server is chatty, and
	// what a caller must know comes back as an error.
	Logger *slog.Logger
	// OnTrouble is told, in one line, that the running server's database refuses to be used, why,
	// and what to do. The same is told at most every ten seconds. The server goes on as soon as the
	// database does. It is called by several goroutines and must not block. Nil: nobody is told.
	OnTrouble func(line string)
}

// Server is a running Temporal server. Start makes one; Stop ends it for good.
type Server struct {
	opts     Options
	address  string
	temporal temporal.Server
	log      *logger
	db       *database
	lock     *dirLock
	ui       *webUI

	stopOnce sync.Once
	stopErr  error
}

// Start starts the server and returns when the namespace answers. It gives up when ctx
// ends or after 30 seconds; ctx has no say once Start has returned.
func Start(ctx context.Context, opts Options) (_ *Server, err error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout,
		fmt.Errorf("temporal did not answer within %s", startTimeout))
	defer cancel()

	file := "in memory"
	if opts.Dir != "" {
		file = filepath.Join(opts.Dir, databaseFile)
	}
	s := &Server{opts: opts, log: newLogger(opts.Logger, &troubles{database: file, tell: opts.OnTrouble})}
	defer func() {
		if err != nil {
			err = plain(err, file)
			_ = s.Stop() // the reason for stopping is the error to report
		}
	}()
	if opts.Dir != "" {
		if s.lock, err = lockDir(opts.Dir); err != nil {
			return nil, err
		}
		if opts.Fresh {
			if err := removeDatabase(opts.Dir); err != nil {
				return nil, err
			}
		}
	}
	if s.db, err = openDatabase(opts.Dir, opts.Namespace); err != nil {
		return nil, err
	}
	if err := s.startTemporal(ctx); err != nil {
		return nil, err
	}
	if err := s.waitUsable(ctx); err != nil {
		return nil, err
	}
	if opts.UI {
		if s.ui, err = startUI(opts.UIPort, s.address, opts.Namespace, s.log.slog); err != nil {
			return nil, err
		}
	}
	s.log.troubles.running.Store(true)
	return s, nil
}

// startTemporal builds and starts the four services. The ports have to be known before
// anyone listens on them, because the services find each other by fixed addresses; the
// loop covers the moment in which another program can take one. (What a failed attempt
// did listen on stays open: there is no server yet that could be stopped.)
func (s *Server) startTemporal(ctx context.Context) error {
	var err error
	for range startAttempts {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("start temporal: %w", err)
		}
		var p ports
		if p, err = choosePorts(s.opts.Address); err != nil {
			return err
		}
		s.address = p.address(p.frontend)
		s.temporal, err = buildTemporal(p, s.db.config, s.log)
		if err == nil {
			break
		}
		if !isAddressInUse(err) {
			return &buildError{err}
		}
	}
	if err != nil {
		return fmt.Errorf("build temporal: ports were taken %d times in a row: %w", startAttempts, err)
	}
	if err := s.temporal.Start(); err != nil {
		return fmt.Errorf("start temporal: %w", err)
	}
	return nil
}

// buildTemporal constructs the server, which opens its listeners. What the server
// considers fatal at this point comes back as an error: see [logger.Fatal].
func buildTemporal(p ports, db databaseConfig, log *logger) (srv temporal.Server, err error) {
	defer func() {
		if r := recover(); r != nil {
			fatal, ok := r.(*fatalError)
			if !ok {
				panic(r)
			}
			srv, err = nil, fatal
		}
	}()
	srv, err = temporal.NewServer(serverOptions(p, db, log)...)
	if err != nil {
		return nil, err // srv is not nil: it is an interface around a nil pointer
	}
	return srv, nil
}

// waitUsable asks about a run that does not exist. The answer "not found" has come through
// the frontend, the namespace registry, a history shard and the database.
func (s *Server) waitUsable(ctx context.Context) error {
	c, err := client.NewLazyClient(client.Options{
		HostPort:  s.address,
		Namespace: s.opts.Namespace,
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fmt.Errorf("client for %s: %w", s.address, err)
	}
	defer c.Close()

	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		_, err := c.DescribeWorkflowExecution(attempt, "countersign-is-the-server-up", "")
		cancel()
		var notFound *serviceerror.NotFound
		if errors.As(err, &notFound) {
			return nil
		}
		if trouble := s.log.troubles.err(); trouble != nil {
			return fmt.Errorf("wait for namespace %q at %s: %w", s.opts.Namespace, s.address, trouble)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for namespace %q at %s: %w (last answer: %v)",
				s.opts.Namespace, s.address, context.Cause(ctx), err)
		case <-retry.C:
		}
	}
}

// Address is the host:port of the frontend, for client.Options.HostPort.
func (s *Server) Address() string { return s.address }

// Namespace is the namespace that Start prepared.
func (s *Server) Namespace() string { return s.opts.Namespace }

// UIURL is the address of the web UI, without a slash at the end, or "" without UI.
func (s *Server) UIURL() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.url
}

// RunURL links to a run in the web UI, or is "" without UI. Without a run id it links to the
// latest run of the workflow id.
func (s *Server) RunURL(workflowID, runID string) string {
	if s.ui == nil {
		return ""
	}
	link := s.ui.url + "/namespaces/" + url.PathEscape(s.opts.Namespace) +
		"/workflows/" + url.PathEscape(workflowID)
	if runID != "" {
		link += "/" + url.PathEscape(runID) + "/history"
	}
	return link
}

// Stop ends the UI and the server, empties the write-ahead log into the database file and
// releases the folder. It takes some 30 ms; calls in flight, such as the polls of a worker that
// was not stopped first, get a second to end. Later calls return what the first one did.
//
// If the server does not stop within 10 seconds, Stop returns an error and keeps the folder
// locked until the process ends, because something may still write to it.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() { s.stopErr = s.stop() })
	return s.stopErr
}

func (s *Server) stop() error {
	var errs []error
	if s.ui != nil {
		errs = append(errs, s.ui.stop())
	}
	if s.temporal != nil {
		s.log.stopping.Store(true)
		done := make(chan error, 1)
		go func() { done <- s.temporal.Stop() }()
		select {
		case err := <-done:
			if err != nil {
				errs = append(errs, fmt.Errorf("stop temporal: %w", err))
			}
		case <-time.After(stopTimeout):
			errs = append(errs, fmt.Errorf("temporal did not stop within %s", stopTimeout))
			return errors.Join(errs...)
		}
	}
	if s.db != nil {
		errs = append(errs, s.db.checkpoint())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}
