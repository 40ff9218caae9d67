package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/workflows"
)

// TestHistories runs the playbooks that ship on the real server, and with -update keeps what it
// wrote for workflows' replay tests.
func TestHistories(t *testing.T) {
	for _, tc := range []struct{ name, event, answer, person string }{
		{"aws-compromised-access-key.user-approved", "guardduty-iam-malicious-ip-caller.json", "--approve-as", "alice@example.com"},
		{"aws-compromised-access-key.user-rejected", "guardduty-iam-malicious-ip-caller.json", "--reject-as", "bob@example.com"},
		{"aws-compromised-access-key.role-approved", "guardduty-iam-instance-credential-exfiltration.json", "--approve-as", "alice@example.com"},
		{"aws-compromised-ec2-instance.approved", "guardduty-ec2-bitcoin-dns.json", "--approve-as", "alice@example.com"},
		{"aws-compromised-ec2-instance.rejected", "guardduty-ec2-bitcoin-dns.json", "--reject-as", "bob@example.com"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			state := t.TempDir()
			code, _, talk := local(t, "--state", state, "--once", tc.answer, tc.person, "--event", filepath.Join("../../playbooks/events", tc.event))
			require.Zero(t, code, talk)
			withServer(t, state, func(c workflows.Client, _ *devserver.Server) {
				runs, err := c.Runs(t.Context(), false, 10)
				require.NoError(t, err)
				require.Len(t, runs, 1)
				require.Equal(t, "completed", runs[0].Status)
				h := &historypb.History{}
				events := c.Temporal.GetWorkflowHistory(t.Context(), runs[0].Run, runs[0].Execution, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
				for events.HasNext() {
					event, err := events.Next()
					require.NoError(t, err)
					h.Events = append(h.Events, event)
				}
				keep(t, tc.name, h)
			})
		})
	}
}

// keep writes a history, without the name of the machine that made it.
func keep(t *testing.T, name string, h *historypb.History) {
	t.Helper()
	if !*update {
		return
	}
	raw, err := protojson.Marshal(h)
	require.NoError(t, err)
	var tree any
	require.NoError(t, json.Unmarshal(raw, &tree))
	anonymous(tree)
	raw, err = json.MarshalIndent(tree, "", "  ")
	require.NoError(t, err)
	file := filepath.Join("../../workflows/testdata/histories", name+".json")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, append(raw, '\n'), 0o644))
}

func anonymous(tree any) {
	switch v := tree.(type) {
	case map[string]any:
		for k, child := range v {
			if k == "identity" {
				v[k] = "worker@example.com"
			}
			if name, ok := child.(string); ok && k == "name" && v["kind"] == "TASK_QUEUE_KIND_STICKY" {
				_, unique, _ := strings.Cut(name, ":")
				v[k] = "worker:" + unique
			}
			anonymous(child)
		}
	case []any:
		for _, child := range v {
			anonymous(child)
		}
	}
}
