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
	for line := range strings.SplitSeq(prose(a.Question), "\n") {
		p.line(2, line)
	}
	p.line(0, "")
	p.table(2,
		row{"why", fmt.Sprintf("%s (%s)", Clean(st.Title, maxTitle), Exact(st.Playbook))},
		row{"event", Exact(st.Event.Type)},
		row{"source", Exact(st.Event.Source)},
		row{"subject", optional(st.Event.Subject)},
		row{"time", stamp(st.Event.Time)},
	)
	p.line(0, "")
	p.calls(a.Calls)
	p.table(2,
		row{"quorum", quorum(a)},
		row{"groups", exactAll(a.Groups)},
		row{"people", exactAll(a.People)},
		row{"asked", stamp(a.Asked)},
		row{"expires", stamp(a.Expires) + ", " + expires(a, now)},
		row{"votes", votes(a)},
		row{"decision", decisionAt(a)},
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

func (p *page) calls(calls []approval.Call) {
	switch len(calls) {
	case 0:
		p.line(2, "A yes makes no call by itself; it decides how the playbook goes on.")
		p.line(0, "")
		return
	case 1:
		p.line(2, "A yes makes this call:")
	default:
		p.linef(2, "A yes makes these %d calls, in this order:", len(calls))
	}
	p.line(0, "")
	for i, c := range calls {
		number := fmt.Sprintf("%d. ", i+1)
		p.line(2, number+p.style(bold, Exact(c.Step)+": "+Clean(c.Title, whole)))
		indent := 2 + len(number)
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

// effect says what a call does to the world and how to take it back.
func (p *page) effect(c approval.Call) string {
	switch playbook.Effect(c.Effect) {
	case playbook.EffectRead:
		return "read: changes nothing"
	case playbook.EffectChange:
		if c.Undo == "" {
			return p.style(red, "change: nothing undoes it")
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

func votes(a *workflows.ApprovalStatus) string {
	if len(a.Votes) == 0 {
		return "none yet"
	}
	lines := make([]string, len(a.Votes))
	for i, v := range a.Votes {
		lines[i] = vote(v)
	}
	return strings.Join(lines, "\n")
}

func vote(v approval.Vote) string {
	line := fmt.Sprintf("%s  %s  %s", clock(v.At), pad(Exact(string(v.Verdict)), len(approval.Approve)), Exact(v.Person))
	if v.Reason != "" {
		line += ": " + Clean(v.Reason, approval.MaxReason)
	}
	return line
}

func decisionAt(a *workflows.ApprovalStatus) string {
	if a.Open() {
		return ""
	}
	return clock(a.Decision.At) + "  " + Decision(a.Decision)
}

// Decision says in one line how a request ended, who decided and why.
func Decision(d *approval.Decision) string {
	line := Exact(string(d.Outcome))
	if len(d.By) > 0 {
		line += " by " + exactAll(d.By)
	}
	if d.Reason != "" {
		line += ": " + Clean(d.Reason, approval.MaxReason)
	}
	return line
}

// optional is Exact, but for a field that may be empty.
func optional(s string) string {
	if s == "" {
		return ""
	}
	return Exact(s)
}
