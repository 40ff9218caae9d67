package blocks

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
)

// HomeData is what one person's home tab shows.
type HomeData struct {
	Person string
	// Mine wait for the person's vote or answer.
	Mine []desk.Sight
	// Asks are what runs ask that the person started.
	Asks []desk.Sight
	// Today are the runs of today, and Failed those that failed lately.
	Today, Failed []RunLine
}

// RunLine is one run in a list.
type RunLine struct {
	Run, Playbook, Title string
	State                workflows.State
	Outcome              string // or why it failed
	Started              time.Time
}

// Home is the home tab of a person.
func Home(d HomeData, c Context) slack.HomeTabViewRequest {
	p := &page{Context: c, room: short}
	p.halted()
	p.part("Waiting for you", "Requests and questions that you can decide or answer would be here. Nothing waits for you.", len(d.Mine), func() { p.fold(d.Mine) })
	p.part("What you asked", "What runs that you started ask of others would be here.", len(d.Asks), func() { p.fold(d.Asks) })
	p.part("What ran today", "Runs that started today would be here.", len(d.Today), func() { p.runs(d.Today) })
	p.part("What failed", "Runs that failed lately would be here. None did.", len(d.Failed), func() { p.runs(d.Failed) })
	return slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: blocksOf(p.blocks)}
}

func (p *page) part(name, empty string, n int, write func()) {
	p.header(name)
	if n == 0 {
		p.aside(empty)
		return
	}
	write()
}

// runs lists runs, in as many sections as they need.
func (p *page) runs(all []RunLine) {
	var out strings.Builder
	for i, r := range all {
		if i == maxFolded {
			fmt.Fprintf(&out, "and %d more; `starter runs` lists all\n", len(all)-i)
			break
		}
		line := p.run(r) + "\n"
		if length(out.String())+length(line) > maxPiece {
			p.markup(strings.TrimSuffix(out.String(), "\n"))
			out.Reset()
		}
		out.WriteString(line)
	}
	if out.Len() > 0 {
		p.markup(strings.TrimSuffix(out.String(), "\n"))
	}
}

// run is a run in one line.
func (p *page) run(r RunLine) string {
	says := fmt.Sprintf("%s  %s  %s", stamp(r.Started), codeOf(name(string(r.State), 40)), codeOf(name(r.Run, maxName)))
	if r.Title != "" {
		says += "  " + codeOf(name(r.Title, maxName))
	}
	if r.Outcome != "" {
		says += ": " + codeOf(name(first(r.Outcome), maxName))
	}
	return says
}
