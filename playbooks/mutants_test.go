package playbooks_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
)

var update = flag.Bool("update", false, "write the mutants that live into testdata")

// A mutant is a playbook with one mistake. It is to be refused, with a problem on one of the lines:
// that of the mistake, or those of what it makes wrong.
type mutant struct {
	file, what string
	text       string
	lines      []int
}

const living = "testdata/mutants-that-live.golden"

// TestMutants makes every mistake of some kinds in every playbook that ships: names that are not
// there, values of another type, keys that are left out, steps in another order. Those that are not
// refused are listed in a file, each with the reason.
func TestMutants(t *testing.T) {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	shipped, problems, err := library.Load(playbooks.Files, library.Catalog(registry))
	require.NoError(t, err)
	require.Empty(t, problems)
	catalog := catalogOf(registry, shipped)

	became := make([][]fate, len(files(t)))
	var running sync.WaitGroup
	for i, file := range files(t) {
		text, err := fs.ReadFile(playbooks.Files, file)
		require.NoError(t, err)
		mutants := mutants(t, file, string(text), catalog)
		running.Go(func() { became[i] = fates(file, text, mutants, catalog) })
	}
	running.Wait()

	made, refused := 0, 0
	lives, kinds := map[string]bool{}, map[string]int{}
	var elsewhere []string
	for _, f := range slices.Concat(became...) {
		kind, _, _ := strings.Cut(f.what, ":")
		kinds[kind]++
		made++
		switch name := f.file + ": " + f.what; {
		case len(f.problems) == 0:
			lives[name] = true
		case !slices.ContainsFunc(f.problems, func(p playbook.Problem) bool { return slices.Contains(f.lines, p.Line) }):
			elsewhere = append(elsewhere, fmt.Sprintf("%s, at line %v, is reported as\n%v", name, f.lines, f.problems))
		default:
			refused++
		}
	}
	t.Logf("%d mutants, %d refused where the mistake is, %d live: %v", made, refused, len(lives), kinds)
	require.Greater(t, made, 1000)
	requireLiving(t, lives)
	require.Empty(t, elsewhere, "each mistake is reported where it is")
}

// fate is what became of a mutant.
type fate struct {
	mutant

	problems playbook.Problems
}

// fates compiles mutants; those that say the same as the original have none.
func fates(file string, text []byte, mutants []mutant, catalog playbook.Catalog) []fate {
	original, _ := playbook.Compile(file, text, catalog)
	var all []fate
	for _, m := range mutants {
		pb, problems := playbook.Compile(file, []byte(m.text), catalog)
		if pb == nil || original == nil || pb.Digest() != original.Digest() {
			all = append(all, fate{m, problems})
		}
	}
	return all
}

// requireLiving holds those that live against the list of those that may, with the reasons.
func requireLiving(t *testing.T, lives map[string]bool) {
	t.Helper()
	raw, err := os.ReadFile(living)
	require.NoError(t, err)
	reasons := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			name, reason, ok := strings.Cut(line, " -- ")
			require.True(t, ok, "a line is a mutant -- and the reason why it lives: %s", line)
			reasons[name] = reason
		}
	}
	if *update {
		out := "# Mutants that are no mistake that types can tell, each with the reason: go test ./playbooks -run TestMutants -update\n"
		for _, name := range sorted(lives) {
			if reasons[name] == "" {
				reasons[name] = "?"
			}
			out += name + " -- " + reasons[name] + "\n"
		}
		require.NoError(t, os.WriteFile(living, []byte(out), 0o600))
	}
	for _, name := range sorted(lives) {
		require.NotEmpty(t, reasons[name], "it is not refused: %s", name)
		require.NotEqual(t, "?", reasons[name], "nobody has said why it lives: %s", name)
	}
	for name := range reasons {
		file, _, _ := strings.Cut(name, ": ")
		if _, err := fs.Stat(playbooks.Files, file); err != nil {
			continue // it does not ship yet
		}
		require.True(t, lives[name], "it is refused, and may leave the list: %s", name)
	}
}

