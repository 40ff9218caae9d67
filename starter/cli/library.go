package cli

import (
	"fmt"

	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
)

// read reads the given playbooks; without any, those of --playbooks or the library that ships.
func (a *app) read(names ...string) (*library.Library, playbook.Problems, error) {
	catalog := library.Catalog(a.registry)
	if len(names) == 0 && a.playbooks != "" {
		names = []string{a.playbooks}
	}
	if len(names) == 0 {
		return library.Load(playbooks.Files, catalog)
	}
	return library.Open(catalog, names...)
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
