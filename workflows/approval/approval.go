// Package approval holds the rules of asking people: what a request shows, who may vote, and when
// the votes are a decision. It is pure; the gateway applies it and signs what comes of it, the run
// believes that, and every surface that shows a request or takes a vote speaks in its types.
//
// One no decides, so does a quorum of yes, so does the end of the time: no decision is a no, and
// says so. A person votes once.
package approval

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
)

// Request is what people are asked, whole: everything here is shown before anyone decides.
type Request struct {
	// ID is the id of the asking step, unique in its run.
	ID  string `json:"id"`
	Run string `json:"run"`
	// Execution tells two runs apart that answer the same matter one after the other.
	Execution string `json:"execution"`
	Playbook  string `json:"playbook"`
	// Plan names the plan that asks.
	Plan     digest.Digest `json:"plan"`
	Question string        `json:"question"`
	// Calls are covered by the approval, in the order in which they run.
	Calls  []Call   `json:"calls"`
	Groups []string `json:"groups"`
	// People are the members of the groups when the question was asked.
	People []string `json:"people"`
	// Quorum is how many of them must say yes.
	Quorum  int       `json:"quorum"`
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires"`
	// Policies are what policy asks beyond the playbook; none: nothing. All must be met.
	Policies []grant.Need `json:"policies,omitempty"`
	// PolicyDigest names the policy that was read.
	PolicyDigest digest.Digest `json:"policy_digest,omitempty"`
	// Escalate adds groups when nobody has decided by then; nil: none.
	Escalate *Escalation `json:"escalate,omitempty"`
	// Edits are the changes that people made to the calls, the oldest first.
	Edits []Edit `json:"edits,omitempty"`
	// Again says why people are asked anew; nil: it is the first time.
	Again *Again `json:"again,omitempty"`
	// Digest names what is asked: all of the above. A vote repeats it, so that a vote for one thing
	// never counts for another.
	Digest digest.Digest `json:"digest"`
}

// Call is one resolved call of an activity, as people see it.
type Call struct {
	Step     string `json:"step"`
	Title    string `json:"title"`
	Activity string `json:"activity"`
	Version  int    `json:"version"`
	Effect   string `json:"effect"`
	Undo     string `json:"undo,omitempty"`
	PutBack  bool   `json:"put_back,omitempty"` // by the run, if it ends badly after the call
	// PutBackAfter is after what time it is put back by itself, unless somebody keeps it; 0: never.
	PutBackAfter time.Duration `json:"put_back_after,omitempty"`

	Targets []string        `json:"targets,omitempty"` // names of input fields
	Input   json.RawMessage `json:"input"`
	Digest  digest.Digest   `json:"digest"`
	// Rule is the rule of the policy that asks people about it, and Why its reason; "" is none.
	Rule string `json:"rule,omitempty"`
	Why  string `json:"why,omitempty"`
	// Preview is what the call would change, when the question was asked; nil: it has none.
	Preview *preview.Preview `json:"preview,omitempty"`
	// Unshown stands for a preview that has no room beside those of the other calls.
	Unshown *Unshown `json:"unshown,omitempty"`
}

// Unshown is what is told of a preview that is not shown: the world is held against it all the same.
type Unshown struct {
	Changes int           `json:"changes"`
	Digest  digest.Digest `json:"digest"`
}

// Previewed names what the call would change; "" is nothing that was looked at.
func (c Call) Previewed() (digest.Digest, error) {
	switch {
	case c.Unshown != nil:
		return c.Unshown.Digest, nil
	case c.Preview == nil:
		return "", nil
	default:
		return c.Preview.Digest()
	}
}

// Grants are the calls as a grant permits them, in their order: gateway and run name them alike.
func (r Request) Grants() ([]grant.Call, error) {
	calls := make([]grant.Call, 0, len(r.Calls))
	for _, c := range r.Calls {
		seen, err := c.Previewed()
		if err != nil {
			return nil, fmt.Errorf("name what was shown of %s: %w", c.Step, err)
		}
		calls = append(calls, grant.Call{Step: c.Step, Digest: c.Digest, Preview: seen, PutBack: c.PutBack})
	}
	return calls, nil
}

