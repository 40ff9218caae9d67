package card

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// again says why people are asked about something to which they have said yes.
func (p *page) again(a *workflows.ApprovalStatus) {
	if a.Again == nil {
		return
	}
	p.line(2, "People said yes to "+Exact(a.Again.Of.Short())+". It was not done, because:")
	p.said(2, a.Again.Why)
	p.line(0, "")
}

// calls shows every call with all of its parameters. Where people are asked again it shows those that
// would do something else than what they saw, and names the others.
func (p *page) calls(a *workflows.ApprovalStatus) {
	p.line(2, leadsTo(a))
	var same []string
	if a.Again != nil && len(a.Again.Steps) > 0 {
		for _, c := range a.Calls {
			if !slices.Contains(a.Again.Steps, c.Step) {
				same = append(same, c.Step)
			}
		}
		p.linef(2, "What it does has changed for %s:", exactAll(a.Again.Steps))
	}
	p.line(0, "")
	if Many(a.Calls) {
		p.counted(a.Calls)
		p.dense(slices.DeleteFunc(slices.Clone(a.Calls), func(c approval.Call) bool { return slices.Contains(same, c.Step) }))
	}
	for i, c := range a.Calls {
		if Many(a.Calls) {
			break
		}
		if !slices.Contains(same, c.Step) {
			p.call(i, c)
		}
	}
	if len(same) > 0 {
		p.linef(2, "As people saw them before: %s", exactAll(same))
		p.line(0, "")
	}
}

func (p *page) call(i int, c approval.Call) {
	number := fmt.Sprintf("%d. ", i+1)
	indent := 2 + len(number)
	line, below := inline(Exact(c.Step), c.Title, indent)
	p.line(2, number+p.style(bold, line))
	for _, row := range below {
		p.line(indent, row)
	}
	p.table(indent,
		row{"activity", fmt.Sprintf("%s, version %d", Exact(c.Activity), c.Version)},
		row{"effect", p.effect(c)},
		row{"policy", rule(c)},
		row{"where", where(c)},
		row{"targets", targets(c)},
		row{"changes", changes(c)},
		row{"with", strings.Join(Parameters(c.Input), "\n")},
	)
	p.line(0, "")
}

// rule says which rule of the policy asks people about a call.
func rule(c approval.Call) string {
	switch {
	case c.Rule == "":
		return ""
	case c.Why == "":
		return Exact(c.Rule)
	default:
		return Exact(c.Rule) + ": " + Clean(c.Why, maxTitle)
	}
}

// changes are what a call would change, as it was when people were asked.
func changes(c approval.Call) string {
	if c.Unshown != nil {
		return unshown(c.Unshown)
	}
	if c.Preview == nil {
		return ""
	}
	if len(c.Preview.Changes) == 0 {
		return "nothing: all is already as the call would leave it"
	}
	var lines []string
	for _, one := range c.Preview.Changes {
		lines = append(lines, fmt.Sprintf("%s: %s  %s → %s", Exact(one.Target), Exact(one.What), Exact(one.Before), Exact(one.After)))
	}
	return strings.Join(lines, "\n")
}

// unshown says what is known of a preview for which there was no room beside the others.
func unshown(u *approval.Unshown) string {
	return fmt.Sprintf("%s, not shown as there is no room for all (%s)", plural(u.Changes, "thing", "things"), Exact(u.Digest.Short()))
}

// leadsTo says what a yes does, or was about to do.
func leadsTo(a *workflows.ApprovalStatus) string {
	verb := "makes"
	if !a.Open() {
		verb = "was to make"
	}
	switch n := len(a.Calls); n {
	case 0:
		return "A yes makes no call by itself; it decides how the playbook goes on."
	case 1:
		return "A yes " + verb + " this call:"
	default:
		return fmt.Sprintf("A yes %s these %d calls, in this order:", verb, n)
	}
}

// effect says what a call does to the world and how to take it back.
func (p *page) effect(c approval.Call) string {
	switch playbook.Effect(c.Effect) {
	case playbook.EffectRead:
		return "read: changes nothing"
	case playbook.EffectChange:
		if c.Undo == "" {
			return p.style(red, "change: nothing undoes it")
		}
		if c.PutBackAfter > 0 {
			return p.style(yellow, "change") + ": put back after " + span(c.PutBackAfter) + " unless somebody keeps it, at once if the run fails or is cancelled"
		}
		if c.PutBack {
			return p.style(yellow, "change") + ": put back if the run fails or is cancelled later"
		}
		return p.style(yellow, "change") + ": can be undone with " + Exact(c.Undo)
	case playbook.EffectDestroy:
		return p.style(red, "destroy: cannot be undone")
	default:
		return Exact(c.Effect)
	}
}

// Places are the input fields that say where a call acts, whatever it acts on.
var Places = []string{"account", "region"}

func where(c approval.Call) string { return strings.Join(Fields(c.Input, Places, Exact), ", ") }

func targets(c approval.Call) string { return strings.Join(Fields(c.Input, c.Targets, Exact), "\n") }

// Fields are the given fields of an input that are there, each as its name and its value, as show
// writes them; of a list of texts each one.
func Fields(input json.RawMessage, names []string, show func(string) string) []string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(input, &fields) != nil {
		return nil
	}
	var found []string
	for _, name := range names {
		raw, ok := fields[name]
		if !ok {
			continue
		}
		for _, value := range texts(raw) {
			found = append(found, show(name)+" "+show(value))
		}
	}
	return found
}

// texts are a text, or those of a list of texts; of anything else how it is written.
func texts(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	if list, ok := textList(raw); ok {
		return list
	}
	return []string{string(raw)}
}

// textList is a list of texts that has one at least.
func textList(raw json.RawMessage) ([]string, bool) {
	var list []*string
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 || slices.Contains(list, nil) {
		return nil, false
	}
	all := make([]string, len(list))
	for i, one := range list {
		all[i] = *one
	}
	return all, true
}
