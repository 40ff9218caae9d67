package playbook

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The widths of the layout, in characters.
const (
	maxFlow = 120 // a line with {} or []; what is wider becomes a block
	maxFold = 100 // a line of a text that stood on several lines
)

// writer writes a document in the layout of [Format].
type writer struct {
	lines []string // of the file that was read
	verbs map[string]verb
	out   strings.Builder
	foot  bool // a comment about what came before ends here: a blank line must follow
}

func (w *writer) document(document *yaml.Node) {
	if document.HeadComment != "" {
		w.comment(document.HeadComment, 0)
		w.out.WriteString("\n")
	}
	root := document.Content[0]
	if root.Kind == yaml.MappingNode && len(root.Content) > 0 {
		w.comment(root.HeadComment, 0)
		w.mapping(root, shapePlaybook, shapeFree, 0, false)
	} else {
		w.value(root, shapeFree, shapeFree, -2, "")
	}
	if document.FootComment != "" {
		w.out.WriteString("\n")
		w.comment(document.FootComment, 0)
	}
}

func (w *writer) comment(text string, indent int) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			w.out.WriteString(strings.Repeat(" ", indent) + line)
		}
		w.out.WriteString("\n")
	}
}

// before writes what stands over an entry.
func (w *writer) before(blank bool, head string, indent int) {
	if blank || w.foot {
		w.out.WriteString("\n")
	}
	w.foot = false
	w.comment(head, indent)
}

func (w *writer) after(foot string, indent int) {
	if foot == "" {
		return
	}
	if w.foot {
		w.out.WriteString("\n")
	}
	w.comment(foot, indent)
	w.foot = true
}

// mapping writes a block. The first entry stands on the line that is begun if inline is true.
func (w *writer) mapping(n *yaml.Node, itself, entries shape, indent int, inline bool) {
	for i, p := range w.pairs(n, itself, entries) {
		if i > 0 || !inline {
			w.before(i > 0 && p.blank, p.key.HeadComment, indent)
			w.out.WriteString(strings.Repeat(" ", indent))
		}
		w.out.WriteString(scalarText(p.key, false) + ":")
		w.value(p.value, p.itself, p.entries, indent, p.key.LineComment)
		w.after(p.foot, indent)
	}
}

func (w *writer) sequence(n *yaml.Node, entries shape, indent int) {
	for i, item := range n.Content {
		head := item.HeadComment
		block := item.Kind == yaml.MappingNode && !w.isFlow(item, entries, indent+2)
		if block {
			if first := w.pairs(item, entries, shapeFree)[0].key.HeadComment; first != "" {
				head = strings.TrimPrefix(head+"\n"+first, "\n")
			}
		}
		w.before(i > 0 && w.blankBefore(item.Line), head, indent)
		w.out.WriteString(strings.Repeat(" ", indent) + "-")
		if block {
			w.out.WriteString(" ")
			w.mapping(item, entries, shapeFree, indent+2, true)
		} else {
			w.value(item, entries, shapeFree, indent, "")
		}
		w.after(item.FootComment, indent)
	}
}

// value writes what follows a colon or a dash, to the end of its last line.
func (w *writer) value(n *yaml.Node, itself, entries shape, indent int, note string) {
	if note = strings.TrimSpace(note + " " + n.LineComment); note != "" {
		note = " " + strings.ReplaceAll(note, "\n", " ")
	}
	inside := indent + 2
	switch {
	case n.Kind == yaml.ScalarNode:
		w.scalar(n, inside, note)
	case w.isFlow(n, itself, inside):
		w.out.WriteString(" " + w.flow(n, itself, entries) + note + "\n")
	case n.Kind == yaml.MappingNode:
		w.out.WriteString(note + "\n")
		w.comment(n.HeadComment, inside)
		w.mapping(n, itself, entries, inside, false)
	default:
		w.out.WriteString(note + "\n")
		w.comment(n.HeadComment, inside)
		w.sequence(n, entries, inside)
	}
}

// isFlow reports whether a mapping or list stands in one line: it did, or nothing is in it, it fits,
// and no comment is inside.
func (w *writer) isFlow(n *yaml.Node, s shape, indent int) bool {
	switch {
	case len(n.Content) == 0:
		return true
	case n.Style&yaml.FlowStyle == 0 || noted(n):
		return false
	default:
		return indent+len([]rune(w.flow(n, s, shapeFree))) <= maxFlow
	}
}

