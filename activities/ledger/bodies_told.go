package ledger

import (
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// AskedBody is a run's word that it asks people. It permits nothing: the gateway looks at what is
// asked, and holds that against the record.
type AskedBody struct {
	ID        string        `json:"id"` // of the asking step, in the run
	Digest    digest.Digest `json:"digest"`
	Execution string        `json:"execution"`
	// Question says that it is a question with a form, not a request.
	Question  bool       `json:"question,omitempty"`
	Asked     time.Time  `json:"asked"`
	Expires   time.Time  `json:"expires"`
	Escalates *time.Time `json:"escalates,omitempty"`
}

// EndedBody is a run's word that it has ended.
type EndedBody struct {
	Execution string `json:"execution"`
	Playbook  string `json:"playbook"`
	State     string `json:"state"` // done, failed, cancelled
	Outcome   string `json:"outcome,omitempty"`
	Error     string `json:"error,omitempty"`
}

// ReportBody is what an audit came to, by the word of the run that audited. A chat shows it once.
type ReportBody struct {
	Playbook string         `json:"playbook"`
	Audit    string         `json:"audit"`
	Title    string         `json:"title"`
	Before   string         `json:"before,omitempty"` // what it was compared with
	Counts   map[string]int `json:"counts,omitempty"`
	Lines    []string       `json:"lines,omitempty"` // of text, without marks
}

// MessageBody is where a chat shows a request or a question, and how far that is.
type MessageBody struct {
	Digest  digest.Digest `json:"digest"` // of the request or the question
	Surface string        `json:"surface"`
	Team    string        `json:"team"`
	Channel string        `json:"channel"`
	// TS is the message's id in its channel; "" while State is posting.
	TS string `json:"ts,omitempty"`
	// Fold says that the message shows many requests, this one among them.
	Fold bool `json:"fold,omitempty"`
	// With is that of them by which the message calls itself; "" is Digest.
	With  digest.Digest `json:"with,omitempty"`
	State MessageState  `json:"state"`
	// Attempt counts from 1 how often it was begun to be posted.
	Attempt int `json:"attempt,omitempty"`
	// Told names what was said below the message, where State is told.
	Told []string `json:"told,omitempty"`
}

// MessageState is how far a message is.
type MessageState string

// The states of a message.
const (
	Posting    MessageState = "posting"    // it may be there, and may not
	Posted     MessageState = "posted"     // it is there
	Told       MessageState = "told"       // something was said below it
	Superseded MessageState = "superseded" // another one counts
	Final      MessageState = "final"      // it tells the end, and changes no more
)
