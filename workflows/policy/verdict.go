package policy

import (
	"time"

	"github.com/countersign/countersign/activities/grant"
)

// Mode is what policy says of an effect, from lenient to strict.
type Mode string

// The modes.
const (
	Automatic Mode = "automatic"
	Approval  Mode = "approval"
	Manual    Mode = "manual"
	Never     Mode = "never"
)

// Verdict is what policy says of one call.
type Verdict struct {
	Mode Mode `json:"mode"`
	// Need is who must say yes; of Approval, and of Manual who is asked to do it.
	Need grant.Need `json:"need,omitzero"`
	// Expires is the longest that people may take; 0: as the playbook says.
	Expires time.Duration `json:"expires,omitempty"`
	// Rule names the rule that decided, and Reason says why, for people.
	Rule   string `json:"rule"`
	Reason string `json:"reason,omitempty"`
}

// Facts are what rules may see of a call.
type Facts struct {
	Activity string         `json:"activity"`
	Effect   string         `json:"effect"` // change or destroy
	Account  string         `json:"account"`
	Region   string         `json:"region"`
	Targets  []string       `json:"targets"`
	Input    map[string]any `json:"input"`
	Playbook string         `json:"playbook"`
	// StartedBy is the person who started the run; "" is an event.
	StartedBy string `json:"started_by"`
	// Undo is "" for an effect, "run" where a run takes back its own, "person" where somebody asked
	// for it: both are exact inverses of what is on record.
	Undo string    `json:"undo"`
	Now  time.Time `json:"now"`
}
