package workflows

import (
	"encoding/json"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/policy"
)

// A run cannot read files or check signatures by itself. It asks the worker it runs in, by local
// activities that the worker's authority answers. Their answers decide what the run asks and shows;
// what they permit the guard decides anew at every effect.
const (
	JudgeActivity = "countersign.judge" // takes a JudgeInput, returns a Judged
	CheckActivity = "countersign.check" // takes a grant.Signed of a standing, an edit or an answer, returns its body: Checked
	TellActivity  = "countersign.tell"  // takes a Told, which it puts on record for the gateway to hear
)

// JudgeInput are calls, to ask what policy says of each.
type JudgeInput struct {
	Playbook string      `json:"playbook"`
	Calls    []JudgeCall `json:"calls"`
}

// JudgeCall is one call.
type JudgeCall struct {
	Activity string          `json:"activity"`
	Effect   string          `json:"effect"`
	Targets  []string        `json:"targets"` // names of fields of the input
	Input    json.RawMessage `json:"input"`
}

// Judged is what policy says of each, and the policy that was read.
type Judged struct {
	Verdicts []policy.Verdict `json:"verdicts"`
	Policy   digest.Digest    `json:"policy"`
}

// Told is what a run lets the gateway know. It is the run's own word: it makes people look, and
// permits nothing. Exactly one of the two is set.
type Told struct {
	Asked *Asked `json:"asked,omitempty"`
	Ended *Ended `json:"ended,omitempty"`
}

// Asked says that a run asks people something.
type Asked struct {
	ID        string        `json:"id"` // of the asking step
	Digest    digest.Digest `json:"digest"`
	Execution string        `json:"execution"`
	// Question says that it is a question with a form, not a request.
	Question  bool       `json:"question,omitempty"`
	Asked     time.Time  `json:"asked"`
	Expires   time.Time  `json:"expires"`
	Escalates *time.Time `json:"escalates,omitempty"`
}

// Ended says how a run has ended that asked people, that a schedule started, or that failed.
type Ended struct {
	Execution string `json:"execution"`
	Playbook  string `json:"playbook"`
	State     State  `json:"state"`
	Outcome   string `json:"outcome,omitempty"`
	Error     string `json:"error,omitempty"`
}

// Checked is the body of something signed, by a key that the worker trusts.
type Checked struct {
	Kind grant.Kind      `json:"kind"`
	Body json.RawMessage `json:"body"`
}
