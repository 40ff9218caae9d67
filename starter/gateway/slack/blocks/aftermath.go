package blocks

import (
	"fmt"
	"strings"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// ticks stand before the steps, so that the eye finds the one that matters.
var ticks = map[desk.StepState]string{
	desk.StepPending: "·", desk.StepRunning: "▸", desk.StepDone: "✓", desk.StepFailed: "✗", desk.StepRefused: "✗", desk.StepUndone: "↶",
}

// aftermath says what came of a decision: the steps, how the run ended, and what is put back by itself.
func (p *page) aftermath(s desk.Sight) {
	if s.Request != nil && s.Decision != nil && s.Decision.Outcome == approval.Approved {
		p.steps(s)
	}
	if s.Known && s.State.Over() {
		p.over(s)
	}
	p.expiring(s)
}

func (p *page) steps(s desk.Sight) {
	if s.Request.Many() {
		p.sums(s.Steps)
		return
	}
	p.ticked(s.Steps)
}

func (p *page) ticked(steps []desk.StepSight) {
	var out strings.Builder
	for i, step := range steps {
		line := tick(step)
		if i >= p.room.rows*2 || length(out.String()) > maxList {
			out.WriteString(fmt.Sprintf("…[+%s]", plural(len(steps)-i, "step", "steps")))
			break
		}
		out.WriteString(line + "\n")
	}
	if out.Len() > 0 {
		p.markup(strings.TrimSuffix(out.String(), "\n"))
	}
}

// tick is a step and what became of it.
func tick(step desk.StepSight) string {
	mark := ticks[step.State]
	if mark == "" {
		mark = "?"
	}
	says := fmt.Sprintf("%s  %s  %s", mark, codeOf(name(step.Step, maxName)), escapes.Replace(name(string(step.State), 40)))
	if step.Error != "" {
		says += ": " + codeOf(name(first(step.Error), 200))
	}
	return says
}

// over says how the run ended.
func (p *page) over(s desk.Sight) {
	switch s.State {
	case workflows.Done:
		p.markup("*Run done*")
		if s.Outcome != "" {
			p.saidShort(s.Outcome)
		}
	case workflows.Failed:
		p.markup("*Run failed*")
		if s.Error != "" {
			p.saidShort(s.Error)
		}
	default:
		p.markup("*Run* " + codeOf(name(string(s.State), maxName)))
	}
}

// expiring says what is put back by itself, and when.
func (p *page) expiring(s desk.Sight) {
	for i, e := range s.Expiring {
		if i >= p.room.rows {
			p.aside(fmt.Sprintf("…[+%d]", len(s.Expiring)-i))
			return
		}
		p.markup(p.until(e))
	}
}

func (p *page) until(e desk.ExpirySight) string {
	step := codeOf(name(e.Step, maxName))
	if e.KeptBy != "" {
		return step + " is *kept* by " + p.person(e.KeptBy)
	}
	return step + " is put back by itself at " + stamp(e.At) + " unless somebody keeps it"
}
