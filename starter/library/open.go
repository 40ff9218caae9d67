package library

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/countersign/countersign/workflows/playbook"
)

// ErrEmpty is returned by Open when there is no playbook to read: most likely a wrong path.
var ErrEmpty = errors.New("no playbooks")

// Open reads playbooks from folders, with all that is below them, and from single files. A link
// may lead anywhere if it is named itself; inside a folder it may not leave the folder. Tests of
// playbooks are left out, also when named, so that a pattern of the shell may include them.
//
// What the playbooks call and is in none of these is looked for in the folders of the single files.
func Open(catalog playbook.Catalog, names ...string) (*Library, playbook.Problems, error) {
	return OpenBeside(nil, "", catalog, names...)
}

// OpenBeside is Open for playbooks that may also call those of another tree, whose files are named
// below at.
func OpenBeside(other fs.FS, at string, catalog playbook.Catalog, names ...string) (*Library, playbook.Problems, error) {
	l := newLoader(catalog)
	var seen []string
	for _, name := range names {
		if name = filepath.Clean(name); !slices.Contains(seen, name) {
			seen = append(seen, name)
		}
	}
	// What is known of events first: a playbook may need what stands in another folder.
	for _, name := range seen {
		l.describe(name)
	}
	for _, name := range seen {
		if err := l.open(name); err != nil {
			return nil, nil, err
		}
	}
	if other != nil {
		l.others = append(l.others, func() error { return l.tree(other, at) })
	}
	library, problems := l.done()
	if len(library.entries) == 0 && len(problems) == 0 {
		return nil, nil, fmt.Errorf("read %s: %w; a playbook is a file that ends in %s", strings.Join(seen, ", "), ErrEmpty, suffix)
	}
	return library, problems, nil
}

// describe reads the schemas of events: those of a folder, or that stand beside it, as it may be that
// of a stage; or those that stand beside a file or beside the folder of its stage.
func (l *loader) describe(name string) {
	folders := []string{name, filepath.Join(name, "..", schemaFolder)}
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		dir := filepath.Dir(name)
		folders = []string{filepath.Join(dir, "..", schemaFolder), filepath.Join(dir, schemaFolder)}
	}
	for _, folder := range folders {
		root, err := os.OpenRoot(folder)
		if err != nil {
			continue // there is none, or reading the playbooks will tell
		}
		l.schemas(root.FS(), filepath.ToSlash(folder))
		_ = root.Close()
	}
}

func (l *loader) open(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("read the playbooks of %s: %w", name, cause(err))
	}
	if !info.IsDir() {
		if !strings.HasSuffix(name, testSuffix) {
			l.file(os.DirFS(filepath.Dir(name)), filepath.Base(name), filepath.ToSlash(name))
			l.others = append(l.others, func() error { return l.siblings(name) })
		}
		return nil
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return fmt.Errorf("read the playbooks of %s: %w", name, cause(err))
	}
	defer root.Close()
	return l.tree(root.FS(), filepath.ToSlash(name))
}

// siblings reads what stands in the folder of a file.
func (l *loader) siblings(name string) error {
	dir := filepath.Dir(name)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if base := e.Name(); base != filepath.Base(name) && strings.HasSuffix(base, suffix) && !strings.HasSuffix(base, testSuffix) && !strings.HasPrefix(base, ".") {
			l.file(root.FS(), base, filepath.ToSlash(filepath.Join(dir, base)))
		}
	}
	return err
}
