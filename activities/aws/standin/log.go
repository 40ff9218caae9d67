package standin

import (
	"maps"
	"slices"
	"time"
)

// Mutation is one mutating call that succeeded. It is kept with the state.
type Mutation struct {
	Seq     int       `json:"seq"` // from 1
	Time    time.Time `json:"time"`
	Account string    `json:"account"`
	Region  string    `json:"region"`
	Service string    `json:"service"`
	Action  string    `json:"action"`
	// Changed says whether the world is different for it. Disabling a key that is disabled succeeds,
	// and changes nothing.
	Changed bool `json:"changed"`
	// Parameters are those of the request, lists and structures unfolded.
	Parameters map[string]any `json:"parameters"`
	RequestID  string         `json:"request_id"`
	// Caller and AccessKeyID say who called.
	Caller      string `json:"caller"`
	AccessKeyID string `json:"access_key_id"`
	// SourceIdentity is what the session of a role says of who is behind it.
	SourceIdentity string `json:"source_identity,omitempty"`
}

// Call is one request, whatever became of it.
type Call struct {
	Time      time.Time `json:"time"`
	Service   string    `json:"service"`
	Action    string    `json:"action"`
	Account   string    `json:"account"`
	Region    string    `json:"region"`
	RequestID string    `json:"request_id"`
	// Code is the error code that was answered; "" is success. [CodeAborted] marks an answer that
	// was withheld.
	Code string `json:"code,omitempty"`
}

// CodeAborted is the [Call] code of a request whose connection was closed without an answer.
const CodeAborted = "(aborted)"

// keptCalls bounds the memory that Calls takes.
const keptCalls = 10_000

// ring keeps the last keptCalls calls.
type ring struct {
	calls []Call
	next  int // where the oldest is, once full
}

func (r *ring) add(c Call) {
	if len(r.calls) < keptCalls {
		r.calls = append(r.calls, c)
		return
	}
	r.calls[r.next] = c
	r.next = (r.next + 1) % keptCalls
}

func (r *ring) list() []Call {
	return slices.Concat(r.calls[r.next:], r.calls[:r.next])
}

// Calls returns the requests since this start in order, the last ten thousand of them.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls.list()
}

// Mutations returns the successful mutating calls since the first start, in order.
func (s *Server) Mutations() []Mutation {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.mutations)
	for i, m := range out {
		out[i].Parameters = maps.Clone(m.Parameters)
		for key, value := range m.Parameters {
			out[i].Parameters[key] = cloneTree(value)
		}
	}
	return out
}
