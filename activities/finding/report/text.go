package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/clean"
)

const (
	inText  = 10   // lines of a list that stand in the text
	maxSaid = 2000 // runes of one line
)

// text says all of a report, the gravest first.
func (r Report) text() string {
	var out strings.Builder
	// What a database has as the name of a playbook or an audit is a claim like any other text in it.
	say := func(format string, args ...any) {
		out.WriteString(clean.Line(fmt.Sprintf(format, args...), maxSaid) + "\n")
	}
	for _, line := range r.Head() {
		say("%s", line)
	}
	lists := []struct {
		title string
		lines []Line
		all   int
	}{
		{"COULD NOT BE LOOKED AT, which is no pass", r.Errors, r.Counts.Errors},
		{"New", r.New, r.Counts.New},
		{"Still open", r.Open, r.Counts.Open},
		{"Failed before and not seen again", r.Unseen, r.Counts.Unseen},
		{"Resolved", r.Resolved, r.Counts.Resolved},
		{"Waived", r.Waived, r.Counts.Waived},
		{"Waivers that end within 14 days", r.Expiring, len(r.Expiring)},
		{"Waivers that have expired and do not count", r.Expired, len(r.Expired)},
	}
	for _, l := range lists {
		if l.all == 0 {
			continue
		}
		say("")
		say("%s (%d)", l.title, l.all)
		for _, line := range l.lines[:min(len(l.lines), inText)] {
			say("  %s", line)
		}
		if more := l.all - min(len(l.lines), inText); more > 0 {
			say("  and %d more", more)
		}
	}
	if len(r.Worst) > 0 {
		say("")
		say("Worst controls")
		for _, w := range r.Worst[:min(len(r.Worst), inText)] {
			say("  %s", w)
		}
	}
	return strings.TrimRight(out.String(), "\n")
}

// Head is what the report says in a few lines.
func (r Report) Head() []string {
	n := r.Counts
	lines := []string{fmt.Sprintf("%s: %s, %s, %d passed, in %s", r.Playbook, count(n.Failed, "result fails", "results fail"),
		count(n.Errors, "could not be looked at", "could not be looked at"), n.Passed, count(r.Accounts, "account", "accounts"))}
	if r.Before == "" {
		lines = append(lines, "There is no audit before to compare with: all that fails counts as new.")
	} else {
		lines = append(lines, "Compared with "+r.Before+":")
	}
	lines = append(lines, fmt.Sprintf("%d new, %d resolved, %d still open, %d waived, %d not seen again", n.New, n.Resolved, n.Open, n.Waived, n.Unseen))
	if n.New+n.Open > 0 {
		lines = append(lines, fmt.Sprintf("By severity, without what is waived: %d critical, %d high, %d medium, %d low", n.Critical, n.High, n.Medium, n.Low))
	}
	if n.Unreached > 0 {
		lines = append(lines, fmt.Sprintf("NOTHING COULD BE LOOKED AT in %s: %s", count(n.Unreached, "account", "accounts"), some(r.Unreached, n.Unreached)))
	}
	if n.Missing > 0 {
		var names []string
		for _, t := range r.Missing {
			names = append(names, strings.TrimSpace(t.Account+" "+t.Region))
		}
		lines = append(lines, fmt.Sprintf("NOT LOOKED AT, though asked for: %s", some(names, n.Missing)))
	}
	return lines
}

// Brief are the lines for a chat: the head, what is new, what ends soon, the worst.
func (r Report) Brief() []string {
	lines := r.Head()
	for _, w := range r.Worst[:min(len(r.Worst), 5)] {
		lines = append(lines, w.String())
	}
	for _, l := range r.New[:min(len(r.New), 5)] {
		lines = append(lines, "New: "+l.String())
	}
	for _, l := range r.Expiring[:min(len(r.Expiring), 3)] {
		lines = append(lines, "Ends soon: "+l.String())
	}
	if len(r.Expired) > 0 {
		lines = append(lines, count(len(r.Expired), "waiver has", "waivers have")+" expired and does not count")
	}
	return lines
}

// String is a line of text.
func (l Line) String() string {
	says := strings.Join(strings.Fields(l.Control+" "+l.Severity+" "+l.Account+" "+l.Region), " ") + " " + l.Resource
	if l.Until != "" {
		says += ", until " + l.Until + " by " + l.By + ": " + l.Reason
	}
	if l.Why != "" {
		says += ": " + l.Why
	}
	return says
}

// String is a line of text.
func (w Worst) String() string {
	says := fmt.Sprintf("%s %s: %s in %s", w.Control, w.Severity, count(w.Failed, "fails", "fail"), count(w.Accounts, "account", "accounts"))
	if w.Errors > 0 {
		says += fmt.Sprintf(", %d could not be looked at", w.Errors)
	}
	if w.Title != w.Control {
		says += ": " + w.Title
	}
	if w.Playbook != "" {
		says += " (mended by " + w.Playbook + ")"
	}
	return says
}

func some(names []string, all int) string {
	shown := names[:min(len(names), inText)]
	says := strings.Join(shown, ", ")
	if more := all - len(shown); more > 0 {
		says += fmt.Sprintf(" and %d more", more)
	}
	return says
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// day is a date for people.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
