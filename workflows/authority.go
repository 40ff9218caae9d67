package workflows

import (
	"encoding/json"

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

// Checked is the body of something signed, by a key that the worker trusts.
type Checked struct {
	Kind grant.Kind      `json:"kind"`
	Body json.RawMessage `json:"body"`
}
