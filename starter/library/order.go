package library

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows/playbook"
)

// draft is a file that was read.
type draft struct {
	file   string
	text   []byte
	parsed *playbook.Draft
	// beside says that the file is not of the library: it is there for others to call.
	beside bool
}

// add reads one file.
func (l *loader) add(file string, text []byte) {
	parsed, problems := playbook.Parse(file, text)
	if parsed != nil {
		l.drafts = append(l.drafts, draft{file, text, parsed, l.beside})
	}
	l.report(problems...)
}

// report keeps problems, unless they are of a file beside the library: it need not be good.
func (l *loader) report(problems ...playbook.Problem) {
	if !l.beside {
		l.problems = append(l.problems, problems...)
	}
}

// find reads what stands beside the library, if the library calls what is not in it.
func (l *loader) find() {
	known := map[string]bool{}
	for _, d := range l.drafts {
		known[d.parsed.Name()] = true
	}
	missing := func(name string) bool { return !known[name] }
	if !slices.ContainsFunc(l.drafts, func(d draft) bool { return slices.ContainsFunc(d.parsed.Calls(), missing) }) {
		return
	}
	l.beside = true
	for _, read := range l.others {
		_ = read() // what cannot be read is not found, and that is reported where it is called
	}
	l.beside = false
}

// compile compiles what was read, each playbook after those that it calls.
func (l *loader) compile() {
	o := &order{loader: l, byName: map[string]int{}, done: make([]bool, len(l.drafts))}
	l.catalog.Playbooks = playbook.Table[playbook.Callee]{}
	for i, d := range l.drafts {
		name := d.parsed.Name()
		if _, taken := o.byName[name]; !taken { // the library comes before what is beside it
			o.byName[name] = i
			l.catalog.Playbooks[name] = playbook.Callee{Why: "it is not read yet"} // for near misses
		}
	}
	for i, d := range l.drafts {
		if !d.beside {
			o.compile(i)
		}
	}
}

// order is how far compiling has come.
type order struct {
	*loader

	byName map[string]int // drafts
	done   []bool
	path   []string // the playbooks that are being compiled, each called by the one before it
}

func (o *order) compile(i int) {
	if o.done[i] {
		return
	}
	o.done[i] = true
	d := o.drafts[i]
	name := d.parsed.Name()
	o.path = append(o.path, name)
	for _, called := range d.parsed.Calls() {
		if at := slices.Index(o.path, called); at >= 0 {
			o.catalog.Playbooks[called] = playbook.Callee{Why: "it leads back here: " + strings.Join(append(o.path[at:], called), " calls ")}
		} else if next, ok := o.byName[called]; ok {
			o.compile(next)
		}
	}
	o.path = o.path[:len(o.path)-1]
	pb, problems := d.parsed.Compile(o.catalog)
	callee := playbook.Callee{}
	if pb == nil {
		callee.Why = fmt.Sprintf("it has problems of its own; the first is at %s:%d", problems[0].File, problems[0].Line)
	} else {
		callee.Plan = pb.Plan
	}
	if at, ok := o.byName[name]; ok && at == i {
		o.catalog.Playbooks[name] = callee
	}
	if d.beside {
		return
	}
	o.problems = append(o.problems, problems...)
	if pb != nil {
		o.entries = append(o.entries, entry{d.file, d.text, pb})
	}
}
