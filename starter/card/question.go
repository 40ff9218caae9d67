package card

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Question writes the card of a question: what is asked and why, the form, who may answer and until
// when, and the answer if there is one.
func Question(w io.Writer, st *workflows.Status, q *workflows.QuestionStatus, now time.Time) error {
	p := newPage(w)
	heading := "Question: " + Exact(q.ID)
	if !q.Open() {
		heading = fmt.Sprintf("Question %s: %s", Exact(string(q.Ending.Outcome)), Exact(q.ID))
	}
	p.line(0, p.style(bold, heading))
	p.line(0, "")
	p.said(2, q.Question.Question)
	p.line(0, "")
	p.table(2,
		row{"why", fmt.Sprintf("%s (%s)", Clean(st.Title, maxTitle), Exact(st.Playbook))},
		row{"event", Exact(st.Event.Type)},
		row{"source", Exact(st.Event.Source)},
		row{"subject", optional(st.Event.Subject)},
		row{"time", stamp(st.Event.Time)},
	)
	p.line(0, "")
	p.line(2, "An answer fills this form:")
	p.line(0, "")
	for _, f := range q.Form {
		p.line(4, p.style(bold, Exact(f.Name))+": "+Exact(f.Wants()))
		p.said(6, f.Title)
	}
	p.line(0, "")
	p.table(2,
		row{"groups", exactAll(q.Groups)},
		row{"people", exactAll(q.People)},
		row{"asked", stamp(q.Asked)},
		row{"expires", stamp(q.Expires) + ", " + relative(q.Expires, now) + "; without an answer the run goes on"},
		row{"answer", answerAt(q.Ending)},
		row{"digest", Exact(q.Digest.Short())},
		row{"run", Exact(q.Run)},
	)
	return p.write()
}

// answerAt is lines of a table.
func answerAt(e *approval.Ending) string {
	switch {
	case e == nil:
		return ""
	case e.Answer == nil:
		return clock(e.At) + "  none: " + Clean(e.Reason, maxTitle)
	}
	lines := append([]string{clock(e.At) + "  by " + Exact(e.Answer.Person)}, Values(e.Answer)...)
	return strings.Join(lines, "\n")
}

// Values are the lines of what an answer says.
func Values(a *approval.Answer) []string {
	raw, err := json.Marshal(a.Values)
	if err != nil {
		return said(err.Error(), valueIndent)
	}
	return Parameters(raw)
}

// question tells a question in the story of its run.
func (p *page) question(q *workflows.QuestionStatus) {
	p.line(2, Exact(q.ID))
	p.said(4, q.Question.Question)
	rows := []row{
		{"asked", stamp(q.Asked) + ", of " + exactAll(q.Groups)},
		{"answer", answerAt(q.Ending)},
		{"digest", Exact(q.Digest.Short())},
	}
	if q.Open() {
		rows[1] = row{"expires", stamp(q.Expires)}
	}
	p.table(4, append(rows, refusals(q.Refused)...)...)
}

// refusals are signals that did not count.
func refusals(all []string) []row {
	var rows []row
	for i, refused := range all {
		name := ""
		if i == 0 {
			name = "refused"
		}
		rows = append(rows, row{name, saidIn(4, exactly(refused, maxRefused))})
	}
	return rows
}

// question tells what changed at a question.
func (p *Progress) question(q *workflows.QuestionStatus, t *telling) {
	name := Exact(q.ID)
	seen := p.asked[q.ID]
	if seen == nil {
		seen = &asked{}
		p.asked[q.ID] = seen
		t.tell(&q.Asked, name, yellow, "asks "+exactAll(q.Groups)+" until "+clock(q.Expires), "")
	}
	for ; seen.refused < len(q.Refused); seen.refused++ {
		t.tell(nil, name, red, "an answer by signal does not count", exactly(q.Refused[seen.refused], maxRefused))
	}
	if q.Ending == nil || seen.decided {
		return
	}
	seen.decided = true
	if q.Ending.Answer == nil {
		t.tell(&q.Ending.At, name, yellow, Exact(string(q.Ending.Outcome)), q.Ending.Reason)
		return
	}
	t.tell(&q.Ending.At, name, green, "answered by "+Exact(q.Ending.Answer.Person), "")
}
