package standin

import (
	"net/http"
	"time"
)

// FaultKind is a way to misbehave.
type FaultKind int

// The kinds of fault. Those before LoseAnswer do not do what was asked, those from there on do.
const (
	// Throttle answers 429 with Retry-After.
	Throttle FaultKind = iota + 1
	// ServerError answers 500 and a page.
	ServerError
	// Refuse answers with Fault.Code.
	Refuse
	// Hang answers nothing until the caller goes away.
	Hang
	// LoseAnswer does what was asked and closes the connection.
	LoseAnswer
	// HangAfter does what was asked and answers nothing until the caller goes away.
	HangAfter
	// ErrorAfter does what was asked and answers 500.
	ErrorAfter
	// Truncate cuts the answer in half.
	Truncate
	// WrongType answers a page of HTML with status 200.
	WrongType
	// Empty answers {}.
	Empty

	// DropBefore closes the socket instead of delivering; the method is "socket".
	DropBefore
	// DropAfter delivers, and closes the socket before an answer can come.
	DropAfter
	// Twice delivers an envelope twice, to another socket where there is one.
	Twice
)

// Fault is an order to misbehave. Of those that apply to a call, the one injected first is obeyed.
type Fault struct {
	Method string // of the Web API; "" is any; "socket" is a delivery; "response_url"
	Kind   FaultKind
	Code   string        // of Refuse
	After  time.Duration // what Throttle asks for; 0 is a second
	Times  int           // how often; 0 is always
	Skip   int           // how many calls to leave alone first
}

// Inject adds a fault.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults ends all misbehaviour that was injected.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take finds the fault for a call, and counts it; nil is none.
func (s *Server) take(method string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if onSocket := f.Kind >= DropBefore; onSocket != (method == "socket") || f.Method != "" && f.Method != method {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		taken := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return &taken
	}
	return nil
}

// refusal is the answer of the kinds that do nothing; nil for the others.
func (f *Fault) refusal(*call) *refusal {
	switch f.Kind {
	case Throttle:
		return throttled(max(f.After, time.Second))
	case ServerError:
		return &refusal{code: "internal", status: http.StatusInternalServerError}
	case Refuse:
		if f.Code == "invalid_blocks" {
			return invalidBlocks([]string{"[ERROR] made up [json-pointer:/blocks/0]"})
		}
		return no(f.Code)
	default:
		return nil
	}
}

// spoil changes an answer on its way.
func (f *Fault) spoil(s *Server, r *http.Request, header http.Header, raw []byte) []byte {
	switch f.Kind {
	case LoseAnswer:
		panic(http.ErrAbortHandler)
	case HangAfter:
		s.hang(r)
	case Truncate:
		return raw[:len(raw)/2]
	case WrongType, ServerError, ErrorAfter:
		header.Set("Content-Type", "text/html")
		return []byte("<!doctype html><title>Slack</title>")
	case Empty:
		return []byte("{}")
	}
	return raw
}

// hang keeps a request until the caller goes away or the stand-in is closed, and answers nothing.
func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.ending.Done():
	}
	panic(http.ErrAbortHandler)
}
