package standin

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Options says what the stand-in starts with. The zero value serves [Sample] from memory.
type Options struct {
	// File is where the state is kept between starts, with the mutations. It is written after each
	// mutation and before the answer; "" keeps the state in memory. One process a file.
	File string
	// Seed is the state at the first start, when File does not exist; nil is Sample().
	Seed *State
	// Clock tells the time; nil is time.Now. It is never called twice at once.
	Clock func() time.Time
}

// Server is the stand-in. It is an [http.Handler] and safe for concurrent use.
type Server struct {
	file  string
	clock func() time.Time

	mu sync.Mutex
	// state is never changed in place: a mutation works on a copy that replaces it, so a call that
	// fails leaves nothing half done and an answer can be written without the lock.
	state     *State
	before    *State // as it was before the last mutation that changed something; nil: none yet
	beforeLog int    // how many mutations there were then
	mutations []Mutation
	faults    []*Fault
	calls     ring
	// reports are the credential reports by account. They are no part of the state: a report that is
	// asked for changes nothing in the world.
	reports map[string]*credentialReport
	// jobs are the reports of services used, by id. They are no part of the state either.
	jobs map[string]*accessJob
	// sessions are those of assumed roles. They are no part of the state: a restart forgets them.
	sessions sessions
}

// New returns a stand-in with the given state. It is an http.Handler.
func New(opts Options) (*Server, error) {
	s := &Server{file: opts.File, clock: opts.Clock, reports: map[string]*credentialReport{}, jobs: map[string]*accessJob{}}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.file != "" {
		in, ok, err := load(s.file)
		if err != nil {
			return nil, err
		}
		if ok {
			s.state, s.mutations = in.State, in.Mutations
			return s, nil
		}
	}
	seed := opts.Seed
	if seed == nil {
		seed = Sample()
	}
	if err := seed.check(); err != nil {
		return nil, fmt.Errorf("seed of the stand-in: %w", err)
	}
	state, err := seed.clone()
	if err != nil {
		return nil, fmt.Errorf("seed of the stand-in: %w", err)
	}
	return s, s.keep(state, nil)
}

// State returns a copy of the state.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, err := s.state.clone()
	if err != nil {
		panic(err) // it was cloned when it was made
	}
	return *out
}

// Update changes the world behind everyone's back. It is no mutation: it is not logged, and a
// [Stale] read does not know the state before it. It panics when the state cannot be kept.
func (s *Server) Update(change func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, err := s.state.clone()
	if err == nil {
		change(next)
		if err = next.check(); err == nil {
			err = s.keep(next, s.mutations)
		}
	}
	if err != nil {
		panic(fmt.Errorf("update the stand-in: %w", err))
	}
}

// keep makes the state the present one, on disk first.
func (s *Server) keep(state *State, mutations []Mutation) error {
	if s.file != "" {
		if err := save(s.file, stored{State: state, Mutations: mutations}); err != nil {
			return err
		}
	}
	s.state, s.mutations = state, mutations
	return nil
}

// ServeHTTP answers one AWS request. It panics with [http.ErrAbortHandler], which net/http takes
// for "close the connection", under a [TimeoutAfterEffect] fault.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, refused := decode(r)
	result, err, aborted := s.handle(c, refused)
	if aborted {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		c.protocol.fail(w, c, err)
		return
	}
	c.protocol.answer(w, c, result)
}

// handle decides and logs one call.
func (s *Server) handle(c *call, refused *failure) (result any, failed *failure, aborted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.clock().UTC()
	if failed = refused; failed == nil {
		result, aborted, failed = s.perform(c)
	}
	entry := Call{Time: c.now, Service: c.service, Action: c.action, Account: c.caller.Account, Region: c.region, RequestID: c.requestID}
	switch {
	case aborted:
		entry.Code = CodeAborted
	case failed != nil:
		entry.Code = failed.code
	}
	s.calls.add(entry)
	return result, failed, aborted
}

func (s *Server) perform(c *call) (result any, aborted bool, _ *failure) {
	if refused := s.identify(c); refused != nil {
		return nil, false, refused
	}
	op, ok := c.protocol.operations[c.action]
	if !ok {
		return nil, false, shared(c.service, unknownAction, "The stand-in has no action %q of %s", c.action, c.service)
	}
	kind := s.takeFault(c, op)
	if refusal := kind.refusal(c); refusal != nil {
		return nil, false, refusal
	}
	c.state = s.state
	if refused := c.authorize(); refused != nil {
		return nil, false, refused
	}
	if c.service == "ec2" && c.params.str("DryRun") == "true" {
		return nil, false, fail(http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	}
	c.failItems = kind == FailItems
	result, err := s.run(c, op, kind == Stale)
	if err != nil {
		if f, ok := errors.AsType[*failure](err); ok {
			return nil, false, f
		}
		return nil, false, shared(c.service, internal, "%v", err)
	}
	return result, kind == TimeoutAfterEffect, nil
}

// identify finds who calls: the session of a role, a user, or a listed caller.
func (s *Server) identify(c *call) *failure {
	if c.session = s.sessions.byKey[c.keyID]; c.session != nil {
		c.sessions, c.caller = &s.sessions, c.session.caller
		switch {
		case c.token != c.session.token:
			return shared(c.service, unknownKey, "The security token included in the request is invalid.")
		case !c.now.Before(c.session.ends):
			return shared(c.service, expired, "The security token included in the request is expired")
		}
		return nil
	}
	caller, ok := s.state.caller(c.keyID)
	if !ok {
		return shared(c.service, unknownKey, "The security token included in the request is invalid.")
	}
	c.sessions, c.caller = &s.sessions, caller
	return nil
}

// run does the operation, and keeps what it did.
func (s *Server) run(c *call, op operation, stale bool) (any, error) {
	c.state, c.log, c.reports, c.jobs = s.state, s.mutations, s.reports, s.jobs
	if stale && s.before != nil {
		c.state, c.log = s.before, s.mutations[:s.beforeLog]
	}
	if op.effect == reads || op.rests != nil && op.rests(c) {
		return op.run(c)
	}
	next, err := c.state.fork(c.caller.Account, c.service)
	if err != nil {
		return nil, err
	}
	c.state = next
	result, err := op.run(c)
	if err != nil {
		return nil, err
	}
	if op.effect == advances {
		if c.changed && !stale {
			return result, s.keep(next, s.mutations)
		}
		return result, nil
	}
	// The log must not share its tail with a version that could not be kept.
	log := append(s.mutations[:len(s.mutations):len(s.mutations)], Mutation{
		Seq: len(s.mutations) + 1, Time: c.now, Account: c.caller.Account, Region: c.region, Service: c.service,
		Action: c.action, Changed: c.changed, Parameters: c.parameters(), RequestID: c.requestID,
		Caller: c.caller.ARN, AccessKeyID: c.keyID, SourceIdentity: c.session.sourceIdentity(),
	})
	old := s.state
	if !c.changed {
		next = old
	}
	if err := s.keep(next, log); err != nil {
		return nil, err
	}
	if c.changed {
		s.before, s.beforeLog = old, len(log)-1
	}
	return result, nil
}

// newRequestID makes an id in the form of AWS, a UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
