package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// mermaid draws a playbook as a flowchart: https://mermaid.js.org/syntax/flowchart.html
//
// Names of nodes are ours, n1 and so on; what a playbook says stands in labels only, escaped. A step
// whose verb has no picture of its own is a box with arrows into each of its blocks.
type mermaid struct {
	out    strings.Builder
	nodes  int
	status *workflows.Status // of a run that colours the steps; nil: effects do
}

// exit is a way out of what is drawn, to be joined to what comes next.
type exit struct{ node, label string }

// The classes of steps: by effect, and by what became of them in a run.
var (
	effectColours = [][2]string{
		{"read", "fill:#e8f0fe,stroke:#4a72b8,color:#111"},
		{"change", "fill:#fff3d6,stroke:#b7791f,color:#111"},
		{"destroy", "fill:#fde2e1,stroke:#c53030,color:#111,stroke-width:3px"},
		{"approval", "fill:#ece3fb,stroke:#6b46c1,color:#111"},
	}
	statusColours = [][2]string{
		{"done", "fill:#d9f2e0,stroke:#2f855a,color:#111"},
		{"failed", "fill:#fde2e1,stroke:#c53030,color:#111,stroke-width:3px"},
		{"running", "fill:#e8f0fe,stroke:#2b6cb0,color:#111,stroke-width:3px"},
		{"waiting", "fill:#fff3d6,stroke:#b7791f,color:#111,stroke-width:3px"},
		{"skipped", "fill:#f4f4f4,stroke:#999,color:#666,stroke-dasharray:4"},
		{"pending", "fill:#fff,stroke:#999,color:#333"},
	}
)

// drawMermaid draws a playbook; with the status of a run, as it went.
func drawMermaid(pb *playbook.Playbook, st *workflows.Status) string {
	m := &mermaid{status: st}
	m.line("flowchart TD")
	starts := make([]string, 0, len(pb.Triggers))
	for _, t := range pb.Triggers {
		if !slices.Contains(starts, t.Event) {
			starts = append(starts, t.Event)
		}
	}
	if pb.Schedule != nil {
		starts = append(starts, pb.Schedule.String())
	}
	if len(starts) == 0 {
		starts = []string{"started by name"}
	}
	start := m.node(`(["`, `"])`, append([]string{pb.Title}, starts...)...)
	ends := m.block(pb.Steps, []exit{{node: start}})
	if len(ends) > 0 {
		outcome := "done"
		if pb.Outcome != nil {
			outcome = "outcome: " + pb.Outcome.Text()
		}
		m.join(ends, m.node(`(["`, `"])`, outcome))
	}
	colours := effectColours
	if st != nil {
		colours = statusColours
	}
	for _, c := range colours {
		m.line("  classDef %s %s", c[0], c[1])
	}
	return m.out.String()
}

func (m *mermaid) line(format string, args ...any) { fmt.Fprintf(&m.out, format+"\n", args...) }

// node draws a node between the brackets of its shape, a label a line.
func (m *mermaid) node(before, after string, text ...string) string {
	m.nodes++
	id := fmt.Sprintf("n%d", m.nodes)
	for i, t := range text {
		text[i] = mermaidText(t)
	}
	m.line("  %s%s%s%s", id, before, strings.Join(text, "<br/>"), after)
	return id
}

func (m *mermaid) join(from []exit, to string) {
	for _, e := range from {
		if e.label == "" {
			m.line("  %s --> %s", e.node, to)
		} else {
			m.line(`  %s -->|"%s"| %s`, e.node, mermaidText(e.label), to)
		}
	}
}

// class colours a node by the step's effect or, for a run, its status.
func (m *mermaid) class(node string, s *playbook.Step, effect string) {
	if m.status != nil {
		row := m.status.Step(s.ID)
		if row == nil {
			return
		}
		effect = string(row.Status)
		if !slices.ContainsFunc(statusColours, func(c [2]string) bool { return c[0] == effect }) {
			return
		}
	}
	if effect != "" {
		m.line("  class %s %s", node, effect)
	}
}

// block draws steps that run one after the other, and returns the ways out.
func (m *mermaid) block(steps []*playbook.Step, from []exit) []exit {
	for _, s := range steps {
		var around []exit
		if s.If != nil {
			asks := m.node(`{"`, `"}`, "if "+s.If.Text())
			m.join(from, asks)
			from, around = []exit{{asks, "true"}}, []exit{{asks, "false"}}
		}
		from = append(m.step(s, from), around...)
	}
	return from
}