func sorted(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// mutants makes all of one playbook.
func mutants(t *testing.T, file, text string, catalog playbook.Catalog) []mutant {
	t.Helper()
	m := &mutator{file: file, catalog: catalog, lines: strings.Split(text, "\n")}
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
	m.root = doc.Content[0]
	m.ids(m.root)
	m.expressions()
	m.tree(nil, m.root)
	return m.made
}

type mutator struct {
	file    string
	catalog playbook.Catalog
	lines   []string
	root    *yaml.Node
	defined []defined // ids, in the order of the file
	made    []mutant
}

type defined struct {
	id   string
	line int
}

func (m *mutator) add(what, text string, lines ...int) {
	m.made = append(m.made, mutant{m.file, what, text, lines})
}

func (m *mutator) ids(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "id" {
			m.defined = append(m.defined, defined{child.Value, child.Line})
		}
		m.ids(child)
	}
}

// The mistakes inside expressions are made in the text, so that the line is exact.

var (
	aPath     = regexp.MustCompile(`\b(?:event|inputs|steps|vars|item|error|run)(?:\.\??[A-Za-z_]\w*|\[\??"[^"]*"\])*`)
	aField    = regexp.MustCompile(`[A-Za-z_]\w*`)
	aFunction = regexp.MustCompile(`\b([A-Za-z]\w*)\(`)
	aStep     = regexp.MustCompile(`\bsteps\.\??(\w+)`)
	aLiteral  = regexp.MustCompile(`(==|!=|<=|>=|<|>|\+|\()( *)("[^"$]*"|'[^'$]*'|\d+\.\d+|\d+)`)
	isOption  = regexp.MustCompile(`\.\?`)
	isBare    = regexp.MustCompile(`^\s*(- )?(if|from|dedupe|until|for_each|collect|outcome): |^\s*(&&|\|\||\+|\?|:) `)
)

func (m *mutator) expressions() {
	for i, line := range m.lines {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		replace := func(what string, from, to int, with string) {
			lines := slices.Clone(m.lines)
			lines[i] = line[:from] + with + line[to:]
			m.add(what, strings.Join(lines, "\n"), i+1)
		}
		for _, at := range aPath.FindAllStringIndex(line, -1) {
			path := line[at[0]:at[1]]
			if !strings.ContainsAny(path, ".[") {
				continue // a word of prose
			}
			for _, f := range aField.FindAllStringIndex(path, -1) {
				name := path[f[0]:f[1]]
				replace("rename a field: "+path+" at "+name, at[0]+f[0], at[0]+f[1], name+"x")
				if typo := swapped(name); typo != name && f[1] == len(path) {
					replace("typo in a field: "+path+" at "+name, at[0]+f[0], at[0]+f[1], typo)
				}
			}
			if f := isOption.FindStringIndex(path); f != nil { // the first asks for all that follow
				replace("ask no longer: "+path, at[0]+f[0], at[0]+f[1], ".")
			}
		}
		for _, at := range aStep.FindAllStringSubmatchIndex(line, -1) {
			for _, later := range m.defined {
				if later.line > i+1 {
					replace("read a later step: "+line[at[2]:at[3]]+" as "+later.id, at[2], at[3], later.id)
				}
			}
		}
		if !inExpression(line) {
			continue
		}
		for _, at := range aFunction.FindAllStringSubmatchIndex(line, -1) {
			name := line[at[2]:at[3]]
			replace("typo in a function: "+name, at[2], at[3], swapped(name)+"x")
		}
		for _, at := range aLiteral.FindAllStringSubmatchIndex(line, -1) {
			literal := line[at[6]:at[7]]
			with := "5"
			if !strings.ContainsAny(literal, `"'`) {
				with = `"five"`
				if strings.Contains(line, `"${`) {
					with = `'five'`
				}
			}
			replace("change a literal's type: "+literal, at[6], at[7], with)
		}
	}
}

// inExpression tells lines that hold an expression from those of prose.
func inExpression(line string) bool {
	return strings.Contains(line, "${") || isBare.MatchString(line) ||
		aPath.MatchString(line) && strings.Contains(line, "(")
}

func swapped(name string) string {
	for i := range len(name) - 1 {
		if name[i] != name[i+1] {
			return name[:i] + string(name[i+1]) + string(name[i]) + name[i+2:]
		}
	}
	return name
}

// The others are made in the tree, which is written again.

// place leads to a node: indexes into Content.
type place []int

func (p place) in(root *yaml.Node) *yaml.Node {
	for _, i := range p {
		root = root.Content[i]
	}
	return root
}

