package library_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
)

// What the documentation of a rule says its example is told is what it is told. The rules of the
// language are held so where they are.
func TestRuleExamples(t *testing.T) {
	t.Parallel()
	for _, rule := range library.Rules()[len(playbook.Rules()):] {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if name, target, ok := strings.Cut(strings.TrimSpace(rule.Example), " -> "); ok {
				name = filepath.Join(dir, name)
				require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
				require.NoError(t, os.Symlink(target, name))
			}
			for _, file := range txtar.Parse([]byte(rule.Example)).Files {
				name := filepath.Join(dir, file.Name)
				require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
				require.NoError(t, os.WriteFile(name, file.Data, 0o600))
			}
			_, problems, err := library.Open(catalog(), dir)
			require.NoError(t, err)
			require.Len(t, problems, 1)
			require.Equal(t, rule.Problem, strings.ReplaceAll(problems[0].String(), dir+"/", ""))
		})
	}
}
