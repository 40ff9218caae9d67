package blocks

import (
	"fmt"

	"github.com/countersign/countersign/starter/gateway/desk"
)

// question writes what is asked, the form, who may answer and until when.
func (p *page) question(s desk.Sight) {
	q := s.Question
	p.said(q.Question)
	p.why(s)
	if s.Ending == nil {
		p.markup("An answer fills this form:")
		var lines []string
		for i, f := range q.Form {
			if i >= p.room.rows {
				lines = append(lines, fmt.Sprintf("…[+%s]", plural(len(q.Form)-i, "field", "fields")))
				break
			}
			line := exact(f.Name) + ": " + exact(f.Wants())
			if title := first(f.Title); title != "" {
				line += "  (" + title + ")"
			}
			lines = append(lines, cut(line, 300))
		}
		p.lines(lines)
	}
	p.rows(
		row{"groups", p.groups(q.Groups)},
		row{"asked", stamp(q.Asked)},
		row{"expires", expires(q.Expires, s.Open(), p.Now, "without an answer the run goes on")},
	)
}

// values are the lines of an answer.
func (p *page) values(lines []string) {
	lines = harmlessly(cutLines(lines, min(p.room.lines, 20)))
	for i, line := range lines {
		lines[i] = cut(line, min(p.room.name, 300))
	}
	p.lines(lines)
}
