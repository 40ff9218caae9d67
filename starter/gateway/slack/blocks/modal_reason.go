package blocks

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows/approval"
)

// The block and the action of a reason.
const (
	reasonBlock = "reason"
	valueAction = "value"
)

// RejectForm asks why somebody says no.
func RejectForm(s desk.Sight, c Context) slack.ModalViewRequest {
	p := &page{Context: c, room: short}
	p.markup("One no decides. What it says reaches whoever started the run, and the record keeps it.")
	p.saidShort(asks(s))
	p.reason("Why not?")
	return p.form("Reject", "Reject", FormReject, Meta{Digest: s.Digest()})
}

// UndoForm asks why what a run did is taken back.
func UndoForm(s desk.Sight, c Context) slack.ModalViewRequest {
	p := &page{Context: c, room: short}
	p.markup("This starts a run that takes back what " + codeOf(name(s.Run, maxCode)) + " did and what still stands. Policy decides whether people are asked about it.")
	p.steps(s)
	p.reason("Why take it back?")
	return p.form("Undo", "Take it back", FormUndo, Meta{Digest: s.Digest()})
}

// KeepForm asks why what a step did stays, though it would be put back by itself.
func KeepForm(s desk.Sight, step string, c Context) slack.ModalViewRequest {
	p := &page{Context: c, room: short}
	for _, e := range s.Expiring {
		if e.Step == step {
			p.markup(p.until(e) + ".")
		}
	}
	p.reason("Why does it stay?")
	return p.form("Keep", "Keep", FormKeep, Meta{Digest: s.Digest(), Step: step})
}

func (p *page) reason(label string) {
	p.add(length(label), &slack.InputBlock{
		Type: slack.MBTInput, BlockID: reasonBlock, Label: plain(label, maxLabel),
		Element: &slack.PlainTextInputBlockElement{Type: slack.METPlainTextInput, ActionID: valueAction, Multiline: true, MinLength: 3, MaxLength: approval.MaxReason},
	})
}

// ReadReason reads the reason of [RejectForm], [UndoForm] and [KeepForm]. The errors are by block.
func ReadReason(v receive.Values) (string, map[string]string) {
	says := strings.TrimSpace(v[reasonBlock][valueAction].Text)
	switch {
	case says == "":
		return "", map[string]string{reasonBlock: "Say why, so that others understand it later."}
	case len(says) > approval.MaxReason:
		return "", map[string]string{reasonBlock: "This is too long: at most 2000 bytes are kept."}
	}
	return says, nil
}
