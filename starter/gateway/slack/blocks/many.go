package blocks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
)

// maxFirst is how many of many calls a card shows. All of them are in the view that Review opens, and
// only there they are decided.
const maxFirst = 10

// many shows many calls: how many of which activity, account and region, in full, and then the calls:
// in a view every one of them with all that a yes decides about.
func (p *page) many(s desk.Sight) {
	calls := s.Request.Calls
	p.counted("activity", card.Counts(calls, card.ByActivity))
	p.counted("account", card.Counts(calls, card.ByAccount))
	p.counted("region", card.Counts(calls, card.ByRegion))
	if !p.inView {
		p.cut = true
		p.lines(dense(calls[:min(len(calls), maxFirst, p.room.calls)], p, s.Request.Again))
		p.markup(fmt.Sprintf("…[+%s]", plural(len(calls)-min(len(calls), maxFirst, p.room.calls), "call", "calls")))
		return
	}
	if len(calls) > p.room.calls {
		p.cut = true
		calls = calls[:p.room.calls]
	}
	p.lines(dense(calls, p, s.Request.Again))
}

// counted are counts by one thing, the most first.
func (p *page) counted(by string, all []card.Count) {
	if len(all) == 0 {
		return
	}
	lines := []string{plural(len(all), by, map[string]string{"activity": "activities", "account": "accounts", "region": "regions"}[by]) + ":"}
	for i, c := range all {
		if i >= p.room.names {
			p.cut = true
			lines = append(lines, fmt.Sprintf("…[+%d]", len(all)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%4d  %s", c.N, p.bounded(exact(c.Of))))
	}
	p.lines(lines)
}

// dense are calls, each on a few lines: what those that follow each other have in common is said once.
func dense(calls []approval.Call, p *page, again *approval.Again) []string {
	var lines []string
	before := ""
	for i, c := range calls {
		common := fmt.Sprintf("%s, version %d; %s", exact(c.Activity), c.Version, effect(c))
		if c.Rule != "" {
			common += "; policy " + rule(c)
		}
		if common != before {
			lines, before = append(lines, p.bounded(common)), common
		}
		says := fmt.Sprintf("%d. %s  %s", i+1, exact(c.Step), strings.Join(slices.Concat(card.Fields(c.Input, card.Places, exact), card.Fields(c.Input, c.Targets, exact)), ", "))
		if again != nil && len(again.Steps) > 0 && slices.Contains(again.Steps, c.Step) {
			says += "  (what it does has changed)"
		}
		lines = append(lines, p.bounded(says))
		for _, line := range changes(c) {
			lines = append(lines, p.bounded("   "+line))
		}
		if !card.Plain(c) {
			for _, line := range parameters(c.Input) {
				lines = append(lines, p.bounded("   "+line))
			}
		}
	}
	return lines
}

// sums are what became of many calls, in numbers, and those that failed.
func (p *page) sums(steps []desk.StepSight) {
	n := map[desk.StepState]int{}
	var bad []desk.StepSight
	for _, s := range steps {
		n[s.State]++
		if s.State == desk.StepFailed || s.State == desk.StepRefused {
			bad = append(bad, s)
		}
	}
	var says []string
	for _, state := range []desk.StepState{desk.StepDone, desk.StepUndone, desk.StepRunning, desk.StepFailed, desk.StepRefused, desk.StepPending} {
		if n[state] > 0 {
			word := string(state)
			if state == desk.StepPending {
				word = "left"
			}
			says = append(says, fmt.Sprintf("%s %d %s", ticks[state], n[state], word))
		}
	}
	p.markup(strings.Join(says, "   ") + fmt.Sprintf("   of %d", len(steps)))
	p.ticked(bad)
}
