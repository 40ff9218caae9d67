package card

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// Request writes the card of an approval: what is asked and why, every call that a yes leads to
// with all of its parameters, who may answer and until when, and the votes so far.
//
// Parameters and names are never cut. Where one holds something that does not print it stands in
// quotes with escapes, so that what was read is what will run.
func Request(w io.Writer, st *workflows.Status, a *workflows.ApprovalStatus, now time.Time) error {
	p := newPage(w)
	p.line(0, p.style(bold, heading(a)))
	p.line(0, "")
	p.said(2, a.Question)
	p.line(0, "")
	p.table(2,
		row{"why", fmt.Sprintf("%s (%s)", Clean(st.Title, maxTitle), Exact(st.Playbook))},
		row{"event", Exact(st.Event.Type)},
		row{"source", Exact(st.Event.Source)},
		row{"subject", optional(st.Event.Subject)},
		row{"time", stamp(st.Event.Time)},
	)
	p.line(0, "")
	p.calls(a)
	p.table(2,
		row{"quorum", quorum(a)},
		row{"groups", exactAll(a.Groups)},
		row{"people", exactAll(a.People)},
		row{"asked", stamp(a.Asked)},
		row{"expires", stamp(a.Expires) + ", " + expires(a, now)},
		row{"votes", votes(a, 2)},
		row{"decision", decisionAt(a, 2)},
		row{"digest", Exact(a.Digest.Short())},
		row{"run", Exact(a.Run)},
	)
	return p.write()
}

func heading(a *workflows.ApprovalStatus) string {
	if a.Open() {
		return "Approval needed: " + Exact(a.ID)
	}
	return fmt.Sprintf("Approval %s: %s", Exact(a.ID), Exact(string(a.Decision.Outcome)))
}

func (p *page) calls(a *workflows.ApprovalStatus) {
	p.line(2, leadsTo(a))
	p.line(0, "")
	for i, c := range a.Calls {
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
			row{"where", where(c)},
			row{"targets", targets(c)},
			row{"with", strings.Join(Parameters(c.Input), "\n")},
		)
		p.line(0, "")
	}
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

// places are the input fields that say where a call acts, whatever it acts on.
var places = []string{"account", "region"}

func where(c approval.Call) string { return strings.Join(named(c.Input, places), ", ") }

func targets(c approval.Call) string { return strings.Join(named(c.Input, c.Targets), "\n") }

// named returns the given fields of an input that are there.
func named(input json.RawMessage, names []string) []string {
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
		value := Exact(string(raw))
		var s string
		if json.Unmarshal(raw, &s) == nil {
			value = Exact(s)
		}
		found = append(found, Exact(name)+" "+value)
	}
	return found
}

func quorum(a *workflows.ApprovalStatus) string {
	people := plural(len(a.People), "person", "people")
	return fmt.Sprintf("%d of %s must approve; one no rejects", a.Quorum, people)
}

func expires(a *workflows.ApprovalStatus, now time.Time) string {
	at := relative(a.Expires, now)
	switch {
	case !a.Open():
		return at
	case now.Before(a.Expires):
		return at + "; without a decision the answer is no"
	default:
		return at + "; nobody decided, so the answer is no"
	}
}

// votes are the lines of a table at an indent.
func votes(a *workflows.ApprovalStatus, indent int) string {
	switch {
	case len(a.Votes) > 0:
	case a.Open():
		return "none yet"
	default:
		return "none"
	}
	var lines []string
	for _, v := range a.Votes {
		lines = append(lines, fmt.Sprintf("%s  %s  %s", clock(v.At), pad(Exact(string(v.Verdict)), len(approval.Approve)), Exact(v.Person)))
		lines = append(lines, said(v.Reason, indent+valueIndent)...)
	}
	return strings.Join(lines, "\n")
}

// decisionAt is lines of a table at an indent.
func decisionAt(a *workflows.ApprovalStatus, indent int) string {
	if a.Open() {
		return ""
	}
	lines := []string{clock(a.Decision.At) + "  " + decided(a.Decision)}
	lines = append(lines, said(because(a.Decision), indent+valueIndent)...)
	return strings.Join(lines, "\n")
}

// Decision says in one line how a request ended, who decided and why.
func Decision(d *approval.Decision) string {
	line := decided(d)
	if reason := because(d); reason != "" {
		line += ": " + Clean(reason, maxTitle)
	}
	return line
}

func decided(d *approval.Decision) string {
	line := Exact(string(d.Outcome))
	if len(d.By) > 0 {
		line += " by " + exactAll(d.By)
	}
	return line
}

// because is the reason of a decision. One that only repeats who decided is left out: it would
// name a person inside of prose, where names are not shown exactly.
func because(d *approval.Decision) string {
	if d.Reason == fmt.Sprintf("%s by %s", d.Outcome, strings.Join(d.By, ", ")) {
		return ""
	}
	return d.Reason
}

// optional is Exact, but for a field that may be empty.
func optional(s string) string {
	if s == "" {
		return ""
	}
	return Exact(s)
}
