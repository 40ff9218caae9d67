// Package blocks is what people see in Slack: cards, forms, the home tab and every sentence. It is
// pure.
//
// Whatever comes from an event, a finding, a form or a provider is hostile: it goes into plain text or
// is escaped, and nothing in it becomes a mention, a link or a mark. Whatever does not fit is not cut
// silently: it says so, and where people decide there is then no button but a way to read all of it.
package blocks

import "github.com/slack-go/slack"

// Message is one message. Text stands alone: it is the notification, and what screen readers read.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// The ids by which what people press and fill in comes back. The value of a button is the digest of what
// is asked; it permits nothing by itself. Of [ActEdit] and [ActKeep] it may name a step as well, which
// [ReadValue] tells apart. Where a block has several buttons that are alike, their ids have a number;
// [Action] drops it. The private_metadata of a form is a [Meta].
const (
	ActApprove = "approve"
	ActReject  = "reject"
	ActEdit    = "edit"
	ActDetails = "details"
	ActAnswer  = "answer"
	ActUndo    = "undo"   // value: the digest; the run is that which asked
	ActKeep    = "keep"   // value: the digest and the step; see [ReadValue]
	ActShow    = "show"   // value: a run
	ActReview  = "review" // a row of a folded message or of the home tab

	FormReject = "reject_form"
	FormEdit   = "edit_form"
	FormAnswer = "answer_form"
	FormUndo   = "undo_form"
	FormKeep   = "keep_form"
	FormRun    = "run_form"
	FormShown  = "shown" // details: nothing to send
)
