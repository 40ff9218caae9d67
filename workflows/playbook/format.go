package playbook

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/digest"
)

// Format gives a playbook its one layout: keys in the order of the language, two spaces a level, quotes
// where YAML needs them, a mapping in braces as long as it fits into a line. What it says stays the
// same, every comment stays with what it is about, and a single blank line where there were some.
//
// A file that is no strict YAML is left alone, and its problems are returned. One with other mistakes
// is formatted: an editor formats what is not finished.
func Format(file string, text []byte) ([]byte, Problems) {
	src := &source{file: file, text: text}
	root := src.read()
	if root == nil {
		return nil, src.problems.sorted()
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(strings.Join(src.lines, "\n")), &document); err != nil {
		src.reportYAML(err) // it was read before, so this does not happen
		return nil, src.problems
	}
	w := &writer{lines: src.lines, verbs: verbs()}
	w.document(&document)
	out := []byte(w.out.String())
	if !src.sameAs(root, out) {
		src.report(ruleSyntax, 1, 1, "the file is left alone: it says or notes something in a way that formatting would change; write it more simply")
		return nil, src.problems
	}
	return out, nil
}

// sameAs holds what was written against what was read: a formatter that changes a playbook, or loses
// a comment, is worse than none. So it is proved each time.
func (s *source) sameAs(root *yaml.Node, out []byte) bool {
	again := (&source{file: s.file, text: out}).read()
	if again == nil {
		return false
	}
	said, err := meaning(root)
	now, errNow := meaning(again)
	if err != nil || errNow != nil || !bytes.Equal(said, now) {
		return false
	}
	return slices.Equal(comments(s.lines, root), comments(strings.Split(string(out), "\n"), again))
}

func meaning(root *yaml.Node) ([]byte, error) {
	said, err := tree(root)
	if err != nil {
		return nil, err
	}
	return digest.Canonical(said)
}

// comments are the texts after each # of a file that stands in no value, sorted: keys move, and their
// comments with them.
func comments(lines []string, root *yaml.Node) []string {
	var all []string
	for _, line := range lines {
		for i, part := range strings.Split(line, "#") {
			if i > 0 {
				all = append(all, strings.TrimSpace(part))
			}
		}
	}
	var inside func(n *yaml.Node)
	inside = func(n *yaml.Node) {
		for _, line := range strings.Split(n.Value, "\n") {
			for i, part := range strings.Split(line, "#") {
				if i == 0 {
					continue
				}
				if at := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, strings.TrimSpace(part)) }); at >= 0 {
					all = slices.Delete(all, at, at+1)
				}
			}
		}
		for _, child := range n.Content {
			inside(child)
		}
	}
	inside(root)
	slices.Sort(all)
	return all
}

// shape is what a mapping is in the language; its keys have an order.
type shape string

const (
	shapeFree     shape = "" // the author's own keys, in their order
	shapePlaybook shape = "playbook"
	shapeStep     shape = "step"
)

// keysOf are the shapes with keys that do not depend on a verb.
var keysOf = map[shape][]string{
	shapePlaybook: playbookKeys, "schedule": scheduleKeys, "trigger": triggerKeys, "input": inputKeys, "case": caseKeys, "branch": branchKeys,
	"wait": waitKeys, "field": fieldKeys, "retry": retryKeys, "escalate": escalateKeys,
}

// order is how the keys of a mapping stand.
func (w *writer) order(n *yaml.Node, s shape) []string {
	if s != shapeStep {
		return keysOf[s]
	}
	first := []string{"id", "title", "if"}
	keys := slices.Clone(first)
	for i := 0; i < len(n.Content); i += 2 {
		if v, ok := w.verbs[n.Content[i].Value]; ok {
			keys = append(append(keys, v.keyword), v.keys...)
		}
	}
	return append(keys, modifiers...) // those that are there already keep their place
}

// inner is the shape of what a key holds: of the mapping itself, of the items of a list, or of the
// entries of a mapping with the author's keys.
func inner(s shape, key string) (itself, entries shape) {
	switch {
	case s == shapePlaybook && key == "schedule":
		return "schedule", shapeFree
	case s == shapePlaybook && key == "triggers":
		return shapeFree, "trigger"
	case s == shapePlaybook && key == "inputs":
		return shapeFree, "input"
	case s != shapeFree && key == "steps":
		return shapeFree, shapeStep
	case s != shapeStep:
		return shapeFree, shapeFree
	}
	switch key {
	case "default", "try", "catch", "finally", "repeat", "undo":
		return shapeFree, shapeStep
	case "switch":
		return shapeFree, "case"
	case "parallel":
		return shapeFree, "branch"
	case "form":
		return shapeFree, "field"
	case "retry", "wait", "escalate":
		return shape(key), shapeFree
	default:
		return shapeFree, shapeFree
	}
}

// pair is an entry of a mapping.
type pair struct {
	key, value      *yaml.Node
	itself, entries shape
	blank           bool   // lines stood before it
	foot            string // the comment after it
}

// pairs are the entries of a mapping in their order.
func (w *writer) pairs(n *yaml.Node, itself, entries shape) []pair {
	keys := w.order(n, itself)
	all := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		p := pair{key: n.Content[i], value: n.Content[i+1], foot: n.Content[i].FootComment, blank: i > 0 && w.blankBefore(n.Content[i].Line)}
		if itself == shapeFree {
			p.itself = entries
		} else {
			p.itself, p.entries = inner(itself, p.key.Value)
		}
		all = append(all, p)
	}
	// What stands at the end of the mapping stays there.
	end := ""
	if last := len(all) - 1; last >= 0 {
		end, all[last].foot = all[last].foot, ""
	}
	place := func(p pair) int {
		if at := slices.Index(keys, p.key.Value); at >= 0 {
			return at
		}
		return len(keys)
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(place(a), place(b)) })
	if last := len(all) - 1; last >= 0 && end != "" {
		all[last].foot = strings.TrimPrefix(all[last].foot+"\n"+end, "\n")
	}
	return all
}

// blankBefore reports whether a blank line stands before a line and the comments over it.
func (w *writer) blankBefore(line int) bool {
	for at := line - 2; at >= 0; at-- {
		switch text := strings.TrimSpace(w.lines[at]); {
		case text == "":
			return true
		case !strings.HasPrefix(text, "#"):
			return false
		}
	}
	return false
}
