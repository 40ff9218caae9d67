package library_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

func catalog() playbook.Catalog {
	r := activities.NewRegistry()
	all.Register(r, all.Options{})
	return library.Catalog(r)
}

const stop = "playbook: NAME\nstage: run\nsteps:\n  - stop: nothing to do\n"

func named(name string) string { return strings.Replace(stop, "NAME", name, 1) }

func names(l *library.Library) []string {
	var all []string
	for _, pb := range l.Playbooks() {
		all = append(all, pb.Name)
	}
	return all
}

func lines(problems playbook.Problems) []string {
	var all []string
	for _, p := range problems {
		all = append(all, p.String())
	}
	return all
}

func TestShippedLibraryHasNoProblems(t *testing.T) {
	t.Parallel()
	l, problems, err := library.Load(playbooks.Files, catalog())
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Contains(t, names(l), "aws-compromised-access-key")
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files    map[string]string
		names    []string
		problems []string
	}{
		"nothing": {},
		"below, by name": {
			files: map[string]string{"run/b.yaml": named("one"), "a.yaml": named("two"), "deep/er/c.yaml": named("a")},
			names: []string{"a", "one", "two"},
		},
		"tests and others are left out": {
			files: map[string]string{"a.yaml": named("a"), "a_test.yaml": "x", "README.md": "x", ".hidden.yaml": "x", ".git/b.yaml": "x"},
			names: []string{"a"},
		},
		"one name twice": {
			files:    map[string]string{"x/a.yaml": named("a"), "b.yaml": "# first\n" + named("a"), "c.yaml": `{"playbook":"a","stage":"run","steps":[{"stop":"x"}]}`},
			names:    []string{"a"},
			problems: []string{`c.yaml:1:1: the name "a" is already that of b.yaml [duplicate-name]`, `x/a.yaml:1:11: the name "a" is already that of b.yaml [duplicate-name]`},
		},
		"the other ending": {
			files:    map[string]string{"a.yml": named("a")},
			problems: []string{`a.yml:1:1: playbooks are files that end in .yaml; rename it [file-name]`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fstest.MapFS{}
			for file, text := range tc.files {
				fsys[file] = &fstest.MapFile{Data: []byte(text)}
			}
			l, problems, err := library.Load(fsys, catalog())
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tc.names, names(l)))
			require.Empty(t, cmp.Diff(tc.problems, lines(problems)))
		})
	}
}

func TestProblemsKeepAPlaybookOut(t *testing.T) {
	t.Parallel()
	l, problems, err := library.Load(fstest.MapFS{
		"a.yaml": {Data: []byte(named("a"))}, "b.yaml": {Data: []byte("playbook: b\nstage: run\nsteps: []\n")},
	}, catalog())
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names(l))
	require.Len(t, problems, 1)
	require.Equal(t, "b.yaml", problems[0].File)
}

// guarded is a file system whose one large file must not be read.
type guarded struct{ fstest.MapFS }

func (g guarded) Open(name string) (fs.File, error) {
	if name == "large.yaml" {
		return nil, errors.New("it was opened")
	}
	return g.MapFS.Open(name)
}

func TestTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	fsys := guarded{fstest.MapFS{"large.yaml": {Data: make([]byte, 10<<20)}}}
	_, problems, err := library.Load(fsys, catalog())
	require.NoError(t, err)
	require.Equal(t, []string{"large.yaml:1:1: the file is 10485760 bytes; at most 262144 are read [limits]"}, lines(problems))
}