// change mutates a copy of the tree, and looks in what is written where the lines then are.
func (m *mutator) change(what string, mutate func(root *yaml.Node), lines func(text string, root *yaml.Node) []int) {
	root := clone(m.root)
	mutate(root)
	out, err := yaml.Marshal(root)
	if err != nil {
		return
	}
	var again yaml.Node
	if yaml.Unmarshal(out, &again) != nil {
		return
	}
	if at := lines(string(out), again.Content[0]); len(at) > 0 {
		m.add(what, string(out), at...)
	}
}

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, clone(child))
	}
	return &c
}

// at is the line of a place.
func at(p place) func(string, *yaml.Node) []int {
	return func(_ string, root *yaml.Node) []int { return []int{p.in(root).Line} }
}

// uses are the lines that match, and that of a place.
func uses(p place, pattern string) func(string, *yaml.Node) []int {
	return func(text string, root *yaml.Node) []int {
		var lines []int
		use := regexp.MustCompile(pattern)
		for i, line := range strings.Split(text, "\n") {
			if use.MatchString(line) {
				lines = append(lines, i+1)
			}
		}
		if len(lines) == 0 {
			return nil
		}
		return append(lines, p.in(root).Line)
	}
}

// around are the line where a mapping begins and those of its keys.
func around(p place) func(string, *yaml.Node) []int {
	return func(_ string, root *yaml.Node) []int {
		n := p.in(root)
		lines := []int{n.Line}
		for i := 0; i < len(n.Content); i += 2 {
			lines = append(lines, n.Content[i].Line)
		}
		return lines
	}
}

// before are the lines of a place up to the one after it.
func before(p, next place) func(string, *yaml.Node) []int {
	return func(_ string, root *yaml.Node) []int {
		var lines []int
		for line := p.in(root).Line; line < next.in(root).Line; line++ {
			lines = append(lines, line)
		}
		return lines
	}
}

// names are what authors call things, with how they are read.
var names = map[string]string{"inputs": `\binputs\.\??%s\b`, "set": `\bvars\.\??%s\b`, "form": `\banswer\.\??%s\b`}

// free are mappings whose keys are the author's and that nothing reads.
var free = []string{"labels"}

func (m *mutator) tree(p place, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		m.mapping(p, n)
	case yaml.SequenceNode:
		m.sequence(p, n)
	case yaml.ScalarNode:
		m.scalar(p, n)
	}
	for i, child := range n.Content {
		if n.Kind == yaml.SequenceNode || i%2 == 1 {
			m.tree(append(slices.Clone(p), i), child)
		}
	}
}

// key is the key that a place is the value of.
func (m *mutator) key(p place) string {
	if len(p) == 0 {
		return ""
	}
	if parent := p[:len(p)-1].in(m.root); parent.Kind == yaml.MappingNode {
		return parent.Content[p[len(p)-1]-1].Value
	}
	return ""
}

func (m *mutator) mapping(p place, n *yaml.Node) {
	own := m.key(p)
	if len(p) > 0 && !slices.Contains(free, own) {
		m.change("a list instead of a mapping: "+own, func(root *yaml.Node) {
			*p.in(root) = yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "x"}}}
		}, at(p))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		kp := append(slices.Clone(p), i)
		rename := func(root *yaml.Node) { kp.in(root).Value += "x" }
		switch pattern, named := names[own]; {
		case named:
			m.change("rename what is read: "+key.Value, rename, uses(kp, fmt.Sprintf(pattern, key.Value)))
		case !slices.Contains(free, own):
			m.change("rename a key: "+key.Value, rename, around(p))
			if typo := swapped(key.Value); typo != key.Value {
				m.change("typo in a key: "+key.Value, func(root *yaml.Node) { kp.in(root).Value = typo }, around(p))
			}
		}
		if m.required(p, n, key.Value) {
			m.change("drop a key: "+key.Value, func(root *yaml.Node) {
				parent := p.in(root)
				parent.Content = slices.Delete(parent.Content, i, i+2)
			}, around(p))
		}
	}
}

