// Package web is the client of Slack's Web API: slack-go's, with the pace that Slack asks for, errors
// by what can be done about them, and bounds on every wait.
//
//	c, err := web.New(web.Options{Token: secret.New(os.Getenv("SLACK_BOT_TOKEN"))})
//	ts, err := c.Post(ctx, "C0123", "", false, message, web.Meta{Request: digest})
//
// Every call waits for its turn, is bounded in time and size, follows no redirect, and is repeated a
// few times where it surely did not happen, or where repeating it does no harm. All of it stays within
// the context's time: what does not fit is an [Error] of kind [Later]. A post whose answer is lost is
// [Ambiguous]: look with [Client.Find] before posting again.
//
// What is sent and the token appear in no error and no log.
package web

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what can be done about an error.
type Kind string

// The kinds of errors.
const (
	Later     Kind = "later"     // it did not happen, or may happen twice: try again, after After
	Ambiguous Kind = "ambiguous" // it may have happened: look before trying again
	Operator  Kind = "operator"  // somebody must mend a token, a scope or a channel
	Gone      Kind = "gone"      // the message, the view or the trigger is not there any more
	Bug       Kind = "bug"       // we sent what Slack does not take
)

// Error is what Slack, or the way to it, answered.
type Error struct {
	Method string // as in the API; "response_url" is that of an interaction
	Code   string // Slack's, or "http_502", "network", "answer", "pace" (no time left for our turn)
	Kind   Kind
	After  time.Duration // of Later: how long Slack wants to be left alone
	// Needed are the scopes that were missing.
	Needed string
	// Where are JSON pointers to what Slack does not take.
	Where []string
	Err   error
}

func (e *Error) Error() string {
	switch {
	case e.Needed != "":
		return fmt.Sprintf("slack %s: %s; add the scope %s to the app and install it again", e.Method, e.Code, e.Needed)
	case len(e.Where) > 0:
		return fmt.Sprintf("slack %s: %s at %v", e.Method, e.Code, e.Where)
	case e.After > 0:
		return fmt.Sprintf("slack %s: %s; try again in %s", e.Method, e.Code, e.After)
	}
	return fmt.Sprintf("slack %s: %s", e.Method, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is says whether err is an [Error] of that kind.
func Is(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}

// User is a member as Slack knows it now.
type User struct {
	ID, Team, Name                                     string
	Deleted, Bot, Restricted, UltraRestricted, Foreign bool
	Email                                              string // "" without the scope
	EmailConfirmed                                     bool
}

// Channel is a conversation as Slack knows it now.
type Channel struct {
	ID, Name string
	// External says that people of another company are in it, or are invited.
	External bool
	Archived bool
	Member   bool // the app is in it
	Direct   bool // with one person
}

// Self is what the token is.
type Self struct {
	Team, App, User, Bot string
	Scopes               []string
}

// Meta is what a message of ours says of itself to machines. Everybody in the workspace can read it, so
// it holds ids alone.
type Meta struct {
	Request string // the digest of what is asked
	Attempt int
}