func TestOpenFollowsNoLinkOut(t *testing.T) {
	t.Parallel()
	outside, inside := t.TempDir(), t.TempDir()
	secret := filepath.Join(outside, "secret.yaml")
	require.NoError(t, os.WriteFile(secret, []byte(named("secret")), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(inside, "..data"), 0o700)) // as a mounted ConfigMap
	require.NoError(t, os.WriteFile(filepath.Join(inside, "..data", "a.yaml"), []byte(named("a")), 0o600))
	require.NoError(t, os.Symlink("..data/a.yaml", filepath.Join(inside, "a.yaml")))
	require.NoError(t, os.Symlink(secret, filepath.Join(inside, "b.yaml")))
	require.NoError(t, os.Symlink(outside, filepath.Join(inside, "c.yaml")))
	require.NoError(t, os.Symlink(outside, filepath.Join(inside, "folder")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(inside, "d.yaml")))
	require.NoError(t, os.Mkdir(filepath.Join(inside, "e.yaml"), 0o700))

	l, problems, err := library.Open(catalog(), inside)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names(l))
	require.Len(t, problems, 3)
	for i, file := range []string{"b.yaml", "c.yaml", "d.yaml"} {
		require.Equal(t, filepath.Join(inside, file), problems[i].File)
		require.Equal(t, "unreadable", problems[i].Rule)
		require.NotContains(t, problems[i].Message, "secret")
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, test := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml"), filepath.Join(dir, "a_test.yaml")
	require.NoError(t, os.WriteFile(a, []byte(named("a")), 0o600))
	require.NoError(t, os.WriteFile(b, []byte(named("a")), 0o600))
	require.NoError(t, os.WriteFile(test, []byte("x"), 0o600))

	l, problems, err := library.Open(catalog(), a, dir+"/./a.yaml", test)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Equal(t, []string{"a"}, names(l))

	_, problems, err = library.Open(catalog(), a, b)
	require.NoError(t, err)
	require.Len(t, problems, 1)
	require.Equal(t, "duplicate-name", problems[0].Rule)

	_, _, err = library.Open(catalog(), filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = library.Open(catalog(), t.TempDir())
	require.ErrorIs(t, err, library.ErrEmpty)
	_, _, err = library.Open(catalog(), test)
	require.ErrorIs(t, err, library.ErrEmpty)
}

func TestByName(t *testing.T) {
	t.Parallel()
	l, _, err := library.Load(fstest.MapFS{"a.yaml": {Data: []byte(named("contain-key"))}}, catalog())
	require.NoError(t, err)
	pb, err := l.ByName("contain-key")
	require.NoError(t, err)
	require.Equal(t, "contain-key", pb.Name)
	_, err = l.ByName("contain-kye")
	require.ErrorIs(t, err, library.ErrNoPlaybook)
	require.EqualError(t, err, `no playbook "contain-kye"; did you mean "contain-key"?`)
}

func TestMatchSaysWhyNot(t *testing.T) {
	t.Parallel()
	trigger := func(name, triggers string) string { return named(name) + "triggers:\n" + triggers }
	l, problems, err := library.Load(fstest.MapFS{
		"a.yaml": {Data: []byte(trigger("a", "  - {event: shop.order, if: event.data.total > 5, dedupe: event.data.id}\n"))},
		"b.yaml": {Data: []byte(trigger("b", "  - {event: shop.order, if: event.data.total > 50}\n"))},
		"c.yaml": {Data: []byte(trigger("c", "  - {event: shop.order, if: event.data.total > 50}\n  - {event: shop.order, if: event.data.total > 60}\n"))},
		"d.yaml": {Data: []byte(trigger("d", "  - {event: shop.refund}\n  - {event: shop.visit, if: event.data.total > 5}\n  - {event: shop.visit}\n"))},
		"e.yaml": {Data: []byte(trigger("e", "  - {event: shop.order, if: event.data.missing > 5}\n"))},
		"f.yaml": {Data: []byte(named("f"))},
		"g.yaml": {Data: []byte(trigger("g", "  - {event: shop.order}\n"))},
	}, catalog())
	require.NoError(t, err)
	require.Empty(t, problems)
	got := map[string]string{}
	for _, m := range l.Match(event.Event{
		ID: "1", Source: "shop/eu", Type: "shop.order", Time: time.Unix(0, 0), Data: json.RawMessage(`{"id":"o-1","total":10}`),
	}) {
		got[m.Playbook.Name] = m.Key + m.Reason
		require.Equal(t, m.Err != nil, m.Playbook.Name == "e")
		require.Equal(t, m.Matches, m.Key != "")
	}
	require.Contains(t, got["e"], "missing")
	delete(got, "e")
	require.Empty(t, cmp.Diff(map[string]string{
		"a": "o-1",
		"b": "the condition of its trigger does not hold",
		"c": "none of the conditions of its 2 triggers for the event holds",
		"d": "it answers shop.refund, shop.visit; the event is shop.order",
		"f": "it has no triggers; it is started by name",
		"g": "shop/eu/1",
	}, got))
}
