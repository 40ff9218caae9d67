package workflows_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
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
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			for range 20 { // often enough for a map's order to show, were it visible
				require.NoError(t, replay(t, raw))
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

// A history of something else does not replay; otherwise the test above would pass whatever it was
// given.
func TestReplayNotices(t *testing.T) {
	raw, err := os.ReadFile("testdata/histories/aws-compromised-access-key.user-approved.json")
	require.NoError(t, err)
	for _, change := range [][2]string{
		{`"activityId": "disable"`, `"activityId": "disabled"`},
		{`"name": "aws.iam.disable_access_key"`, `"name": "aws.iam.enable_access_key"`},
	} {
		changed := bytes.Replace(raw, []byte(change[0]), []byte(change[1]), 1)
		require.NotEqual(t, string(raw), string(changed), change)
		if err := replay(t, changed); err == nil {
			t.Errorf("a history with %s replays", change[1])
		}
	}
}

// replay runs today's code against a history, under the id that the run had: votes are bound to it.
func replay(t *testing.T, raw []byte) error {
	t.Helper()
	history, err := client.HistoryFromJSON(bytes.NewReader(raw), client.HistoryJSONOptions{})
	require.NoError(t, err)
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	r := worker.NewWorkflowReplayer()
	workflows.Bind(r)
	return r.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
	})
}
