// Package web is the client of Slack's Web API: slack-go's, with the pace that Slack asks for, errors
// by what can be done about them, and bounds on every wait.
package web

import (
	"fmt"
	"time"

	_ "golang.org/x/time/rate" // paces what is sent
)

// Kind is what can be done about an error.
type Kind string

// The kinds of errors.
const (
	Later     Kind = "later"     // it did not happen; try again, after After
	Ambiguous Kind = "ambiguous" // it may have happened: look before trying again
	Operator  Kind = "operator"  // somebody must mend a token, a scope or a channel
	Gone      Kind = "gone"      // the message or the view is not there any more
	Bug       Kind = "bug"       // we sent what Slack does not take
)

// Error is what Slack, or the way to it, answered.
type Error struct {
	Method string
	Code   string // Slack's, or that of HTTP, or "network"
	Kind   Kind
	After  time.Duration // of Later: how long Slack wants to be left alone
	// Needed are the scopes that were missing.
	Needed string
	Err    error
}

func (e *Error) Error() string {
	if e.Needed != "" {
		return fmt.Sprintf("slack %s: %s; add the scope %s to the app and install it again", e.Method, e.Code, e.Needed)
	}
	return fmt.Sprintf("slack %s: %s", e.Method, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

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
