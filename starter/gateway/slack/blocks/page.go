package blocks

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"
)

// page collects blocks, and notes how much text they have and whether anything was left out.
type page struct {
	Context
	room   room
	blocks []slack.Block
	runes  int
	cut    bool
	inView bool // not on a card
	brief  bool // it is over: of the calls, only what they are and on what
}

func (p *page) add(runes int, b slack.Block) {
	p.runes += runes
	p.blocks = append(p.blocks, b)
}

func (p *page) header(s string) {
	t := plain(s, maxHeader)
	p.add(length(t.Text), &slack.HeaderBlock{Type: slack.MBTHeader, Text: t})
}

// row is a name and what is said of it, in mrkdwn that is harmless. Without a value it is left out.
type row struct{ name, value string }

// rows writes rows, as many to a section as fit.
func (p *page) rows(rows ...row) {
	var out strings.Builder
	flush := func() {
		if out.Len() > 0 {
			p.markup(strings.TrimSuffix(out.String(), "\n"))
			out.Reset()
		}
	}
	for _, r := range rows {
		if r.value == "" {
			continue
		}
		line := "*" + r.name + "*  " + r.value + "\n"
		if length(out.String())+length(line) > maxPiece {
			flush()
		}
		out.WriteString(line)
	}
	flush()
}

// markup writes a section of mrkdwn that is harmless.
func (p *page) markup(s string) {
	p.add(length(s), &slack.SectionBlock{Type: slack.MBTSection, Text: markup(s), Expand: true})
}

// aside writes small print.
func (p *page) aside(s string) {
	p.add(length(s), &slack.ContextBlock{Type: slack.MBTContext, ContextElements: slack.ContextElements{Elements: []slack.MixedElement{markup(s)}}})
}

func (p *page) divider() { p.add(0, &slack.DividerBlock{Type: slack.MBTDivider}) }

// said writes text of somebody else, behind a bar.
func (p *page) said(s string) {
	if short := cut(s, p.room.prose); short != s {
		s, p.cut = short, true
	}
	p.pieces(nil, prose(s), func(text el) slack.RichTextElement {
		return &slack.RichTextQuote{Type: slack.RTEQuote, Elements: []el{text}}
	})
}

// lines writes lines as they are, in one width.
func (p *page) lines(lines []string) { p.under(nil, lines) }

// under writes lines as they are, in one width, below a line of parts.
func (p *page) under(head []el, lines []string) {
	p.pieces(head, lines, func(text el) slack.RichTextElement {
		return &slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []el{text}}
	})
}

// pieces writes lines into as many blocks as they need, the first of them with a head.
func (p *page) pieces(head []el, lines []string, as func(el) slack.RichTextElement) {
	var all []slack.RichTextElement
	n := 0 // runes of the block so far
	if len(head) > 0 {
		all = append(all, &slack.RichTextSection{Type: slack.RTESection, Elements: head})
		for _, part := range head {
			n += runesOf(part)
		}
	}
	var out strings.Builder
	flush := func() {
		if s := strings.TrimSuffix(out.String(), "\n"); s != "" {
			all = append(all, as(text(s)))
		}
		if len(all) > 0 {
			p.add(n, &slack.RichTextBlock{Type: slack.MBTRichText, Elements: all})
		}
		out.Reset()
		all, n = nil, 0
	}
	for _, line := range lines {
		for piece := range pieces(line, maxPiece) {
			size := length(piece) + 1
			if n+size > maxPiece+1 {
				flush()
			}
			out.WriteString(piece + "\n")
			n += size
		}
	}
	flush()
}

// Bounds on names in mrkdwn, so that a row of them fits a section however much of it is escaped.
const (
	maxCode = 300
	maxList = 1200
)

// exactly is a name or value. Where it is cut, that is noted.
func (p *page) exactly(s string) string {
	short := name(s, min(p.room.name, maxCode))
	p.cut = p.cut || strings.HasSuffix(short, "]") && short != exact(s)
	return short
}

// code is a name or value in mrkdwn.
func (p *page) code(s string) string { return codeOf(p.exactly(s)) }

// hint is code of what nobody decides about: of the event, and of a playbook's title. It is cut with a
// mark, and that keeps nobody from deciding.
func (p *page) hint(s string) string {
	if s == "" {
		return ""
	}
	return codeOf(name(s, min(p.room.name, maxCode)))
}

// all are the names of a list in mrkdwn.
func (p *page) all(names []string, as func(string) string) string {
	var out strings.Builder
	for i, name := range names {
		if i >= p.room.names || length(out.String()) > maxList {
			p.cut = true
			fmt.Fprintf(&out, ", …[+%d]", len(names)-i)
			break
		}
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(as(name))
	}
	return out.String()
}

// people and groups are lists of them. They are mentions, where Slack knows them.
func (p *page) people(names []string) string { return p.all(names, p.person) }
func (p *page) groups(names []string) string { return p.all(names, p.groupOf) }
