package playbooks_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// The playbook in README.md compiles, and the mistake it speaks of is reported in those words.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(readme, -1)
	require.Len(t, blocks, 1)
	text := string(blocks[0][1])
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	_, problems := playbook.Compile("disable-leaked-key.yaml", []byte(text), workflows.Catalog(registry))
	require.Empty(t, problems)

	mistaken := strings.Replace(text, "output.service", "output.servce", 1)
	_, problems = playbook.Compile("disable-leaked-key.yaml", []byte(mistaken), workflows.Catalog(registry))
	require.Len(t, problems, 1)
	require.Contains(t, string(readme), fmt.Sprintf("\n    %s\n", problems[0]))
}
