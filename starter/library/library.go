// Package library is a set of playbooks: read from a tree of files, checked as a whole, and asked
// which of them answer an event.
//
// Open reads folders and files of the operating system, Load any fs.FS, such as the library that
// ships. Every file whose name ends in .yaml is a playbook, except those that end in _test.yaml,
// and except what lies under names that begin with a dot. Every file events/<type>.schema.json is
// the JSON Schema of the data of a type of event. Links are followed inside a folder and
// never out of it.
//
// A playbook that another calls may stand in any file. If it is in none of those that are read, it
// is looked for beside them.
package library

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

const (
	suffix     = ".yaml"
	testSuffix = "_test.yaml"
)

// Library is playbooks with different names.
type Library struct {
	entries []entry // by the playbook's name
}

type entry struct {
	file     string
	text     []byte
	playbook *playbook.Playbook
}

// Load reads all playbooks below the root of fsys. The problems are those of the files, and the
// library holds the playbooks that have none; the error says that the tree could not be read.
func Load(fsys fs.FS, catalog playbook.Catalog) (*Library, playbook.Problems, error) {
	l := newLoader(catalog)
	l.schemas(fsys, "")
	if err := l.tree(fsys, ""); err != nil {
		return nil, nil, fmt.Errorf("read the playbooks: %w", err)
	}
	library, problems := l.done()
	return library, problems, nil
}

// Playbooks returns all, by name.
func (l *Library) Playbooks() []*playbook.Playbook {
	all := make([]*playbook.Playbook, len(l.entries))
	for i, e := range l.entries {
		all[i] = e.playbook
	}
	return all
}

// File returns the name of the file that a playbook of the library was read from.
func (l *Library) File(pb *playbook.Playbook) string {
	for _, e := range l.entries {
		if e.playbook == pb {
			return e.file
		}
	}
	return ""
}

// ByName finds a playbook. If there is none the error names the near miss.
func (l *Library) ByName(name string) (*playbook.Playbook, error) {
	names := make([]string, len(l.entries))
	for i, e := range l.entries {
		if names[i] = e.playbook.Name; names[i] == name {
			return e.playbook, nil
		}
	}
	return nil, fmt.Errorf("%w %q%s", ErrNoPlaybook, name, expr.DidYouMean(name, names))
}

// ErrNoPlaybook is returned for a name that no playbook has.
var ErrNoPlaybook = errors.New("no playbook")

// loader gathers entries and problems of several trees and files.
type loader struct {
	catalog  playbook.Catalog
	drafts   []draft
	entries  []entry
	problems playbook.Problems
	others   []func() error // read what stands beside the library
	beside   bool           // that is being read
}

func newLoader(catalog playbook.Catalog) *loader {
	catalog.Events = maps.Clone(catalog.Events) // schemas of the tree go into it
	return &loader{catalog: catalog}
}

// tree reads every playbook below the root of fsys. Names in problems begin with at, so that they are
// names as the caller knows them.
func (l *loader) tree(fsys fs.FS, at string) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		switch {
		case name == ".":
			return err
		case strings.HasPrefix(base, "."): // .git, and what a mounted ConfigMap keeps behind its links
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case err != nil:
			l.problem(path.Join(at, name), ruleUnreadable, "it cannot be read: %v", cause(err))
			return nil
		case d.IsDir(), strings.HasSuffix(base, testSuffix):
			return nil
		case strings.HasSuffix(base, suffix):
			l.file(fsys, name, path.Join(at, name))
		case strings.HasSuffix(base, ".yml"):
			l.problem(path.Join(at, name), ruleFileName, "playbooks are files that end in %s; rename it", suffix)
		}
		return nil
	})
}

// file reads one playbook, never more of it than the language takes.
func (l *loader) file(fsys fs.FS, name, as string) {
	info, err := fs.Stat(fsys, name) // before Open: opening a pipe would wait for its writer
	switch {
	case err != nil:
		l.problem(as, ruleUnreadable, "it cannot be read: %v", cause(err))
		return
	case !info.Mode().IsRegular():
		l.problem(as, ruleUnreadable, "it is not a regular file")
		return
	case info.Size() > playbook.MaxSize:
		l.problem(as, ruleLimits, "the file is %d bytes; at most %d are read", info.Size(), playbook.MaxSize)
		return
	}
	f, err := fsys.Open(name)
	if err != nil {
		l.problem(as, ruleUnreadable, "it cannot be read: %v", cause(err))
		return
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, playbook.MaxSize+1)) // it may have grown
	if err != nil {
		l.problem(as, ruleUnreadable, "it cannot be read: %v", cause(err))
		return
	}
	l.add(as, text)
}

func (l *loader) problem(file, rule, format string, args ...any) {
	l.report(playbook.Problem{File: file, Line: 1, Column: 1, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// done compiles and sorts what was read, and leaves out of the library what has the name of another.
func (l *loader) done() (*Library, playbook.Problems) {
	l.find()
	l.compile()
	slices.SortStableFunc(l.entries, func(a, b entry) int { return strings.Compare(a.playbook.Name, b.playbook.Name) })
	library := &Library{}
	for _, e := range l.entries {
		if n := len(library.entries); n > 0 && library.entries[n-1].playbook.Name == e.playbook.Name {
			line, column := e.place()
			l.problems = append(l.problems, playbook.Problem{
				File: e.file, Line: line, Column: column, Rule: ruleDuplicateName,
				Message: fmt.Sprintf("the name %q is already that of %s", e.playbook.Name, library.entries[n-1].file),
			})
			continue
		}
		library.entries = append(library.entries, e)
	}
	// By file; inside a file they are sorted already.
	slices.SortStableFunc(l.problems, func(a, b playbook.Problem) int { return strings.Compare(a.File, b.File) })
	return library, l.problems
}

// place finds the name of a playbook in its file. A file in JSON's notation may hold it anywhere;
// then it is the beginning.
func (e entry) place() (line, column int) {
	const key = "playbook:"
	for text := range strings.SplitSeq(string(e.text), "\n") {
		line++
		if value, ok := strings.CutPrefix(text, key); ok {
			return line, len(key) + strings.Index(value, e.playbook.Name) + 1
		}
	}
	return 1, 1
}

// cause is an error without the name of the file, which the problem has in front.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
