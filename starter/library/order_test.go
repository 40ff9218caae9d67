package library_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/library"
)

// calling is a playbook that calls others, each in a step.
func calling(name string, others ...string) string {
	text := "playbook: " + name + "\nstage: run\nsteps:\n"
	for _, other := range others {
		text += "  - playbook: " + other + "\n"
	}
	return text
}

func TestCalledPlaybooksStandAnywhere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files    map[string]string
		names    []string
		problems []string
	}{
		"before, after and below": {
			files: map[string]string{"b.yaml": calling("b", "a", "c", "d"), "a.yaml": named("a"), "c.yaml": calling("c", "d"), "x/d.yaml": named("d")},
			names: []string{"a", "b", "c", "d"},
		},
		"not there": {
			files:    map[string]string{"a.yaml": calling("a", "contian"), "b.yaml": named("contain")},
			names:    []string{"contain"},
			problems: []string{`a.yaml:4:15: there is no playbook "contian"; did you mean "contain"? [unknown-playbook]`},
		},
		"itself": {
			files:    map[string]string{"a.yaml": calling("a", "a")},
			problems: []string{`a.yaml:4:15: the playbook a cannot be called: it leads back here: a calls a [cannot-call]`},
		},
		"round and round": {
			files: map[string]string{"a.yaml": calling("a", "b"), "b.yaml": calling("b", "c"), "c.yaml": calling("c", "b"), "d.yaml": named("d")},
			names: []string{"d"},
			problems: []string{
				`a.yaml:4:15: the playbook b cannot be called: it has problems of its own; the first is at b.yaml:4 [cannot-call]`,
				`b.yaml:4:15: the playbook c cannot be called: it has problems of its own; the first is at c.yaml:4 [cannot-call]`,
				`c.yaml:4:15: the playbook b cannot be called: it leads back here: b calls c calls b [cannot-call]`,
			},
		},
		"one with problems": {
			files: map[string]string{"a.yaml": calling("a", "b"), "b.yaml": strings.Replace(named("b"), "stop:", "stopp:", 1)},
			problems: []string{
				`a.yaml:4:15: the playbook b cannot be called: it has problems of its own; the first is at b.yaml:4 [cannot-call]`,
				`b.yaml:4:5: the step has no verb, but a key "stopp"; did you mean "stop"? [one-verb]`,
			},
		},
		"too deep": {
			files: map[string]string{
				"a.yaml": calling("a", "b"), "b.yaml": calling("b", "c"), "c.yaml": calling("c", "d"), "d.yaml": calling("d", "e"),
				"e.yaml": calling("e", "f"), "f.yaml": calling("f", "g"), "g.yaml": named("g"),
			},
			names:    []string{"b", "c", "d", "e", "f", "g"},
			problems: []string{`a.yaml:4:15: with b playbooks are called 6 deep; at most 5 [limits]`},
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

// A file by itself finds what it calls beside it, or in another tree; neither is then part of the
// library, nor are their problems.
func TestCalledPlaybooksBeside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, text := range map[string]string{
		"a.yaml": calling("a", "b", "elsewhere"), "b.yaml": calling("b", "c"), "c.yaml": named("c"),
		"broken.yaml": "x", "a_test.yaml": "x", "sub.yaml/x": "x",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	}
	a := filepath.Join(dir, "a.yaml")
	other := fstest.MapFS{"run/e.yaml": {Data: []byte(named("elsewhere"))}, "run/c.yaml": {Data: []byte(calling("c", "nowhere"))}}
	l, problems, err := library.OpenBeside(other, "other", catalog(), a)
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Equal(t, []string{"a"}, names(l))
	require.Len(t, l.Playbooks()[0].Plan.Playbooks, 2)

	_, problems, err = library.Open(catalog(), a)
	require.NoError(t, err)
	require.Equal(t, []string{a + `:5:15: there is no playbook "elsewhere"; want one of a, b, c [unknown-playbook]`}, lines(problems))
}
