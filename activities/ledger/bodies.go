package ledger

import (
	"encoding/json"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
)

// The bodies of records, one type a kind. They are read years after they were written: fields are
// added, never changed or taken away, and what an old record lacks reads as its zero value.
//
// A time that matters in a body is there; when it was recorded is the record's At.

// EventBody is an event that came in, whole, and what became of it.
type EventBody struct {
	Event json.RawMessage `json:"event"` // the CloudEvent
	// Source is where it came in: http, sqs, cli.
	Source string `json:"source,omitempty"`
	// Runs are the runs that it started or joined; none: no playbook answers it.
	Runs []string `json:"runs,omitempty"`
}

// RunBody is a run that was started: all that decides what it does.
type RunBody struct {
	Playbook string          `json:"playbook"`
	Digest   digest.Digest   `json:"digest"` // of Plan
	Plan     json.RawMessage `json:"plan"`   // the document of the plan
	Event    json.RawMessage `json:"event,omitempty"`
	Inputs   json.RawMessage `json:"inputs,omitempty"`
	Ticket   grant.Signed    `json:"ticket"`
}

// RequestBody is what people were asked.
type RequestBody struct {
	Digest  digest.Digest   `json:"digest"`
	Request json.RawMessage `json:"request"` // the approval's request, as it was sealed
	// Card is the text that people were shown.
	Card string `json:"card,omitempty"`
}

// VoteBody is one person's answer to a request.
type VoteBody struct {
	Request  digest.Digest `json:"request"`
	Approval string        `json:"approval"`
	Person   string        `json:"person"`
	Verdict  string        `json:"verdict"` // approve, reject
	Reason   string        `json:"reason,omitempty"`
	// Surface is where it was given: cli, slack, local. Via says how the surface knew the person: which
	// account, by which rule, and where it was said.
	Surface string `json:"surface,omitempty"`
	Via     string `json:"via,omitempty"`
	// For is who delegated it.
	For        string `json:"for,omitempty"`
	BreakGlass bool   `json:"break_glass,omitempty"`
}

