package workflows

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// State is where a run is.
type State string

// The states of a run.
const (
	Running   State = "running"
	Waiting   State = "waiting" // for people
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Over reports whether the run has ended.
func (s State) Over() bool { return s == Done || s == Failed || s == Cancelled }

// Status is the story of a run so far; the query "status" returns it, and the commands show it.
type Status struct {
	Run string `json:"run"`
	// Execution is Temporal's id of this execution: a run that failed may be started anew.
	Execution string `json:"execution"`
	// Parent is the run that called this one, if one did.
	Parent   string            `json:"parent,omitempty"`
	Playbook string            `json:"playbook"`
	Title    string            `json:"title"`
	Labels   map[string]string `json:"labels,omitempty"`
	Plan     digest.Digest     `json:"plan"`
	State    State             `json:"state"`
	// Outcome is what the playbook says of a run that is done.
	Outcome string `json:"outcome,omitempty"`
	// Error is why a run failed.
	Error   string     `json:"error,omitempty"`
	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	Event   EventRef   `json:"event"`
	// Part says which items of a loop this is a part of; nil for a run.
	Part *PartOf `json:"part,omitempty"`
	// Repeats counts the further events that joined this run.
	Repeats   int                        `json:"repeats"`
	Inputs    map[string]json.RawMessage `json:"inputs,omitempty"`
	Steps     []*StepStatus              `json:"steps"`
	Approvals []*ApprovalStatus          `json:"approvals,omitempty"`
	Questions []*QuestionStatus          `json:"questions,omitempty"`
	// Called are the runs that this one waits for. They are asked, and answered, by themselves.
	Called []string `json:"called,omitempty"`
	// Unlisted counts older approvals and questions, all over, that are no longer listed.
	Unlisted int `json:"unlisted,omitempty"`

	// Undone are the calls that put back what a run did that failed or was cancelled, newest first as
	// they are made; UndoneUnlisted counts those that are no longer on the list, all done.
	Undone         []*UndoStatus `json:"undone,omitempty"`
	UndoneUnlisted int           `json:"undone_unlisted,omitempty"`
	// Left is what such a run did and nothing put back, in that order; LeftUnlisted counts the rest.
	Left         []*Act `json:"left,omitempty"`
	LeftUnlisted int    `json:"left_unlisted,omitempty"`

	// Expiring is what the run did that is put back by itself after some time, unless somebody keeps
	// it; ExpiringUnlisted counts the rest. Whether somebody has, each of their workflows tells.
	Expiring         []*Act `json:"expiring,omitempty"`
	ExpiringUnlisted int    `json:"expiring_unlisted,omitempty"`

	rounds  int  // of all loops
	waiting int  // requests that people are asked now
	hearing int  // of what people said, being checked now
	shown   int  // bytes of inputs and outputs
	asked   bool // people were asked something
}

// PartOf says of which run and loop something is a part.
type PartOf struct {
	Run   string `json:"run"`
	Step  string `json:"step"`
	First int    `json:"first"`
	Last  int    `json:"last"`
}

// EventRef says which event a run answers, without its data.
type EventRef struct {
	ID      string    `json:"id"`
	Source  string    `json:"source"`
	Type    string    `json:"type"`
	Subject string    `json:"subject,omitempty"`
	Time    time.Time `json:"time"`
}

// StepStatus is what became of one step. Every step of the playbook is listed from the start.
type StepStatus struct {
	ID       string          `json:"id"`
	Verb     string          `json:"verb"`
	Case     *int            `json:"case,omitempty"`  // what a switch chose, from 1, 0: default or none; 1 or 0: whether the event of a wait arrived
	Depth    int             `json:"depth,omitempty"` // steps around it
	Title    string          `json:"title,omitempty"`
	Activity string          `json:"activity,omitempty"`
	Effect   string          `json:"effect,omitempty"`
	Calls    string          `json:"calls,omitempty"` // the playbook or workflow that the step runs
	Run      string          `json:"run,omitempty"`   // the run of it
	Status   playbook.Status `json:"status"`
	Started  *time.Time      `json:"started,omitempty"`
	Ended    *time.Time      `json:"ended,omitempty"`
	Input    json.RawMessage `json:"input,omitempty"`
	Output   json.RawMessage `json:"output,omitempty"`
	Error    string          `json:"error,omitempty"`
	// Waits is set while a step is told of the events that arrive.
	Waits *EventWait `json:"waits,omitempty"`
	// ByHand is who did by hand what policy leaves to people.
	ByHand string `json:"by_hand,omitempty"`
	// Part is the run that works on the items of a loop now, if that is another one.
	Part string `json:"part,omitempty"`
	// Loop is how far a for_each has come.
	Loop *LoopStatus `json:"loop,omitempty"`
	// Attempts is how often a step was begun that is run again when it fails; none: once. Until the
	// last has ended, the error is that of the one before. Calls are tried by the engine, uncounted.
	Attempts int `json:"attempts,omitempty"`
	// Rounds is set for a step inside a loop: what became of it in all rounds so far. The rest of
	// the row is then that of the last one, and the error the last there was.
	Rounds *Rounds `json:"rounds,omitempty"`

	shown *StepStatus // of a row of one round: the one that people see
}

// EventWait is the type of event that a step waits for, and until when.
type EventWait struct {
	Event string    `json:"event"`
	Until time.Time `json:"until"`
}

// Rounds counts what became of a step inside a loop.
type Rounds struct {
	Running int `json:"running,omitempty"`
	Waiting int `json:"waiting,omitempty"`
	Done    int `json:"done,omitempty"`
	Failed  int `json:"failed,omitempty"`
	Skipped int `json:"skipped,omitempty"`
	// Cases are those of any round, as in StepStatus.
	Cases []int `json:"cases,omitempty"`
}

// ApprovalStatus is one request, the votes on it and how it ended.
type ApprovalStatus struct {
	approval.Request

	Votes    []approval.Vote    `json:"votes,omitempty"`
	Decision *approval.Decision `json:"decision,omitempty"`
	// Refused is why signals did not count. Updates are refused to their sender's face and leave no
	// trace.
	Refused []string `json:"refused,omitempty"`

	// Reminders are when people were to be reminded, at half and nine tenths of the time; Escalated is
	// when further groups were asked.
	Reminders []time.Time `json:"reminders,omitempty"`
	Escalated *time.Time  `json:"escalated,omitempty"`

	size   int           // of the request, in bytes
	grant  *grant.Signed // of a yes
	asker  *run
	from   *asking
	edited *asking // what stands in its place
}

// Open reports whether the request still waits for people.
func (a *ApprovalStatus) Open() bool { return a.Decision == nil }

func (a *ApprovalStatus) weight() int { return a.size + weigh(a.Votes) + weigh(a.Refused) }

// QuestionStatus is one question and how it ended.
type QuestionStatus struct {
	approval.Question

	Ending *approval.Ending `json:"ending,omitempty"`
	// Refused is as in ApprovalStatus.
	Refused []string `json:"refused,omitempty"`

	size int // of the question, in bytes
}

// Open reports whether the question still waits for people.
func (q *QuestionStatus) Open() bool { return q.Ending == nil }

func (q *QuestionStatus) weight() int { return q.size + weigh(q.Ending) + weigh(q.Refused) }

// Step finds a step by id.
func (s *Status) Step(id string) *StepStatus {
	for _, step := range s.Steps {
		if step.ID == id {
			return step
		}
	}
	return nil
}

// whole reports that nothing listed is missing. Whoever may write to the namespace can have a run say
// anything.
func (s *Status) whole() bool {
	return !slices.Contains(s.Steps, nil) && !slices.Contains(s.Approvals, nil) && !slices.Contains(s.Questions, nil) &&
		!slices.Contains(s.Undone, nil) && !slices.Contains(s.Left, nil) && !slices.Contains(s.Expiring, nil)
}

// Asking returns the requests that wait for people.
func (s *Status) Asking() []*ApprovalStatus { return open(s, s.Approvals) }

// Unanswered returns the questions that wait for people.
func (s *Status) Unanswered() []*QuestionStatus { return open(s, s.Questions) }

func open[T interface{ Open() bool }](s *Status, list []T) []T {
	var found []T
	for _, one := range list {
		if one.Open() && !s.State.Over() {
			found = append(found, one)
		}
	}
	return found
}
