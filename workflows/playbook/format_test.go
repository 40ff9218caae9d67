package playbook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/format/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		out, problems := playbook.Format(file, text)
		require.Empty(t, problems)
		expected := strings.TrimSuffix(file, ".yaml") + ".out"
		if *update {
			require.NoError(t, os.WriteFile(expected, out, 0o600))
		}
		want, err := os.ReadFile(expected)
		require.NoError(t, err)
		require.Equal(t, string(want), string(out), file)
		requireFormatted(t, out)
	}
}

// Whatever the layout was, the playbook stays the same, and what is formatted stays as it is.
func TestFormatKeepsThePlaybook(t *testing.T) {
	t.Parallel()
	for _, file := range readable(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		out, problems := playbook.Format(file, text)
		require.Empty(t, problems, file)
		requireFormatted(t, out)
		before, _ := playbook.Compile(file, text, lamps())
		after, _ := playbook.Compile(file, out, lamps())
		require.Equal(t, before == nil, after == nil, file)
		if before != nil {
			require.Equal(t, before.Digest(), after.Digest(), file)
		}
	}
}

func TestFormatLeavesAlone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a: [", "a: &x 1\nb: *x\n", "a: 1\na: 2\n", "a: 1\n---\nb: 2\n"} {
		out, problems := playbook.Format("f.yaml", []byte(text))
		require.Nil(t, out, text)
		require.NotEmpty(t, problems, text)
	}
}

func requireFormatted(t *testing.T, text []byte) {
	t.Helper()
	again, problems := playbook.Format("again.yaml", text)
	require.Empty(t, problems, "%s", text)
	require.Equal(t, string(text), string(again))
}

func readable(t testing.TB) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"testdata/ok/*.yaml", "../../playbooks/*/*.yaml", "testdata/format/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		all = append(all, files...)
	}
	require.NotEmpty(t, all)
	return all
}

// FuzzFormat feeds any bytes. Format proves itself that it keeps what is said and noted; here it is
// seen that it has no panic and comes to rest.
func FuzzFormat(f *testing.F) {
	for _, file := range readable(f) {
		if text, err := os.ReadFile(file); err == nil && len(text) < 4096 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out, problems := playbook.Format("f.yaml", text)
		if len(problems) > 0 {
			require.Nil(t, out)
			return
		}
		requireFormatted(t, out)
	})
}
