package desk

import (
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Sight is all that people are shown of what a run asks: what it is, how it stands by the record, and
// what came of it. Exactly one of Request and Question is set.
type Sight struct {
	Run      string
	Playbook string
	Title    string // of the playbook
	Stage    string
	Labels   map[string]string
	Event    workflows.EventRef
	// Account is that of the first call, or of the event; "" is unknown.
	Account string
	// Severity is what the event says of it, low to critical; "" is nothing.
	Severity string
	// StartedBy are the people who started the run; none: an event did.
	StartedBy []string

	Request  *approval.Request
	Votes    []approval.Vote
	Tally    []approval.Tally
	Decision *approval.Decision // nil: it waits
	// Delegations say whose votes are others' now.
	Delegations []approval.Delegation
	// Edited is the request that an edit put in the place of this one; "" is none.
	Edited digest.Digest
	// Steps are what became of the covered calls, in their order.
	Steps []StepSight

	Question *approval.Question
	Ending   *approval.Ending // nil: it waits

	// State, Outcome and Error are how the run is. Known is false when it could not be asked: what the
	// record has is shown, and the rest is not known.
	Known   bool
	State   workflows.State
	Outcome string
	Error   string
	// Undoable says that something the run did stands, and can be taken back. While people are asked it
	// is not looked up.
	Undoable bool
	// Expiring are the steps whose effects are put back by themselves, and when.
	Expiring []ExpirySight
}

// Digest names what is asked.
func (s Sight) Digest() digest.Digest {
	if s.Question != nil {
		return s.Question.Digest
	}
	return s.Request.Digest
}

// Open reports whether it waits for people.
func (s Sight) Open() bool {
	if s.Question != nil {
		return s.Ending == nil
	}
	return s.Decision == nil && s.Edited == ""
}

// StepSight is what became of one covered call, by the record.
type StepSight struct {
	Step  string
	State StepState
	Error string    // of what failed, was refused, or may have been made
	At    time.Time // of the last that is known
}

// StepState is how far a call is.
type StepState string

// The states of a call.
const (
	StepPending StepState = "pending"
	StepRunning StepState = "running" // its intent is on record
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
	StepRefused StepState = "refused" // the guard did not let it happen
	StepUndone  StepState = "undone"  // it was taken back
)

// ExpirySight is an effect that is put back by itself.
type ExpirySight struct {
	Step   string
	At     time.Time
	KeptBy string // "" is nobody
}

// Change says that something may have changed for a run, by the record.
type Change struct {
	Run string // the workflow's id, or that of one which it called
	// Digest names the request or question, where it is about one.
	Digest digest.Digest
	Kind   string // of the record
	Seq    int64
}
