package blocks

import (
	"fmt"
	"strings"

	"github.com/countersign/countersign/activities/ledger"
)

// maxReport is how many lines of a report a message has.
const maxReport = 30

// Report is what an audit came to. Its lines are somebody else's words, names of resources among them:
// they stand as they are, in one width, where Slack reads no marks.
func Report(b ledger.ReportBody, c Context) Message {
	p := &page{Context: c, room: short}
	p.header(b.Title)
	if unknown := b.Counts["errors"] + b.Counts["missing"]; unknown > 0 {
		p.markup(fmt.Sprintf("*%d could not be looked at.* That is no pass.", unknown))
	}
	var numbers []string
	for _, n := range []string{"new", "resolved", "open", "waived"} {
		numbers = append(numbers, fmt.Sprintf("%d %s", b.Counts[n], n))
	}
	p.markup(strings.Join(numbers, ", ") + fmt.Sprintf(", in %s", plural(b.Counts["accounts"], "account", "accounts")))
	if len(c.People)+len(c.Groups) > 0 && b.Counts["new"]+b.Counts["errors"]+b.Counts["missing"] > 0 {
		p.markup(strings.TrimSpace(p.people(c.People) + " " + p.groups(c.Groups)))
	}
	lines := make([]string, 0, len(b.Lines))
	for _, line := range cutLines(b.Lines, maxReport) {
		lines = append(lines, cut(untagged(first(line)), 200))
	}
	if len(lines) > 0 {
		p.lines(lines)
	}
	p.aside("All of it: " + codeOf("starter audit report "+shell(b.Audit)))
	return p.message(Escape(cut(b.Title, maxName) + fmt.Sprintf(": %d new, %d resolved, %d could not be looked at", b.Counts["new"], b.Counts["resolved"], b.Counts["errors"]+b.Counts["missing"])))
}
