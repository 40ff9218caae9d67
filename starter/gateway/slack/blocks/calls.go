package blocks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// request writes what is asked, in the order of the card in a terminal.
func (p *page) request(s desk.Sight) {
	r := s.Request
	p.said(r.Question)
	p.again(r)
	p.why(s)
	p.callsOf(s)
	p.needs(s)
	p.votes(s)
}

// again says why people are asked about something to which they have said yes.
func (p *page) again(r *approval.Request) {
	if r.Again == nil {
		return
	}
	p.markup("People said yes to " + codeOf(name(r.Again.Of.Short(), 40)) + ". It was not done, because:")
	p.said(r.Again.Why)
	if len(r.Again.Steps) > 0 {
		p.markup("What it does has changed for " + p.all(r.Again.Steps, p.code) + ".")
	}
}

// callsOf shows every call with all of its parameters.
func (p *page) callsOf(s desk.Sight) {
	p.markup(leadsTo(s))
	if p.brief {
		p.briefly(s.Request.Calls)
		return
	}
	if s.Request.Many() {
		p.many(s)
		return
	}
	for i, c := range s.Request.Calls {
		if i >= p.room.calls {
			p.cut = true
			p.markup(fmt.Sprintf("…[+%s]", plural(len(s.Request.Calls)-i, "call", "calls")))
			break
		}
		p.call(i, c, s.Request.Again)
	}
}

// briefly says of each call what it is, and on what. Details has the rest.
func (p *page) briefly(calls []approval.Call) {
	var lines []string
	for i, c := range calls {
		if i == maxFolded {
			lines = append(lines, fmt.Sprintf("…[+%s]", plural(len(calls)-i, "call", "calls")))
			break
		}
		lines = append(lines, fmt.Sprintf("%d. %s  %s  %s", i+1, name(c.Step, maxName), name(c.Activity, maxName), cut(acted(c), 200)))
	}
	p.lines(lines)
}

func (p *page) call(i int, c approval.Call, again *approval.Again) {
	parts := []el{bold(fmt.Sprintf("%d. ", i+1)), code(p.exactly(c.Step))}
	if title := first(c.Title); title != "" {
		parts = append(parts, text("  "+cut(title, maxHeader)))
	}
	lines := callLines(c, again)
	if short := cutLines(lines, p.room.lines); len(short) < len(lines) {
		lines, p.cut = short, true
	}
	for j, line := range lines {
		lines[j] = p.bounded(line)
	}
	p.under(parts, lines)
}

// bounded is a line of what is decided; where it is cut, that is noted.
func (p *page) bounded(line string) string {
	short := cut(line, p.room.name)
	p.cut = p.cut || short != line
	return short
}

// callLines are a call: what it is, how it can be taken back, where it acts, what it changes, and its
// parameters, all of them and exactly.
func callLines(c approval.Call, again *approval.Again) []string {
	var lines []string
	table := func(name string, values ...string) {
		for i, value := range values {
			if i > 0 {
				name = ""
			}
			lines = append(lines, fmt.Sprintf("%-9s %s", name, value))
		}
	}
	table("activity", fmt.Sprintf("%s, version %d", exact(c.Activity), c.Version))
	table("effect", effect(c))
	if c.Rule != "" {
		table("policy", rule(c))
	}
	table("where", card.Fields(c.Input, card.Places, exact)...)
	table("targets", card.Fields(c.Input, c.Targets, exact)...)
	table("changes", changes(c)...)
	if again != nil && len(again.Steps) > 0 && !slices.Contains(again.Steps, c.Step) {
		table("again", "as people saw it before")
	}
	table("with", parameters(c.Input)...)
	return lines
}

// parameters are the lines of an input, as the terminal shows them.
func parameters(raw json.RawMessage) []string { return harmlessly(card.Parameters(raw)) }

// harmlessly are lines of parameters with what would mislead in Slack escaped.
func harmlessly(lines []string) []string {
	for i, line := range lines {
		if mixed(line) || tag.MatchString(line) {
			lines[i] = parameter(line)
		}
	}
	return lines
}

// parameter is a line of parameters in which something would mislead in Slack: its name and its value are
// escaped. Text of several lines has a bar before each; where it is escaped, that is an exclamation mark.
func parameter(line string) string {
	rest := strings.TrimLeft(line, " -|")
	lead := line[:len(line)-len(rest)]
	if strings.Contains(lead, "|") {
		return strings.Replace(lead, "|", "!", 1) + plainer(rest)
	}
	name, value, _ := strings.Cut(rest, "  ")
	if value == "" {
		return lead + plainer(rest)
	}
	return lead + plainer(name) + "  " + plainer(strings.TrimLeft(value, " "))
}

func rule(c approval.Call) string {
	if c.Why == "" {
		return exact(c.Rule)
	}
	return exact(c.Rule) + ": " + cut(first(c.Why), 300)
}

// changes are what a call would change, as it was when people were asked.
func changes(c approval.Call) []string {
	if u := c.Unshown; u != nil {
		return []string{fmt.Sprintf("%s, not shown as there is no room for all (%s)", plural(u.Changes, "thing", "things"), exact(u.Digest.Short()))}
	}
	if c.Preview == nil {
		return nil
	}
	if len(c.Preview.Changes) == 0 {
		return []string{"nothing: all is already as the call would leave it"}
	}
	var lines []string
	for _, one := range c.Preview.Changes {
		before, after := exact(one.Before), exact(one.After)
		if rightToLeft(before) || rightToLeft(after) { // on one line they would change places
			lines = append(lines, exact(one.Target)+": "+exact(one.What), "  before  "+before, "  after   "+after)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s: %s  %s → %s", exact(one.Target), exact(one.What), before, after))
	}
	return lines
}

// leadsTo says what a yes does, or was about to do.
func leadsTo(s desk.Sight) string {
	verb := "A yes makes"
	switch {
	case s.Decision != nil && s.Decision.Outcome == approval.Approved:
		verb = "The yes covers"
	case !s.Open():
		verb = "A yes was to make"
	}
	switch n := len(s.Request.Calls); n {
	case 0:
		return "A yes makes no call by itself; it decides how the playbook goes on."
	case 1:
		return verb + " this call:"
	default:
		return fmt.Sprintf("%s these %d calls, in this order:", verb, n)
	}
}

// effect says what a call does to the world and how to take it back.
func effect(c approval.Call) string {
	switch playbook.Effect(c.Effect) {
	case playbook.EffectRead:
		return "read: changes nothing"
	case playbook.EffectChange:
		switch {
		case c.Undo == "":
			return "change: nothing undoes it"
		case c.PutBackAfter > 0:
			return "change: put back after " + span(c.PutBackAfter.Round(time.Second)) + " unless somebody keeps it, at once if the run fails or is cancelled"
		case c.PutBack:
			return "change: put back if the run fails or is cancelled later"
		default:
			return "change: can be undone with " + exact(c.Undo)
		}
	case playbook.EffectDestroy:
		return "destroy: cannot be undone"
	default:
		return exact(c.Effect)
	}
}

// destroys are the calls that cannot be undone.
func destroys(r *approval.Request) []approval.Call {
	var all []approval.Call
	for _, c := range r.Calls {
		if playbook.Effect(c.Effect) != playbook.EffectRead && (playbook.Effect(c.Effect) != playbook.EffectChange || c.Undo == "") {
			all = append(all, c)
		}
	}
	return all
}

// acted are the targets of a call in a few words.
func acted(c approval.Call) string { return strings.Join(card.Fields(c.Input, c.Targets, exact), ", ") }
