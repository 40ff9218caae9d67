package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
)

// read reads the given playbooks; without any, those of --playbooks or the library that ships. What
// the given ones call may also stand there.
func (a *app) read(names ...string) (*library.Library, playbook.Problems, error) {
	// Nearly all that is read is kept, so collecting often finds little.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	catalog := library.Catalog(a.registry, a.flows)
	if a.directory != "" {
		people, err := directory.Load(a.directory)
		if err != nil {
			return nil, nil, err
		}
		catalog.Groups = people.Roster()
	}
	switch {
	case len(names) == 0 && a.playbooks == "":
		return library.Load(playbooks.Files, catalog)
	case len(names) == 0:
		return library.Open(catalog, a.playbooks)
	case a.playbooks == "":
		return library.OpenBeside(playbooks.Files, "the shipped library", catalog, names...)
	}
	root, err := os.OpenRoot(a.playbooks)
	if err != nil {
		return nil, nil, fmt.Errorf("read the playbooks of %s: %w", a.playbooks, err)
	}
	defer root.Close()
	return library.OpenBeside(root.FS(), filepath.ToSlash(a.playbooks), catalog, names...)
}

// library reads the playbooks and refuses those with problems: the one that is broken may be the
// one that an event needs.
func (a *app) library() (*library.Library, error) {
	l, problems, err := a.read()
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		return l, nil
	}
	for _, p := range problems {
		a.say("%s", line(p))
	}
	return nil, refuse(fmt.Errorf("the playbooks have %s", count(len(problems), "problem", "problems")), "mend them, then: "+a.command("validate"))
}

// line is a problem as people read it. A file may hold anything, and messages quote it.
func line(p playbook.Problem) string { return card.Clean(p.String(), 1000) }