// DecisionBody is the end of a request.
type DecisionBody struct {
	Request    digest.Digest `json:"request"`
	Approval   string        `json:"approval"`
	Outcome    string        `json:"outcome"` // approved, rejected, expired, withdrawn
	By         []string      `json:"by,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	BreakGlass bool          `json:"break_glass,omitempty"`
	// Decided is when; it may lie before the record, as with a request that expired.
	Decided time.Time `json:"decided,omitzero"`
	// Grant is that of a yes.
	Grant *grant.Signed `json:"grant,omitempty"`
}

// DelegationBody is one person's vote, given to another.
type DelegationBody struct {
	Request  digest.Digest `json:"request"`
	Approval string        `json:"approval"`
	From     string        `json:"from"`
	To       string        `json:"to"`
	Reason   string        `json:"reason,omitempty"`
	Via      string        `json:"via,omitempty"`
}

// EditBody is a change of a call that people were asked about. It voids the votes.
type EditBody struct {
	By       string        `json:"by"`
	Run      string        `json:"run"`
	Approval string        `json:"approval"`
	Request  digest.Digest `json:"request"` // the one that it ends
	Step     string        `json:"step"`
	Before   digest.Digest `json:"before"` // of the call
	After    digest.Digest `json:"after"`
	// Input is the call's new input.
	Input json.RawMessage `json:"input,omitempty"`
	Via   string          `json:"via,omitempty"`
}

// AnswerBody is the answer to a question.
type AnswerBody struct {
	Question digest.Digest   `json:"question"`
	Step     string          `json:"step"`
	Person   string          `json:"person"`
	Values   json.RawMessage `json:"values"`
	Surface  string          `json:"surface,omitempty"`
	Via      string          `json:"via,omitempty"`
}

// What an intent rests on: PermissionKind.
const (
	ByGrant  = "grant"  // people approved the call
	ByTicket = "ticket" // policy leaves it to the run
	ByUndo   = "undo"   // it takes back what the run itself did
)

// How an intent takes something back: IntentBody.Undo.
const (
	UndoByRun    = "run"    // the run puts back what it changed, because it ended badly or the time is over
	UndoByPerson = "person" // somebody asked for it
)

// IntentBody is an effect that is about to be made. Without it on record none is.
type IntentBody struct {
	// Permission is the id of the grant or the ticket, PermissionKind which of them.
	Permission     string `json:"permission"`
	PermissionKind string `json:"permission_kind"`
	Workflow       string `json:"workflow"`
	Execution      string `json:"execution"`
	Step           string `json:"step"`
	// Attempt counts from 1.
	Attempt  int             `json:"attempt"`
	Activity string          `json:"activity"`
	Version  int             `json:"version"`
	Effect   string          `json:"effect"` // change, destroy
	Account  string          `json:"account,omitempty"`
	Input    json.RawMessage `json:"input"`
	Digest   digest.Digest   `json:"digest"` // of the call
	// Preview is the digest of what the effect would do, as read just before.
	Preview digest.Digest `json:"preview,omitempty"`
	// Policy is the digest of the policy, Rule the rule that decided.
	Policy    digest.Digest `json:"policy,omitempty"`
	Rule      string        `json:"rule,omitempty"`
	Approvers []string      `json:"approvers,omitempty"`
	// Undo is "" for what takes nothing back.
	Undo string `json:"undo,omitempty"`
}

// BindingBody says which execution of a workflow a ticket's effects are for: the first that made one.
type BindingBody struct {
	Ticket    string `json:"ticket"`
	Execution string `json:"execution"`
}

// JoinedBody says that a ticket was not used: its event joined a run that had one.
type JoinedBody struct {
	Ticket string `json:"ticket"`
}

// CallBody is a call of an activity.
type CallBody struct {
	Activity string          `json:"activity"`
	Version  int             `json:"version"`
	Input    json.RawMessage `json:"input"`
}

// OutcomeBody is an effect that was made.
type OutcomeBody struct {
	Intent int64           `json:"intent"` // Seq
	Output json.RawMessage `json:"output,omitempty"`
	// Requests are the provider's ids of the requests.
	Requests []string `json:"requests,omitempty"`
	// Undo takes it back; LeftAs is the digest of the undo's preview after the effect: while it
	// reads the same, the world is as the effect left it.
	Undo   *CallBody     `json:"undo,omitempty"`
	LeftAs digest.Digest `json:"left_as,omitempty"`
	// PutBack says that the run itself may take it back: people were shown that, or were not asked.
	PutBack bool `json:"put_back,omitempty"`
}

// FailureBody is an attempt that ended badly. The effect may have been made nevertheless.
type FailureBody struct {
	Intent   int64    `json:"intent"` // Seq
	Error    string   `json:"error"`
	Kind     string   `json:"kind,omitempty"`
	Requests []string `json:"requests,omitempty"`
}

// RefusalBody is a call or a message that was turned down.
type RefusalBody struct {
	Workflow  string        `json:"workflow,omitempty"`
	Execution string        `json:"execution,omitempty"`
	Step      string        `json:"step,omitempty"`
	Activity  string        `json:"activity,omitempty"`
	Digest    digest.Digest `json:"digest,omitempty"`
	// Person is who was turned down, where it was a person.
	Person string `json:"person,omitempty"`
	// Via is how it was known who that is, or as whom somebody came who is nobody here.
	Via string `json:"via,omitempty"`
	// Kind is that of the error: NotPermitted, AskAgain, Halted, Overtaken.
	Kind string `json:"kind,omitempty"`
	Why  string `json:"why"`
}

// SwitchBody says whether effects are halted from here on.
type SwitchBody struct {
	Halted bool   `json:"halted"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	Via    string `json:"via,omitempty"`
}

// TokenBody is a person's token that was issued or revoked. The token itself is nowhere.
type TokenBody struct {
	ID      string    `json:"id"`
	Person  string    `json:"person"`
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	Revoked bool      `json:"revoked,omitempty"`
	By      string    `json:"by,omitempty"`
}

// ReviewBody opens or closes the review of a break-glass.
type ReviewBody struct {
	ID       string `json:"id"`
	Run      string `json:"run"`
	Approval string `json:"approval"`
	Person   string `json:"person"` // who decided alone
	Reason   string `json:"reason,omitempty"`
	Open     bool   `json:"open"`
	By       string `json:"by,omitempty"` // who closed it
}

// KeepBody says that a containment which would be undone by itself stays.
type KeepBody struct {
	Run    string `json:"run"`
	Step   string `json:"step"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	Via    string `json:"via,omitempty"`
}

// UndoBody says that somebody asked for a run's effects to be taken back, and by which run.
type UndoBody struct {
	Run    string `json:"run"`
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
	// Undoing is the workflow id of the run that does it.
	Undoing string `json:"undoing,omitempty"`
	Via     string `json:"via,omitempty"`
}

// CancelBody says that somebody asked for a run to stop.
type CancelBody struct {
	Run string `json:"run"`
	By  string `json:"by"`
	Via string `json:"via,omitempty"`
}
