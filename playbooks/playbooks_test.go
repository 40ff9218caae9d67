package playbooks_test

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/playtest"
)

// embedded is what is embedded, playbooks and events together.
type embedded struct{}

func (embedded) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "events/") {
		return playbooks.Events.Open(name)
	}
	return playbooks.Files.Open(name)
}

// files lists the playbooks, without the tests beside them.
func files(t *testing.T) []string {
	t.Helper()
	all, err := fs.Glob(playbooks.Files, "*/*.yaml")
	require.NoError(t, err)
	all = slices.DeleteFunc(all, func(file string) bool { return strings.HasSuffix(file, "_test.yaml") })
	require.NotEmpty(t, all)
	return all
}

func compile(t *testing.T, registry *activities.Registry, file string) *playbook.Playbook {
	t.Helper()
	text, err := fs.ReadFile(playbooks.Files, file)
	require.NoError(t, err)
	pb, problems := playbook.Compile(file, text, library.Catalog(registry))
	require.Empty(t, problems)
	return pb
}

// Every playbook that ships has tests beside it, they pass, and together they take every step and
// every branch.
func TestPlaybooks(t *testing.T) {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	for _, file := range files(t) {
		t.Run(file, func(t *testing.T) {
			pb := compile(t, registry, file)
			require.Equal(t, path.Base(file), pb.Name+".yaml", "a playbook is in a file of its name")
			require.Equal(t, path.Dir(file), pb.Stage, "a playbook is in the folder of its stage")
			text, err := fs.ReadFile(playbooks.Files, file)
			require.NoError(t, err)
			formatted, _ := playbook.Format(file, text)
			require.Equal(t, string(formatted), string(text), "run: starter fmt playbooks")

			results, err := playtest.Run(embedded{}, playtest.File(file), pb, playtest.Options{Registry: registry, Normalise: gateway.Normalise})
			require.NoError(t, err)
			for _, r := range results {
				t.Run(r.Name, func(t *testing.T) { require.Empty(t, r.Failures) })
			}
			require.Empty(t, playtest.Cover(pb, results).Untaken, "what no test takes")
			require.Equal(t, 100, playtest.Cover(pb, results).Percent())
		})
	}
}

// A plan is what travels, so what ships must survive the journey.
func TestPlansOfPlaybooksLoad(t *testing.T) {
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	for _, file := range files(t) {
		pb := compile(t, registry, file)
		loaded, err := pb.Plan.Load()
		require.NoError(t, err)
		require.Equal(t, pb.Digest(), loaded.Digest())
	}
}

func TestSampleEvent(t *testing.T) {
	raw, err := fs.ReadFile(embedded{}, playbooks.SampleEvent)
	require.NoError(t, err)
	ev, err := gateway.Normalise(raw)
	require.NoError(t, err)
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	started := 0
	for _, file := range files(t) {
		_, ok, err := compile(t, registry, file).Match(ev)
		require.NoError(t, err)
		if ok {
			started++
		}
	}
	require.Equal(t, 1, started, "the sample starts one playbook")
}
