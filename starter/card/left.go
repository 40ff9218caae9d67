package card

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// undone tells what a run that ended badly has put back, and what it could not.
func (p *page) undone(st *workflows.Status) {
	if len(st.Undone) == 0 {
		return
	}
	p.section("Put back")
	if st.UndoneUnlisted > 0 {
		p.linef(2, "%s before these", plural(st.UndoneUnlisted, "call", "calls"))
	}
	width := 0
	for _, u := range st.Undone {
		width = min(max(width, columns(Exact(u.Step))), maxColumn)
	}
	for _, u := range st.Undone {
		m := marks[u.Status]
		p.linef(2, "%s %s  %s  %s  by %s", p.style(m.style, m.mark), pad(Exact(string(u.Status)), 7), pad(Exact(u.Step), width), began(u.Started, st.Started), Exact(u.Activity))
		lead := "error  "
		for _, row := range said(u.Error, 13+len(lead)) {
			p.line(13, p.style(red, lead+row))
			lead = pad("", len(lead))
		}
	}
}

// left tells what a run that ended badly has done and nothing has put back.
func (p *page) left(st *workflows.Status) {
	if len(st.Left) == 0 {
		return
	}
	p.section("Left done")
	for _, a := range st.Left {
		p.linef(2, "%s  %s  %s", Exact(a.Step), began(&a.At, st.Started), Exact(a.Activity))
		p.table(4,
			row{"targets", saidIn(4, strings.Join(acted(a), "\n"))},
			row{"undo", p.undoOf(a)},
		)
	}
	if st.LeftUnlisted > 0 {
		p.linef(2, "…[+%d]", st.LeftUnlisted)
	}
}

func (p *page) undoOf(a *workflows.Act) string {
	by := p.style(red, "nothing takes it back")
	if a.Undo != "" {
		by = "by " + Exact(a.Undo)
	}
	by += leftUntil(a)
	if a.Unsure {
		by += "\nit was cut off: look whether it was done"
	}
	return by
}

// acted are the targets of an act.
func acted(a *workflows.Act) []string {
	raw, err := json.Marshal(a.Targets)
	if err != nil {
		return nil
	}
	return Fields(raw, slices.Sorted(maps.Keys(a.Targets)), Exact)
}

// maxLeftLines bounds what is told of it while a run is watched. The story has all.
const maxLeftLines = 5

// undone tells the calls that have ended since the status before.
func (p *Progress) undone(st *workflows.Status, t *telling) {
	for ; p.back < st.UndoneUnlisted; p.back++ { // done, and off the list before anybody saw them
	}
	for p.back < st.UndoneUnlisted+len(st.Undone) {
		u := st.Undone[p.back-st.UndoneUnlisted]
		switch u.Status {
		case playbook.StatusDone:
			t.tell(u.Ended, Exact(u.Step), green, "put back by "+Exact(u.Activity), "")
		case playbook.StatusSkipped:
			t.tell(u.Ended, Exact(u.Step), yellow, "not put back at once", u.Error)
		case playbook.StatusFailed:
			t.tell(u.Ended, Exact(u.Step), red, "not put back by "+Exact(u.Activity), u.Error)
		default:
			return
		}
		p.back++
	}
}

// left tells the end of a run what it leaves done.
func (t *telling) left(st *workflows.Status) {
	for _, a := range st.Left[:min(len(st.Left), maxLeftLines)] {
		text := "left done: " + Exact(a.Activity)
		if a.Unsure {
			text = "may be done: " + Exact(a.Activity)
		}
		t.tell(nil, Exact(a.Step), yellow, text, "")
	}
	if more := len(st.Left) + st.LeftUnlisted - maxLeftLines; more > 0 {
		t.tell(nil, "run", yellow, fmt.Sprintf("and %d more left done", more), "")
	}
}

// began is the time of day, with the day when that is not the day on which the run started.
func began(at *time.Time, start time.Time) string {
	switch {
	case at == nil:
		return ""
	case at.UTC().Format(time.DateOnly) != start.UTC().Format(time.DateOnly):
		return at.UTC().Format("2006-01-02 15:04:05")
	default:
		return clock(*at)
	}
}
