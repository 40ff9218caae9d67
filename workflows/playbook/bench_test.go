package playbook_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows/playbook"
)

// BenchmarkCompile checks the playbooks of testdata/ok. Their expressions are known after the first
// time: what those cost is measured in package expr.
func BenchmarkCompile(b *testing.B) {
	files, err := filepath.Glob("testdata/ok/*.yaml")
	require.NoError(b, err)
	require.NotEmpty(b, files)
	catalog := lamps()
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(b, err)
		b.Run(filepath.Base(file), func(b *testing.B) {
			for b.Loop() {
				if _, problems := playbook.Compile(file, text, catalog); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}
