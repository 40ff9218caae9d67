package blocks

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
)

// Card is the message of what a run asks, as it stands: what, where and why, every call that a yes leads
// to with all of its parameters, who may answer and until when, the votes, and what came of it.
//
// It has the buttons that fit how it stands. It has no Approve where it does not show every target and
// parameter: then it has Review, which opens [Details].
func Card(s desk.Sight, c Context) Message {
	for _, r := range []room{whole, short} {
		p := &page{Context: c, room: r}
		p.card(s, onCard)
		if fits(p.blocks, p.runes) {
			return Message{Text: summary(s, c), Blocks: p.blocks}
		}
	}
	p := &page{Context: c, room: short, cut: true}
	p.header(heading(s, c))
	p.buttons(s, onCard)
	return Message{Text: summary(s, c), Blocks: p.blocks}
}

// where a matter is shown.
type place int

const (
	onCard place = iota
	inView
)

func (p *page) card(s desk.Sight, where place) {
	if where == onCard {
		p.header(heading(s, p.Context))
	}
	p.standing(s)
	p.aftermath(s)
	p.inView = where == inView
	p.brief = where == onCard && !s.Open()
	if s.Question != nil {
		p.question(s)
	} else {
		p.request(s)
	}
	if where == onCard && s.Open() && len(p.People)+len(p.Groups) > 0 {
		p.calls(p.People, p.Groups)
	}
	p.buttons(s, where)
	p.aside(p.ids(s))
}

// calls mentions those whom a card calls.
func (p *page) calls(people, groups []string) {
	say := p.people(people)
	if more := p.groups(groups); say != "" && more != "" {
		say += ", " + more
	} else {
		say += more
	}
	p.aside("for " + say)
}

// why says what led to it.
func (p *page) why(s desk.Sight) {
	p.rows(
		row{"why", p.hint(title(s)) + stage(p, s)},
		row{"severity", p.hint(s.Severity)},
		row{"event", p.hint(s.Event.Type)},
		row{"source", p.hint(s.Event.Source)},
		row{"subject", p.hint(s.Event.Subject)},
		row{"account", p.hint(s.Account)},
		row{"time", when(s.Event.Time)},
		row{"asked by", p.askedBy(s)},
	)
}

// askedBy is who made the run ask.
func (p *page) askedBy(s desk.Sight) string {
	if len(s.StartedBy) == 0 {
		return "the event"
	}
	return p.people(s.StartedBy)
}

func title(s desk.Sight) string {
	if s.Title == "" {
		return s.Playbook
	}
	return s.Title
}

func stage(p *page, s desk.Sight) string {
	says := ""
	if s.Title != "" {
		says = " (" + p.hint(s.Playbook) + ")"
	}
	if s.Stage != "" {
		says += ", stage " + p.hint(s.Stage)
	}
	return says
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}

// expires says until when people may answer, and what happens then.
// It does not count down: a message is sent again when it has changed.
func expires(at time.Time, open bool, now time.Time, without string) string {
	says := stamp(at)
	switch {
	case !open:
	case now.Before(at):
		says += "; " + without
	default:
		says += "; the time is over"
	}
	return says
}

// ids are the names by which one finds it elsewhere.
func (p *page) ids(s desk.Sight) string {
	return fmt.Sprintf("digest %s  run %s", codeOf(name(s.Digest().Short(), 40)), codeOf(name(s.Run, maxCode)))
}

// summary is the card in a few words: the notification, and what a screen reader reads first. It has
// how bad it is, what is asked and where before anything that may be cut off on a locked screen.
func summary(s desk.Sight, c Context) string {
	says := Escape(cut(status(s, c), 200))
	if s.Severity != "" {
		says += " (" + Escape(cut(exact(s.Severity), 40)) + ")"
	}
	if q := asks(s); q != "" {
		says += ": " + Escape(cut(first(q), 300))
	}
	if s.Account != "" {
		says += " In account " + Escape(cut(exact(s.Account), 40)) + "."
	}
	says += " " + Escape(cut(title(s), 150))
	if s.Open() {
		says += ", until " + deadline(s).UTC().Format("2006-01-02 15:04 UTC")
	}
	return cut(says, maxText)
}

// asks is the question in the words of the playbook.
func asks(s desk.Sight) string {
	if s.Question != nil {
		return s.Question.Question
	}
	return s.Request.Question
}

func deadline(s desk.Sight) time.Time {
	if s.Question != nil {
		return s.Question.Expires
	}
	return s.Request.Expires
}

// first is the first line that says something.
func first(s string) string {
	for _, line := range prose(s) {
		if line != "" {
			return line
		}
	}
	return ""
}

// blocksOf wraps blocks for a view.
func blocksOf(all []slack.Block) slack.Blocks { return slack.Blocks{BlockSet: all} }
