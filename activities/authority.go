package activities

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
)

// Authority decides, for every change and destroy, at the moment before it is made. It is the only
// way to an effect: a worker without one makes none.
type Authority interface {
	// Begin admits an attempt and writes its intent to the ledger, in one transaction, or refuses.
	// A refusal is an error made by Permanent with the Kind NotPermitted, AskAgain where the run may
	// ask people anew, Halted for now, or Overtaken where nothing is left to take back. Other errors (no ledger, no directory) may be tried again.
	Begin(ctx context.Context, a Attempt) (Turn, error)
}

// Turn is an admitted attempt: its intent is on record.
type Turn interface {
	// Earlier is the output of an attempt of the same effect that has ended well; the effect is then
	// not made again.
	Earlier() (output json.RawMessage, ok bool)
	// Behind tells under which approval it is made and who approved it, as it was signed: what the run
	// says of that in its [Permit] others may have written. Nobody, where it runs by itself.
	Behind() (approval string, by []string)
	// End writes the outcome. A later attempt that has begun meanwhile makes it fail.
	End(ctx context.Context, o Outcome) error
}

// Attempt is one try at an effect.
type Attempt struct {
	Spec   Spec
	Call   Call
	Digest digest.Digest // of Call
	// Workflow, Execution and Step are who asks, from the engine: the run or a part of it.
	Workflow, Execution, Step string
	Ticket, Grant             *grant.Signed
	// Proof shows that the call is one of the grant's, where that does not list them.
	Proof *grant.Proof
	// Preview reads what the effect would change now; nil where the activity has no preview.
	Preview func(context.Context) (preview.Preview, error)
}

// Outcome is how an attempt ended.
type Outcome struct {
	Output json.RawMessage // of one that ended well
	Err    error           // nil: it ended well
	// Undo is the call that takes it back; nil: nothing does. LeftAs is the digest of that call's
	// preview after the effect: while it reads the same, the world is as the effect left it.
	Undo   *Call
	LeftAs digest.Digest
	// Requests are the provider's ids of the requests that were made.
	Requests []string
}

// Kinds of errors of an Authority, see [Error].
const (
	NotPermitted = "NotPermitted"
	// AskAgain is a refusal of a call that people approved: its effect is no longer the one they
	// saw, or they decided too long ago.
	AskAgain = "AskAgain"
	// Halted is a refusal for now: the kill switch is thrown, or a breaker is open. Where people
	// approved the call they are asked anew; an expiry tries again; any other step fails with it.
	Halted = "Halted"
	// Overtaken is a refusal to take back what is taken back already, or what others have changed
	// since: nothing is left to do.
	Overtaken = "Overtaken"
)

// errNoAuthority is why a worker that was given none makes no effect.
var errNoAuthority = errors.New("this worker has no authority to make effects; give it a policy, a ledger and the gateway's public keys")