// Escalation adds groups to those who may answer.
type Escalation struct {
	Groups []string  `json:"groups"`
	At     time.Time `json:"at"`
}

// Edit is a change of a call's input that a person made before the decision. It makes another
// request of it: all votes are void.
type Edit struct {
	By     string        `json:"by"` // stable id
	Step   string        `json:"step"`
	Before digest.Digest `json:"before"` // of the call
	After  digest.Digest `json:"after"`
	At     time.Time     `json:"at"`
}

// Again says why people are asked anew, and what is different.
type Again struct {
	// Of is the request that was approved.
	Of  digest.Digest `json:"of"`
	Why string        `json:"why"`
	// Steps are the calls whose effect is another than what was shown; all others are as they were.
	Steps []string `json:"steps,omitempty"`
}

// Needs is what must be met for a yes: what the playbook asks, and then what policy asks beyond it.
func (r Request) Needs() []grant.Need {
	return append([]grant.Need{{Groups: r.Groups, Quorum: r.Quorum}}, r.Policies...)
}

// Standing is how a request stands: what the gateway signs and a run believes.
type Standing struct {
	Run       string        `json:"run"`
	Execution string        `json:"execution"`
	Approval  string        `json:"approval"`
	Request   digest.Digest `json:"request"`
	Votes     []Vote        `json:"votes"`
	// Decision is nil while more votes are wanted.
	Decision *Decision `json:"decision,omitempty"`
	// Grant is that of a yes.
	Grant *grant.Signed `json:"grant,omitempty"`
}

// Seal sets the digest of a request whose other fields are complete.
//
// Standings in the histories of waiting runs repeat it. A change of these fields or of their meaning
// would turn those down at the next replay: make it behind workflow.GetVersion.
func (r *Request) Seal() error {
	r.Digest = ""
	name, err := digest.Of(r)
	r.Digest = name
	return err
}

// Verdict is what one person says.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Reject  Verdict = "reject"
)

// Vote is one person's answer.
type Vote struct {
	Approval string        `json:"approval"`
	Digest   digest.Digest `json:"digest"`
	Person   string        `json:"person"`
	Verdict  Verdict       `json:"verdict"`
	Reason   string        `json:"reason,omitempty"`
	At       time.Time     `json:"at,omitzero"`
	// Surface is where it was given: cli, local, slack. For is who delegated it.
	Surface string `json:"surface,omitempty"`
	For     string `json:"for,omitempty"`
	// BreakGlass says that the person decides alone, for the reason given.
	BreakGlass bool `json:"break_glass,omitempty"`
}

// Bounds on a vote, in bytes: a run keeps votes, and anybody may send them.
const (
	MaxReason = 2000
	MaxPerson = 254 // the longest mail address
	maxName   = 200 // of an approval, or of a digest
)

// Outcome is how a request ended.
type Outcome string

// The outcomes.
const (
	Approved Outcome = "approved"
	Rejected Outcome = "rejected"
	Expired  Outcome = "expired"
	// Withdrawn is a request whose run ended before anybody decided.
	Withdrawn Outcome = "withdrawn"
)

// Decision is the end of a request.
type Decision struct {
	Outcome Outcome   `json:"outcome"`
	By      []string  `json:"by"`     // who decided; empty when nobody did
	Reason  string    `json:"reason"` // for people
	At      time.Time `json:"at"`
	// BreakGlass: one person decided alone; the reason says why, and a review is open.
	BreakGlass bool `json:"break_glass,omitempty"`
}

// ErrRefused is why a vote does not count; the text beside it is for the person who cast it.
var ErrRefused = errors.New("the vote does not count")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Expire is the decision on a request that nobody decided.
func (r Request) Expire() Decision {
	return Decision{Outcome: Expired, By: []string{}, At: r.Expires, Reason: fmt.Sprintf("nobody decided within %s", r.Expires.Sub(r.Asked))}
}
