package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows"
)

// Every history that a real server wrote replays under today's code. They are recorded by the
// end-to-end tests (go test ./deploy/local -run TestHistories -update) and never deleted while a
// run of their version may be alive.
func TestHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	covered := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			r := worker.NewWorkflowReplayer()
			r.RegisterWorkflowWithOptions(workflows.Run, workflow.RegisterOptions{Name: workflows.RunType})
			logger := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
			for range 20 { // often enough for a map's order to show, were it visible
				require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(logger, file))
			}
		})
		playbook, _, _ := strings.Cut(name, ".")
		covered[playbook] = true
	}
	shipped, err := filepath.Glob("../playbooks/*/*.yaml")
	require.NoError(t, err)
	for _, file := range shipped {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if !strings.HasSuffix(name, "_test") {
			require.True(t, covered[name], "the playbook %s has no history in testdata/histories", name)
		}
	}
}

// A history under code that does something else does not replay; otherwise the test above would
// pass whatever it was given.
func TestReplayNotices(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*approved*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	raw, err := os.ReadFile(files[0])
	require.NoError(t, err)
	changed := strings.Replace(string(raw), `"activityId": "disable"`, `"activityId": "disabled"`, 1)
	require.NotEqual(t, string(raw), changed)
	file := filepath.Join(t.TempDir(), "history.json")
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflowWithOptions(workflows.Run, workflow.RegisterOptions{Name: workflows.RunType})
	require.Error(t, r.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file))
}
