package playbooks_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

// documented returns the YAML blocks in a document that begin with a key.
func documented(t *testing.T, file, first string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var found []string
	for _, block := range regexp.MustCompile("(?s)```yaml\n("+first+".*?)```").FindAllSubmatch(text, -1) {
		found = append(found, string(block[1]))
	}
	return found
}

// The playbooks in the documentation compile, and the mistake that the first page speaks of is
// reported in those words.
func TestDocumentedPlaybooks(t *testing.T) {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	for file, want := range map[string]int{"../README.md": 1, "README.md": 4} {
		blocks := documented(t, file, "playbook: ")
		require.Len(t, blocks, want, file)
		for _, text := range blocks {
			_, problems := playbook.Compile(file, []byte(text), library.Catalog(registry))
			require.Empty(t, problems)
		}
	}
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	text := documented(t, "../README.md", "playbook: ")[0]

	mistaken := strings.Replace(text, "output.service", "output.servce", 1)
	_, problems := playbook.Compile("disable-leaked-key.yaml", []byte(mistaken), library.Catalog(registry))
	require.Len(t, problems, 1)
	require.Contains(t, string(readme), fmt.Sprintf("\n    %s\n", problems[0]))
}

// The test in the documentation passes.
func TestDocumentedTest(t *testing.T) {
	const pb, event = "run/aws-compromised-ec2-instance.yaml", "events/guardduty-ec2-bitcoin-dns.json"
	blocks := documented(t, "README.md", "tests:")
	require.Len(t, blocks, 1)
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	sent, err := playbooks.Events.ReadFile(event)
	require.NoError(t, err)
	lib := fstest.MapFS{playtest.File(pb): {Data: []byte(blocks[0])}, event: {Data: sent}}
	results, err := playtest.Run(lib, playtest.File(pb), compile(t, registry, pb), playtest.Options{Registry: registry, Normalise: gateway.Normalise})
	require.NoError(t, err)
	require.Len(t, results, 1)
	require.Empty(t, results[0].Failures)
}
