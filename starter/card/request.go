package card

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
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
	p.again(a)
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
		row{"policy", policyAsks(a)},
		row{"people", exactAll(a.People)},
		row{"escalates", escalation(a)},
		row{"edited", edits(a)},
		row{"asked", stamp(a.Asked)},
		row{"expires", stamp(a.Expires) + ", " + expires(a, now)},
		row{"votes", votes(a, 2)},
		row{"decision", decisionAt(a, 2)},
		row{"became", became(st, a)},
		row{"digest", Exact(a.Digest.Short())},
		row{"run", Exact(a.Run)},
	)
	return p.write()
}

func heading(a *workflows.ApprovalStatus) string {
	switch {
	case a.Open() && a.Again != nil:
		return "Approval needed again: " + Exact(a.ID)
	case a.Open():
		return "Approval needed: " + Exact(a.ID)
	}
	return fmt.Sprintf("Approval %s: %s", Exact(a.ID), Exact(string(a.Decision.Outcome)))
}

func quorum(a *workflows.ApprovalStatus) string {
	if len(a.Policies) > 0 { // not all people count for each need
		return fmt.Sprintf("%s of the groups must approve; one no rejects", plural(a.Quorum, "person", "people"))
	}
	people := plural(len(a.People), "person", "people")
	return fmt.Sprintf("%d of %s must approve; one no rejects", a.Quorum, people)
}

// policyAsks says who must approve beside those whom the playbook asks.
func policyAsks(a *workflows.ApprovalStatus) string {
	var lines []string
	for _, need := range a.Policies {
		line := fmt.Sprintf("%d of %s must approve, too", need.Quorum, exactAll(need.Groups))
		if len(need.Surfaces) > 0 {
			line += ", on " + exactAll(need.Surfaces) + " alone"
		}
		lines = append(lines, line+"; one person can count for both")
	}
	return strings.Join(lines, "\n")
}

func escalation(a *workflows.ApprovalStatus) string {
	switch e := a.Escalate; {
	case e == nil:
		return ""
	case a.Escalated != nil:
		return exactAll(e.Groups) + " are asked as well since " + stamp(*a.Escalated)
	default:
		return exactAll(e.Groups) + " are asked as well from " + stamp(e.At) + " on"
	}
}

// edits are what people have changed in the calls. Whoever did has no vote on them.
func edits(a *workflows.ApprovalStatus) string {
	var lines []string
	for _, e := range a.Edits {
		lines = append(lines, fmt.Sprintf("%s  %s changed %s: %s is now %s", clock(e.At), Exact(e.By), Exact(e.Step), Exact(e.Before.Short()), Exact(e.After.Short())))
	}
	return strings.Join(lines, "\n")
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
		lines = append(lines, fmt.Sprintf("%s  %s  %s", clock(v.At), pad(Exact(string(v.Verdict)), len(approval.Approve)), voter(v)))
		lines = append(lines, said(v.Reason, indent+valueIndent)...)
	}
	return strings.Join(lines, "\n")
}

// voter is who voted, and how else than in the own right and with the others.
func voter(v approval.Vote) string {
	who := Exact(v.Person)
	if v.For != "" {
		who += " for " + Exact(v.For)
	}
	if v.BreakGlass {
		who += ", alone: breaks the glass"
	}
	return who
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
	if d.BreakGlass {
		line += ", who broke the glass: a review is open"
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
