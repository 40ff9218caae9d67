package library

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// Catalog is what playbooks may name outside of their files: the registered activities and
// workflows, and the types of events that ship with a schema.
func Catalog(r *activities.Registry, flows ...*workflows.Registry) playbook.Catalog {
	catalog := workflows.Catalog(r, flows...)
	catalog.Events = maps.Clone(shipped())
	return catalog
}

// schemaSuffix ends the name of a file that describes the data of a type of event, as
// events/aws.guardduty.finding.schema.json.
const (
	schemaFolder = "events"
	schemaSuffix = ".schema.json"
	maxSchema    = 1 << 20
)

var shipped = sync.OnceValue(func() playbook.Table[*expr.Type] {
	l := &loader{}
	l.schemas(playbooks.Events, "")
	if len(l.problems) > 0 {
		panic(l.problems) // of files that are part of the program; a test reads them all
	}
	return l.catalog.Events
})

// schemas reads what is known of events: the schemas in folders called events, which know the types
// of the data of one's own sources, or know better than what ships.
func (l *loader) schemas(fsys fs.FS, at string) {
	_ = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		folder := path.Base(path.Join(at, path.Dir(name)))
		switch {
		case err != nil: // reading the playbooks will tell
			return nil
		case d.IsDir() && name != "." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir(), folder != schemaFolder, !strings.HasSuffix(name, schemaSuffix):
			return nil
		}
		if err := l.schema(fsys, name); err != nil {
			l.problem(path.Join(at, name), ruleSchema, "it is no JSON Schema: %v", err)
		}
		return nil
	})
}

func (l *loader) schema(fsys fs.FS, name string) error {
	info, err := fs.Stat(fsys, name)
	switch {
	case err != nil:
		return cause(err)
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Size() > maxSchema:
		return fmt.Errorf("the file is %d bytes; at most %d are read", info.Size(), maxSchema)
	}
	raw, err := fs.ReadFile(fsys, name)
	if err != nil {
		return cause(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			return syntax
		}
		return errors.New("it, or the value of one of its keys, is of the wrong type") // the cause names types of Go
	}
	if l.catalog.Events == nil {
		l.catalog.Events = playbook.Table[*expr.Type]{}
	}
	l.catalog.Events[strings.TrimSuffix(path.Base(name), schemaSuffix)] = expr.FromSchema(&s)
	return nil
}
