package standin

// FaultKind is a way to misbehave.
type FaultKind int

// The kinds of fault. Each answers with the code and status that the service itself would use.
const (
	// Throttle refuses the call for its rate: Throttling (iam, sts), RequestLimitExceeded with 503
	// (ec2), SlowDown with 503 (s3), TooManyRequestsException with 429 (guardduty), ThrottlingException
	// (cloudtrail). The SDK retries these by itself.
	Throttle FaultKind = iota + 1
	// TimeoutAfterEffect does the call, keeps its effect, and closes the connection without an
	// answer: the client cannot know. The SDK retries that too. A call that fails on its own is
	// answered all the same.
	TimeoutAfterEffect
	// Deny refuses for want of permission: AccessDenied, UnauthorizedOperation (ec2),
	// AccessDeniedException.
	Deny
	// Expired refuses for credentials that have run out: ExpiredToken, RequestExpired (ec2),
	// ExpiredTokenException.
	Expired
	// ServerError answers 500: InternalFailure, ServiceFailure (iam), InternalError (ec2, s3),
	// InternalServerErrorException (guardduty).
	ServerError
	// FailItems lets a call over several items succeed, but not for the last item. It applies where
	// the real API can do that: GetFindings leaves the finding out of its answer, and the last
	// snapshot of CreateSnapshots ends as "error" instead of "completed". Other calls, ArchiveFindings
	// among them, are all or nothing in AWS, and the fault waits for one of these two.
	FailItems
	// Stale answers a read from the state before the last mutation that changed something: eventual
	// consistency. It applies to reads alone. After a restart there is no such state, and the answer
	// is the present one.
	Stale
)

// Fault is an order to misbehave. Of the orders that apply to a call, the one injected first is
// obeyed, and only that.
type Fault struct {
	Service string // iam, sts, ec2, s3, organizations and so on; "" is any
	Action  string // as in the API, "UpdateAccessKey"; "" is any
	Kind    FaultKind
	Times   int // how often; 0 is always
	After   int // how many calls to leave alone first
}

// Inject adds a fault. A fault of no known kind does nothing.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults ends all misbehaviour.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault finds the fault for a call and counts it; 0 is none.
func (s *Server) takeFault(c *call, op operation) FaultKind {
	for i, f := range s.faults {
		switch {
		case f.Service != "" && f.Service != c.service,
			f.Action != "" && f.Action != c.action,
			f.Kind < Throttle || f.Kind > Stale,
			f.Kind == FailItems && !op.items,
			f.Kind == Stale && op.effect == changes:
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			}
		}
		return f.Kind
	}
	return 0
}

// refusal is the error answer of the kinds that have one; nil for the others.
func (k FaultKind) refusal(c *call) *failure {
	switch k {
	case Throttle:
		return shared(c.service, throttled, "Rate exceeded")
	case Deny:
		return shared(c.service, denied, "User: %s is not authorized to perform: %s:%s", c.caller.ARN, c.service, c.action)
	case Expired:
		return shared(c.service, expired, "The security token included in the request is expired")
	case ServerError:
		return shared(c.service, internal, "An internal error has occurred")
	default:
		return nil
	}
}
