package card

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// Story writes all that a run tells of itself: what it answers, each step and what became of it,
// who was asked and who said what, and how it ended.
func Story(w io.Writer, st *workflows.Status) error {
	p := newPage(w)
	p.line(0, p.style(bold, Clean(st.Title, maxTitle)))
	p.line(0, Exact(st.Run))
	p.line(0, "")
	p.table(2,
		row{"state", p.state(st.State)},
		row{"outcome", saidIn(2, st.Outcome)},
		row{"error", saidIn(2, st.Error)},
		row{"started", stamp(st.Started)},
		row{"ended", ended(st)},
		row{"event", Exact(st.Event.Type) + "  " + Exact(st.Event.ID)},
		row{"source", Exact(st.Event.Source)},
		row{"subject", optional(st.Event.Subject)},
		row{"time", stamp(st.Event.Time)},
		row{"repeats", repeats(st.Repeats)},
		row{"playbook", Exact(st.Playbook)},
		row{"called by", optional(st.Parent)},
		row{"labels", labels(st.Labels)},
		row{"plan", Exact(st.Plan.Short())},
	)
	if len(st.Inputs) > 0 {
		p.section("Inputs")
		for _, line := range inputs(st.Inputs) {
			p.line(2, line)
		}
	}
	p.section("Steps")
	p.steps(st)
	if len(st.Approvals) > 0 {
		p.section("Approvals")
	}
	for i, a := range st.Approvals {
		if i > 0 {
			p.line(0, "")
		}
		p.approval(a)
	}
	if len(st.Questions) > 0 {
		p.section("Questions")
	}
	for i, q := range st.Questions {
		if i > 0 {
			p.line(0, "")
		}
		p.question(q)
	}
	p.expiring(st)
	p.undone(st)
	p.left(st)
	return p.write()
}

func (p *page) section(name string) {
	p.line(0, "")
	p.line(0, p.style(bold, name))
}

func (p *page) state(s workflows.State) string {
	switch s {
	case workflows.Done:
		return p.style(green, "done")
	case workflows.Failed, workflows.Cancelled:
		return p.style(red, string(s))
	case workflows.Waiting:
		return p.style(yellow, "waiting") + " for people"
	default:
		return Exact(string(s))
	}
}

func ended(st *workflows.Status) string {
	if st.Ended == nil {
		return ""
	}
	return stamp(*st.Ended) + ", after " + span(st.Ended.Sub(st.Started))
}

func repeats(n int) string {
	if n == 0 {
		return ""
	}
	return plural(n, "further event", "further events") + " joined this run"
}

func labels(all map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, Exact(name)+"="+Exact(all[name]))
	}
	return strings.Join(out, ", ")
}

func inputs(all map[string]json.RawMessage) []string {
	raw, err := json.Marshal(all)
	if err != nil {
		return said(err.Error(), 2)
	}
	return Parameters(raw)
}

// marks stand before the steps, so that the eye finds the one that matters.
var marks = map[playbook.Status]struct{ mark, style string }{
	playbook.StatusPending: {"·", ""},
	playbook.StatusRunning: {"▸", yellow},
	playbook.StatusWaiting: {"?", yellow},
	playbook.StatusDone:    {"✓", green},
	playbook.StatusSkipped: {"-", ""},
	playbook.StatusFailed:  {"✗", red},
}

func (p *page) steps(st *workflows.Status) {
	width := 0
	for _, s := range st.Steps {
		width = max(width, 2*s.Depth+utf8.RuneCountInString(Exact(s.ID)))
	}
	width = min(width, maxColumn)
	for _, s := range st.Steps {
		m := marks[s.Status]
		name := pad(strings.Repeat("  ", s.Depth)+Exact(s.ID), width)
		line := fmt.Sprintf("%s %s  %s  %s  %s  %s",
			p.style(m.style, pad(m.mark, 1)), pad(Exact(string(s.Status)), 7), name,
			pad(began(s.Started, st.Started), len("15:04:05")), pad(took(s), 6), what(s))
		p.line(2, line)
		below := 13 + 2*s.Depth // under the step's name
		p.said(below, s.Title)
		if s.Attempts > 1 {
			p.line(below, fmt.Sprintf("attempt %d", s.Attempts))
		}
		if s.Run != "" {
			p.line(below, "run    "+Exact(s.Run))
		}
		if s.ByHand != "" {
			p.line(below, "by hand, by "+Exact(s.ByHand))
		}
		if s.Waits != nil {
			p.linef(below, "waits for %s until %s", Exact(s.Waits.Event), stamp(s.Waits.Until))
		}
		for _, line := range loop(s) {
			p.line(below, line)
		}
		lead := "error  "
		for _, row := range said(s.Error, below+len(lead)) {
			p.line(below, p.style(red, lead+row))
			lead = pad("", len(lead))
		}
		for _, line := range outputs(s.Output) {
			p.line(below, line)
		}
	}
}

func took(s *workflows.StepStatus) string {
	if s.Started == nil || s.Ended == nil {
		return ""
	}
	return span(s.Ended.Sub(*s.Started))
}

// what a step does. Its title tells it better, but may quote the event.
func what(s *workflows.StepStatus) string {
	if s.Activity != "" {
		return Exact(s.Activity)
	}
	if s.Calls != "" {
		return Exact(s.Verb) + " " + Exact(s.Calls)
	}
	return Exact(s.Verb)
}

// outputs are the first few fields of what an activity returned, each on a line. The rest is
// counted; the JSON form of the story has it.
func outputs(raw json.RawMessage) []string {
	const most, width = 6, 60
	v, err := digest.Decode(raw)
	fields, ok := v.(map[string]any)
	if err != nil || !ok {
		return nil
	}
	names := slices.Sorted(maps.Keys(fields))
	lines := []string{}
	for _, name := range names[:min(len(names), most)] {
		lines = append(lines, Clean(name, 40)+": "+Clean(summary(fields[name]), width))
	}
	if left := len(names) - most; left > 0 {
		lines = append(lines, fmt.Sprintf("…[+%d fields]", left))
	}
	return lines
}

func summary(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return plural(len(v), "field", "fields")
	case []any:
		return plural(len(v), "item", "items")
	case string:
		return Exact(v)
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}

// maxRefused bounds a signal that did not count, in runes: anybody may send one.
const maxRefused = 500

func (p *page) approval(a *workflows.ApprovalStatus) {
	p.line(2, Exact(a.ID))
	p.said(4, a.Question)
	rows := []row{
		{"asked", stamp(a.Asked) + ", of " + exactAll(a.Groups)},
		{"covers", covers(a)},
		{"policy", policyAsks(a)},
		{"escalates", escalation(a)},
		{"edited", edits(a)},
		{"votes", votes(a, 4)},
		{"decision", decisionAt(a, 4)},
		{"digest", Exact(a.Digest.Short())},
	}
	if a.Open() {
		rows = slices.Insert(rows, len(rows)-2, row{"expires", stamp(a.Expires)})
	}
	p.table(4, append(rows, refusals(a.Refused)...)...)
}

func covers(a *workflows.ApprovalStatus) string {
	if Many(a.Calls) {
		var says []string
		for _, c := range Counts(a.Calls, ByActivity) {
			says = append(says, fmt.Sprintf("%d of %s", c.N, Exact(c.Of)))
		}
		return plural(len(a.Calls), "call", "calls") + ": " + strings.Join(says, ", ")
	}
	names := make([]string, len(a.Calls))
	for i, c := range a.Calls {
		names[i] = Exact(c.Step)
	}
	return strings.Join(names, ", ")
}
