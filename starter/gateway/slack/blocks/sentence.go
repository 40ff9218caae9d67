package blocks

import "github.com/slack-go/slack"

// Sentence is a message of one sentence, such as why something was refused. It may quote anything: it
// is shown as plain text.
func Sentence(says string) Message {
	p := &page{room: short}
	p.sentence(says)
	return p.message(Escape(Plain(says, maxText)))
}

// NotRecorded is what somebody hears whose click could not be put on record.
func NotRecorded() Message {
	return Sentence("This was not recorded. Press again; pressing twice counts once.")
}

func (p *page) sentence(says string) {
	t := plain(says, maxPiece)
	p.add(length(t.Text), &slack.SectionBlock{Type: slack.MBTSection, Text: t})
}

// message is what the page has, under a text that stands alone.
func (p *page) message(text string) Message {
	return Message{Text: cut(text, maxText), Blocks: p.blocks}
}