// required reports whether the mapping needs the key, as the language is documented.
func (m *mutator) required(p place, n *yaml.Node, key string) bool {
	has := func(other string) bool {
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i].Value == other {
				return true
			}
		}
		return false
	}
	var list string
	if len(p) > 0 {
		list = m.key(p[:len(p)-1])
	}
	for _, verb := range []string{"activity", "approve", "ask", "switch", "parallel", "for_each", "repeat", "playbook", "workflow", "set", "try"} {
		if key == verb && (len(p) == 0 || verb != "try" && m.key(p) == "" && list != "switch") {
			return true
		}
	}
	needs := map[string][]string{"approve": {"approvers"}, "ask": {"who", "form"}, "repeat": {"until"}, "for_each": {"steps"}}
	for _, verb := range []string{"approve", "ask", "repeat", "for_each"} {
		if has(verb) && slices.Contains(needs[verb], key) {
			return true
		}
	}
	switch {
	case len(p) == 0:
		return key == "stage" || key == "steps"
	case list == "triggers":
		return key == "event"
	case m.key(p) == "schedule":
		return key == "cron" || key == "every"
	case list == "switch":
		return key == "if" || key == "steps"
	case list == "inputs" || list == "form":
		return key == "type"
	}
	if m.key(p) == "with" {
		if step := p[:len(p)-1].in(m.root); step.Kind == yaml.MappingNode {
			for i := 0; i < len(step.Content); i += 2 {
				if step.Content[i].Value == "activity" {
					f, ok := m.catalog.Activities[step.Content[i+1].Value].Input.Field(key)
					return ok && !f.Optional
				}
			}
		}
	}
	return false
}

func (m *mutator) sequence(p place, n *yaml.Node) {
	m.change("a word instead of a list: "+m.key(p), func(root *yaml.Node) {
		*p.in(root) = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "x"}
	}, at(p))
	for i := 0; i+1 < len(n.Content); i++ {
		id := idOf(n.Content[i])
		if id == "" || !reads(n.Content[i+1], id) {
			continue
		}
		first := append(slices.Clone(p), i)
		m.change("run a step before what it reads: "+id, func(root *yaml.Node) {
			list := p.in(root).Content
			list[i], list[i+1] = list[i+1], list[i]
		}, before(first, append(slices.Clone(p), i+1)))
	}
}

func idOf(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if n.Content[i].Value == "id" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

func reads(n *yaml.Node, id string) bool {
	return strings.Contains(n.Value, "steps."+id+".") || slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return reads(child, id) })
}

func (m *mutator) scalar(p place, n *yaml.Node) {
	key := m.key(p)
	outer := ""
	if len(p) > 0 {
		outer = m.key(p[:len(p)-1])
	}
	become := func(tag, value string) func(*yaml.Node) {
		return func(root *yaml.Node) {
			x := p.in(root)
			x.Tag, x.Value, x.Style = tag, value, 0
		}
	}
	where := at(p)
	switch {
	case outer == "set":
		where = uses(p, fmt.Sprintf(names["set"], key)+fmt.Sprintf(`|^\s*%s: `, key)) // or where it is set again
	case key == "collect":
		where = uses(p, `\.results\b`)
	case key == "type" && len(p) > 2:
		where = uses(p, fmt.Sprintf(names[m.key(p[:len(p)-2])], outer))
	}
	switch {
	case strings.Contains(n.Value, "${"): // no literal
	case n.Tag == "!!str":
		m.change("change a literal's type: "+key, become("!!int", "5"), where)
	default:
		m.change("change a literal's type: "+key, become("!!str", "five"), where)
	}
	list := ""
	if key == "" && len(p) > 1 {
		list = m.key(p[:len(p)-1])
	}
	switch {
	case key == "id":
		m.change("rename a step: "+n.Value, become("!!str", n.Value+"x"), uses(p, `\bsteps\.\??`+n.Value+`\b`))
	case key == "type":
		for _, other := range []string{"string", "int", "bool", "double", "timestamp"} {
			if other != n.Value {
				m.change("swap two types: "+n.Value+" for "+other, become("!!str", other), where)
			}
		}
	case slices.Contains([]string{"activity", "event", "stage", "on_error", "workflow", "zone", "overlap"}, key), list == "approvers", list == "who", key == "playbook" && len(p) > 1 && outer != "with":
		m.change("rename what is called: "+n.Value, become("!!str", n.Value+"x"), where)
		if typo := swapped(n.Value); typo != n.Value {
			m.change("typo in what is called: "+n.Value, become("!!str", typo), where)
		}
	}
}

// catalogOf is what the shipped playbooks may name.
func catalogOf(registry *activities.Registry, l *library.Library) playbook.Catalog {
	catalog := library.Catalog(registry)
	catalog.Groups = playbook.Table[[]string]{"secops-oncall": {"alice@example.com", "bob@example.com"}}
	catalog.Playbooks = playbook.Table[playbook.Callee]{}
	for _, pb := range l.Playbooks() {
		catalog.Playbooks[pb.Name] = playbook.Callee{Plan: pb.Plan}
	}
	return catalog
}
