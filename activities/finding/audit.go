package finding

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Counts are numbers of results by their status.
type Counts struct {
	Passed        int `json:"passed"`
	Failed        int `json:"failed"`
	Errors        int `json:"errors"`
	NotApplicable int `json:"not_applicable"`
}

// Add counts n results of a status.
func (c *Counts) Add(status Status, n int) {
	switch status {
	case Pass:
		c.Passed += n
	case Fail:
		c.Failed += n
	case Error:
		c.Errors += n
	case NotApplicable:
		c.NotApplicable += n
	}
}

// Looked reports whether anything could be looked at.
func (c Counts) Looked() bool { return c.Passed+c.Failed+c.NotApplicable > 0 }

// Audit is one run of an audit, as far as it has come.
type Audit struct {
	ID       string    `json:"id"` // the run
	Playbook string    `json:"playbook"`
	Began    time.Time `json:"began"`
	Latest   time.Time `json:"latest"` // when something was last recorded
	Accounts int       `json:"accounts"`
	Parts    int       `json:"parts"` // accounts times regions
	Counts
}

// Why is the evidence in one line: of what could not be looked at, why not.
func (r Result) Why() string {
	all := make([]string, 0, len(r.Evidence))
	for _, name := range slices.Sorted(maps.Keys(r.Evidence)) {
		all = append(all, name+": "+r.Evidence[name])
	}
	return strings.Join(all, "; ")
}

// Meta is what all results of an audit have in common.
type Meta struct {
	Audit    Audit
	Controls Catalogue
}

// At is when a result was found.
func (m Meta) At(r Result) time.Time {
	if r.At.IsZero() {
		return m.Audit.Began.UTC()
	}
	return r.At.UTC()
}

// Count is how many results of an account have a status under a control.
type Count struct {
	Account string
	Control string
	Status  Status
	Results int
}

// Filter selects results. Zero fields select all.
type Filter struct {
	Status  Status
	Control string
	Account string
	// Place is the region of the part in which they were found; a pointer, as "" is the account as a
	// whole.
	Place *string
	// Skip and Limit page through them; their order is that of account, region, control and resource.
	Skip, Limit int
}

// State is how a result stands against the audit before.
type State string

// The states. Each that fails is one of New, Open and Waived.
const (
	New    State = "new"    // it fails, and did not before
	Open   State = "open"   // it fails, as before
	Waived State = "waived" // it fails, and somebody has said until when that may be
	// Resolved failed before, was looked at again, and does not fail any more.
	Resolved State = "resolved"
	// Unseen failed before, and could not or was not looked at again: nobody knows.
	Unseen State = "unseen"
	// Unknown could not be looked at now.
	Unknown State = "error"
)

// Item is one result and how it stands. That of a Resolved or Unseen one is of the audit before.
type Item struct {
	State  State  `json:"state"`
	Result Result `json:"result"`
	// Waiver is that of a Waived one.
	Waiver *Waiver `json:"waiver,omitempty"`
}
