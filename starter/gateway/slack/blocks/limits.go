package blocks

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Slack's limits, in runes where it is text. One block that is too long makes Slack refuse the whole
// message, and an update that is refused leaves buttons standing that should be gone.
//
// Source: docs.slack.dev/reference/block-kit and the type comments of @slack/types.
const (
	maxBlocks     = 50 // of a message
	maxViewBlocks = 100
	maxViewBytes  = 250_000
	maxSection    = 3000
	maxHeader     = 150
	maxButton     = 75
	maxOption     = 75
	maxOptions    = 100
	maxLabel      = 2000
	maxHint       = 2000
	maxViewTitle  = 24
	maxMeta       = 3000
	maxInput      = 3000
	maxConfirm    = 300
	maxID         = 255
)

// Our own limits, which are stricter.
const (
	// maxPiece is how long one block of text gets before the next one begins.
	maxPiece = 2800
	// maxMessage is all text of a message. Slack refuses more than about 13,000 (msg_blocks_too_long),
	// and people do not read it.
	maxMessage = 10_000
	// maxText is the text of a message without its blocks. Slack takes 4000 in an update.
	maxText = 1500
)

// room is how much of everything is shown.
type room struct {
	prose  int // runes of text that somebody else wrote
	name   int // runes of a name or value
	names  int // names of a list
	calls  int
	lines  int // of a call
	rows   int // votes, edits, fields of a form
	people bool
}

// whole cuts nothing. What is decided is shown so.
var whole = room{prose: 1 << 30, name: 1 << 30, names: 1 << 30, calls: 1 << 30, lines: 1 << 30, rows: 1 << 30}

// short fits a message whatever there is: the property test holds it to that.
var short = room{prose: 600, name: 100, names: 8, calls: 4, lines: 10, rows: 6}

// fits reports whether a message takes these blocks.
func fits(blocks []slack.Block, runes int) bool {
	return len(blocks) <= maxBlocks && runes <= maxMessage
}

// fitsView reports whether Slack takes a view.
func fitsView(v slack.ModalViewRequest) bool {
	raw, err := json.Marshal(v)
	return err == nil && len(raw) <= maxViewBytes && len(v.Blocks.BlockSet) <= maxViewBlocks && len(v.PrivateMetadata) <= maxMeta
}

func length(s string) int { return utf8.RuneCountInString(s) }