func (m *mermaid) step(s *playbook.Step, from []exit) []exit {
	name := s.ID
	if s.Title != nil {
		name = s.Title.Text()
	}
	switch v := s.Verb.(type) {
	case *playbook.Activity:
		effect := effectOf(s, v)
		before, after := `["`, `"]`
		if v.Signature.Effect != playbook.EffectRead {
			before, after = `[["`, `"]]`
		}
		n := m.node(before, after, name, v.Name, effect)
		m.join(from, n)
		m.class(n, s, string(v.Signature.Effect))
		return []exit{{node: n}}
	case *playbook.Approve:
		n := m.node(`{{"`, `"}}`, name, "approve: "+v.Message.Text(), asked(v))
		m.join(from, n)
		m.class(n, s, "approval")
		return append(m.block(v.Steps, []exit{{n, "approved"}}), exit{n, "not approved"})
	case *playbook.Ask:
		n := m.node(`{{"`, `"}}`, name, "ask: "+v.Message.Text(), strings.Join(v.Who, ", "))
		m.join(from, n)
		m.class(n, s, "approval")
		return []exit{{node: n}}
	case *playbook.Switch:
		n := m.node(`{"`, `"}`, "switch", name)
		m.join(from, n)
		m.class(n, s, "")
		var out []exit
		for _, one := range v.Cases {
			out = append(out, m.block(one.Steps, []exit{{n, one.If.Text()}})...)
		}
		if len(v.Default) == 0 {
			return append(out, exit{n, "no case holds"})
		}
		return append(out, m.block(v.Default, []exit{{n, "default"}})...)
	case *playbook.Child:
		n := m.node(`[["`, `"]]`, name, "playbook "+v.Name)
		m.join(from, n)
		m.class(n, s, "")
		return []exit{{node: n}}
	case *playbook.Workflow:
		n := m.node(`[["`, `"]]`, name, "workflow "+v.Name)
		m.join(from, n)
		m.class(n, s, "")
		return []exit{{node: n}}
	case *playbook.Set:
		n := m.node(`("`, `")`, "set "+strings.Join(v.Names(), ", "))
		m.join(from, n)
		m.class(n, s, "")
		return []exit{{node: n}}
	case *playbook.Stop:
		how := "stop: "
		if v.Failed {
			how = "stop, as failed: "
		}
		n := m.node(`(["`, `"])`, how+v.Outcome.Text())
		m.join(from, n)
		m.class(n, s, "")
		return nil
	default:
		does := s.Verb.Keyword()
		if w, ok := v.(*playbook.Wait); ok && w.Event != "" {
			does += " for " + w.Event
		}
		n := m.node(`["`, `"]`, name, does)
		m.join(from, n)
		m.class(n, s, "")
		var out []exit
		for _, block := range playbook.Inner(s) {
			if len(block) > 0 {
				out = append(out, m.block(block, []exit{{node: n}})...)
			}
		}
		if len(out) == 0 {
			out = []exit{{node: n}}
		}
		return out
	}
}

// maxLabel keeps a long question from making the picture unreadable.
const maxLabel = 160

// mermaidText is text that means itself in a label. Mermaid reads quotes, HTML, Markdown, links and
// icons (fa:fa-bell) there, and ﬂ°°60¶ß is how it writes #60; to itself. So all but letters, digits
// and harmless punctuation goes as #code;.
// A mark between two letters, as in aws.iam.disable_access_key, is harmless and stays readable.
func mermaidText(s string) string {
	runes := []rune(card.Clean(s, maxLabel))
	word := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
	}
	var out strings.Builder
	for i, r := range runes {
		switch {
		case word(i), unicode.IsMark(r), strings.ContainsRune(" ,?…", r):
			out.WriteRune(r)
		case strings.ContainsRune("._-/", r) && word(i-1) && word(i+1):
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, "#%d;", r)
		}
	}
	if out.Len() == 0 {
		return " "
	}
	return out.String()
}

// asked says whom an approval asks.
func asked(v *playbook.Approve) string {
	says := fmt.Sprintf("%d of %s", v.Quorum, strings.Join(v.Approvers, ", "))
	if v.Escalate != nil {
		says += ", later also " + strings.Join(v.Escalate.Groups, ", ")
	}
	return says
}

// effectOf says what a call does to the world, and what takes it back.
func effectOf(s *playbook.Step, v *playbook.Activity) string {
	says := string(v.Signature.Effect)
	if v.Signature.Undo != "" {
		says += ", undone by " + v.Signature.Undo
	}
	if s.Undo.Holds() > 0 {
		says += " after " + playbook.Span(s.Undo.Holds()) + " unless kept"
	}
	return says
}
