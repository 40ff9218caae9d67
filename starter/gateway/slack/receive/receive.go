// Package receive is where what people do in Slack comes in: over Socket Mode ([Socket]), or over HTTP
// with a signature ([HTTP]). Both lead through one [Intake] to one [Handler], and both hand over only
// what is verified to be Slack's, of this app and of this workspace.
//
//	in, err := receive.New(handler, receive.Config{App: "A0123", Team: "T0123", Private: front})
//	socket, err := in.Socket(receive.SocketOptions{API: api})      // socket.Run(ctx)
//	http, err := in.HTTP(receive.HTTPOptions{Secrets: secrets})    // http.Mount(mux)
//	defer in.Wait(ctx)                                             // for what goes on after answers
//
// Slack waits three seconds for an answer, and does not deliver again what people press or send: it
// shows them a warning, and they press again. So a Handler first puts on record what people decide, and
// its answer says so. Whatever keeps it from that (its time is over, it panics, too much is under way)
// is told to the person as [NotRecorded], of a command as [Unsure]; nothing is acknowledged that only a memory holds.
//
// What Slack sends is checked again here: one JSON value without a key that appears twice, bounded in
// depth and length, ids that look like ids. Of names, mail addresses and the text of messages in it
// nothing is handed over.
package receive

import (
	"context"
	"encoding/json"
)

// From is who did something, and where, in Slack's ids. Names and mail addresses in what Slack sends
// are for showing, so they are not here.
type From struct {
	App, Team, Enterprise string
	User                  string
	// UserTeam is the workspace that the user belongs to; "" where Slack does not say: in a Command and
	// in Opened.
	UserTeam string
	Channel  string // "" in a view
	Message  string // ts of the message that was clicked; "" in a view, and where one person alone sees it
	Thread   string // ts of the thread it stands in
	// Trigger opens a view, within three seconds and once. No two things that people do share one, so
	// what comes in twice can be told by it.
	Trigger string
	// ResponseURL takes five messages within half an hour; "" in a view.
	ResponseURL string
}

// Click is a button that was pressed.
type Click struct {
	From
	Action string // action_id
	Value  string // of the button, or of what was chosen
	View   *View  // where the button is in one
}

// View is a modal or a home tab that something was done in.
type View struct {
	ID, Hash, Callback string
	Meta               string // private_metadata: ids, to be checked again
	Values             Values
}

// Values are what was filled in, by block_id and action_id.
type Values map[string]map[string]Value

// Value is one entry of a form. Text is what an entry of one value says: text, number, date, time of
// day, or the value of the chosen option or the id of the chosen user or channel, and "" if there is
// none; Time that of a date and time, in seconds; Chosen those of several, files among them.
type Value struct {
	Type   string
	Text   string
	Time   int64
	Chosen []string
}

// Submission is a form that was sent.
type Submission struct {
	From
	View View
}

// Command is a slash command.
type Command struct {
	From
	Name string // with its slash
	Text string
}

// Opened says that somebody looks at the home tab.
type Opened struct {
	From
	EventID string
}

// Reply is what the person hears at once. Zero says nothing.
type Reply struct {
	// Private is a sentence for the person alone, in Slack's mrkdwn, escaped.
	Private string
	// Blocks go with it; nil: the sentence alone.
	Blocks json.RawMessage
	// After runs when Slack has its answer.
	After func(context.Context)
}

// FormReply is what comes of a form. Zero closes it.
type FormReply struct {
	// Errors are by block_id: the form stays open and shows them.
	Errors map[string]string
	// Instead is a view that takes the form's place.
	Instead json.RawMessage
	// All closes the forms below it, too.
	All bool
	// After runs when Slack has its answer.
	After func(context.Context)
}

// Handler does what people ask. Its methods may be called side by side. They have ctx's time, which
// is less than Slack's three seconds; what takes longer goes into After. When that time is over the
// person has been told [NotRecorded], and what a method then returns is dropped, its After with it.
// Opened is called when Slack has its answer, and has the time of an After.
type Handler interface {
	Click(ctx context.Context, c Click) Reply
	Submit(ctx context.Context, s Submission) FormReply
	Command(ctx context.Context, c Command) Reply
	Opened(ctx context.Context, o Opened)
}