// noted reports whether there is a comment inside a node.
func noted(n *yaml.Node) bool {
	for _, child := range n.Content {
		if child.HeadComment+child.LineComment+child.FootComment != "" || noted(child) {
			return true
		}
	}
	return false
}

func (w *writer) flow(n *yaml.Node, itself, entries shape) string {
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for _, p := range w.pairs(n, itself, entries) {
			parts = append(parts, scalarText(p.key, true)+": "+w.flow(p.value, p.itself, p.entries))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yaml.SequenceNode:
		for _, item := range n.Content {
			parts = append(parts, w.flow(item, entries, shapeFree))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return scalarText(n, true)
	}
}

// scalar writes a value that is no mapping or list: a text of several lines keeps its lines.
func (w *writer) scalar(n *yaml.Node, indent int, note string) {
	header, body := "", []string(nil)
	switch {
	case n.Tag != "!!str":
	case n.Style&(yaml.FoldedStyle|yaml.LiteralStyle) != 0:
		header, body = w.block(n)
	case w.broken(n) && len(n.Value) > maxFold:
		header, body = ">-", fold(n.Value, maxFold-indent)
	}
	if len(body) == 0 {
		text := scalarText(n, false)
		if text != "" {
			text = " " + text
		}
		w.out.WriteString(text + note + "\n")
		return
	}
	w.out.WriteString(" " + header + note + "\n")
	for _, line := range body {
		if line != "" {
			line = strings.Repeat(" ", indent) + line
		}
		w.out.WriteString(line + "\n")
	}
}

// block returns the header and the lines of a block scalar as they stand in the file, without their
// indentation. It returns none where the header says more than one can move.
func (w *writer) block(n *yaml.Node) (header string, body []string) {
	line := []rune(w.lines[n.Line-1])
	header, _, _ = strings.Cut(string(line[n.Column-1:]), " ")
	if header != ">" && header != ">-" && header != "|" && header != "|-" {
		return "", nil
	}
	margin := -1
	for _, text := range w.lines[n.Line:] {
		spaces := len(text) - len(strings.TrimLeft(text, " "))
		switch {
		case strings.TrimSpace(text) == "" && (margin < 0 || spaces <= margin):
			body = append(body, "")
			continue
		case margin < 0:
			margin = spaces
		}
		if spaces < margin {
			break
		}
		body = append(body, text[margin:])
	}
	for len(body) > 0 && body[len(body)-1] == "" {
		body = body[:len(body)-1]
	}
	if len(body) == 0 || body[0] == "" {
		return "", nil
	}
	return header, body
}

// broken reports whether a text in quotes or in none stands on more than one line.
func (w *writer) broken(n *yaml.Node) bool {
	rest := string([]rune(w.lines[n.Line-1])[n.Column-1:])
	var one map[string]string
	return yaml.Unmarshal([]byte("k: "+rest), &one) != nil || one["k"] != n.Value
}

// fold breaks a text at its spaces. It returns nothing where YAML would not put it together again.
func fold(text string, width int) []string {
	if strings.Join(strings.Fields(text), " ") != text {
		return nil
	}
	var lines []string
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// scalarText writes a value in one line, with the quotes that it needs.
func scalarText(n *yaml.Node, flow bool) string {
	switch {
	case n.Tag == "!!null" && flow:
		return "null"
	case n.Tag != "!!str", isPlain(n.Value, flow):
		return n.Value
	case strings.ContainsAny(n.Value, "\n\t"):
		return strconv.Quote(n.Value) // of a text without invisible characters, it writes what YAML reads
	case strings.ContainsAny(n.Value, `"\`):
		return "'" + strings.ReplaceAll(n.Value, "'", "''") + "'"
	default:
		return `"` + n.Value + `"`
	}
}

// isPlain asks the parser whether a text means itself without quotes. Words that older readers of
// YAML take for true or false keep theirs.
func isPlain(s string, flow bool) bool {
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off":
		return false
	}
	if strings.ContainsAny(s, "\n\t") {
		return false
	}
	text := "k: " + s
	if flow {
		text = "{k: " + s + ", l: m}"
	}
	var document yaml.Node
	if yaml.Unmarshal([]byte(text), &document) != nil || len(document.Content) != 1 {
		return false
	}
	m := document.Content[0]
	want := 2
	if flow {
		want = 4
	}
	if m.Kind != yaml.MappingNode || len(m.Content) != want {
		return false
	}
	value := m.Content[1]
	return value.Kind == yaml.ScalarNode && value.Tag == "!!str" && value.Value == s && value.LineComment == "" && value.Anchor == "" && value.Style == 0
}
