package blocks

import (
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
)

// maxFolded is how many rows a folded message, or a part of the home tab, has at most.
const maxFolded = 20

// Fold is one message for many requests: a row for each, with Review while it waits and what came of it
// after that. What does not fit is counted.
func Fold(all []desk.Sight, c Context) Message {
	p := &page{Context: c, room: short}
	open := 0
	for _, s := range all {
		if s.Open() {
			open++
		}
	}
	heading := fmt.Sprintf("%d of %d wait for people", open, len(all))
	if open == len(all) {
		heading = fmt.Sprintf("%d wait for people", open)
	}
	p.header(heading)
	p.fold(all)
	if open > 0 && len(c.People)+len(c.Groups) > 0 {
		p.calls(c.People, c.Groups)
	}
	says := heading
	if i := slices.IndexFunc(all, desk.Sight.Open); i >= 0 {
		says += ". " + summary(all[i], c)
	}
	return p.message(says)
}

// fold writes the rows; those that wait come first.
func (p *page) fold(all []desk.Sight) {
	shown := 0
	for _, open := range []bool{true, false} {
		for _, s := range all {
			if s.Open() != open {
				continue
			}
			if shown < maxFolded {
				p.folded(s)
			}
			shown++
		}
	}
	if more := shown - maxFolded; more > 0 {
		p.aside(fmt.Sprintf("and %d more, which are not shown here; `starter approvals` lists all", more))
	}
}

func (p *page) folded(s desk.Sight) {
	says := "*" + codeOf(name(heading(s, Context{}), maxName)) + "*"
	if q := first(asks(s)); q != "" {
		says += "  " + codeOf(name(q, 120))
	}
	says += "\n" + p.hint(title(s))
	if s.Account != "" {
		says += ", account " + p.hint(s.Account)
	}
	if s.Severity != "" {
		says += ", " + p.hint(s.Severity)
	}
	if s.Open() {
		says += ", until " + stamp(deadline(s))
	}
	b := &slack.SectionBlock{Type: slack.MBTSection, Text: markup(says)}
	if pressable(s.Digest(), "") {
		label, style := "Review", slack.StylePrimary
		if !s.Open() {
			label, style = "Details", slack.StyleDefault
		}
		b.Accessory = slack.NewAccessory(button(ActReview, label, Value(s.Digest(), ""), style, label+" "+id(s)))
	}
	p.add(length(says), b)
}

// id is that of the asking step.
func id(s desk.Sight) string {
	if s.Question != nil {
		return s.Question.ID
	}
	return s.Request.ID
}
