// Package card makes what people read in a terminal: Request is the card of one approval, Story all
// of a run, Progress a run as it goes.
//
// Everything an event says is written by someone else. Clean and Block make such text harmless to look
// at, as package activities/clean does for whoever may not import this one. They are not an escape for
// any markup: text that goes into Slack mrkdwn, HTML or a shell needs that sink's own escaping
// afterwards. Names and parameters, on which people decide, are not cleaned but shown exactly: in
// quotes with escapes where they would mislead. Prose of somebody else stands behind bars, so that it
// cannot pass for a field or line of the card.
package card

import "github.com/countersign/countersign/activities/clean"

// Clean returns s as one line of at most max runes that is safe to print: for text that stands in a
// sentence, a field or a table cell. Block is for text with lines. See [clean.Line].
func Clean(s string, max int) string { return clean.Line(s, max) }

// Block returns s as at most maxLines lines, each cleaned and cut to maxRunes as Clean does.
func Block(s string, maxLines, maxRunes int) string { return clean.Block(s, maxLines, maxRunes) }
