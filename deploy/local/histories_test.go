package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// TestHistories runs the playbooks that ship on the real server, and with -update keeps what it
// wrote for workflows' replay tests.
func TestHistories(t *testing.T) {
	for _, tc := range []struct{ name, event, answer, person, verdict string }{
		{"aws-compromised-access-key.user-approved", "guardduty-iam-malicious-ip-caller.json", "--approve-as", "alice@example.com", ""},
		{"aws-compromised-access-key.user-rejected", "guardduty-iam-malicious-ip-caller.json", "--reject-as", "bob@example.com", ""},
		{"aws-compromised-access-key.role-approved", "guardduty-iam-instance-credential-exfiltration.json", "--approve-as", "alice@example.com", ""},
		{"aws-compromised-ec2-instance.approved", "guardduty-ec2-bitcoin-dns.json", "--approve-as", "alice@example.com", ""},
		{"aws-compromised-ec2-instance.rejected", "guardduty-ec2-bitcoin-dns.json", "--reject-as", "bob@example.com", ""},
		{"aws-public-bucket.approved", "securityhub-s3-public-access.json", "--approve-as", "alice@example.com", ""},
		{"aws-open-security-group.approved", "cloudtrail-ec2-authorize-security-group-ingress.json", "--approve-as", "alice@example.com", ""},
		{"aws-cloudtrail-stopped.approved", "cloudtrail-stop-logging.json", "--approve-as", "alice@example.com", ""},
		{"aws-root-console-login.expected", "cloudtrail-console-login-root.json", "--approve-as", "alice@example.com", "expected"},
		{"aws-unusual-console-login.hostile", "cloudtrail-console-login-user.json", "--approve-as", "alice@example.com", "hostile"},
		{"aws-stale-access-keys.approved", "schedule-aws-stale-access-keys.json", "--approve-as", "alice@example.com", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			state := t.TempDir()
			args := []string{"--state", state, "--once", tc.answer, tc.person, "--event", filepath.Join("../../playbooks/events", tc.event)}
			if tc.verdict != "" {
				args = append(args, "--answer-as", tc.person, "--answer", "verdict="+tc.verdict, "--answer", "note=tried")
			}
			code, _, talk := local(t, args...)
			require.Zero(t, code, talk)
			withServer(t, state, func(c workflows.Client, _ *devserver.Server) {
				runs, err := c.Runs(t.Context(), false, 10)
				require.NoError(t, err)
				require.Len(t, runs, 1)
				require.Equal(t, "completed", runs[0].Status)
				keep(t, tc.name, c, runs[0].Run, runs[0].Execution)
			})
		})
	}
}

// TestAuditHistories does the same for the audits that ship, as their schedules start them.
func TestAuditHistories(t *testing.T) {
	for name, approval := range map[string]string{
		"aws-account-audit": "", "aws-unencrypted-volumes": "", "aws-public-buckets": "contain", "aws-open-admin-ports": "contain",
		"aws-unused-roles": "contain", "aws-cloudtrail-off": "resume", "aws-root-use": "",
	} {
		t.Run(name, func(t *testing.T) {
			registry := activities.NewRegistry()
			all.Register(registry, all.Options{})
			file := "audit/" + name + ".yaml"
			text, err := playbooks.Files.ReadFile(file)
			require.NoError(t, err)
			pb, problems := playbook.Compile(file, text, workflows.Catalog(registry))
			require.Empty(t, problems)
			d, err := deploy(t.Context(), options{state: t.TempDir()}, nil)
			require.NoError(t, err)
			defer d.stop()
			who, err := d.as("carol")
			require.NoError(t, err)
			ev := playbook.ScheduledEvent(name, time.Date(2026, time.November, 23, 6, 0, 0, 0, time.UTC))
			input, err := workflows.NewInput(pb, ev, nil)
			require.NoError(t, err)
			started, err := d.desk.Start(t.Context(), who, desk.Start{Plan: &pb.Plan, Event: &ev, Inputs: input.Inputs})
			require.NoError(t, err)
			status := until(t, d, started.Run, func(s *workflows.Status) bool {
				return s.State.Over() || len(s.Asking()) == 1 || len(s.Unanswered()) == 1
			})
			if approval != "" {
				require.Len(t, status.Asking(), 1, status.Error)
				code, _, talk := starter(t, d, "approve", started.Run, approval, "--as", "alice@example.com")
				require.Zero(t, code, talk)
			}
			if len(status.Unanswered()) == 1 {
				code, _, talk := starter(t, d, "answer", started.Run, "judge", "--as", "alice@example.com", "--set", "verdict=expected", "--set", "note=tried")
				require.Zero(t, code, talk)
			}
			status = until(t, d, started.Run, func(s *workflows.Status) bool { return s.State.Over() })
			require.Equal(t, workflows.Done, status.State, status.Error)
			keep(t, name+".scheduled", d.runs, started.Run, started.Execution)
		})
	}
}

// TestBlocks runs every block verb on the real server: rounds side by side, failures that are
// caught and tolerated, timers, requests inside a loop.
func TestBlocks(t *testing.T) {
	text, err := os.ReadFile("testdata/blocks.yaml")
	require.NoError(t, err)
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	pb, problems := playbook.Compile("blocks.yaml", text, workflows.Catalog(registry))
	require.Empty(t, problems)
	raw, err := playbooks.Events.ReadFile(playbooks.SampleEvent)
	require.NoError(t, err)
	ev, err := gateway.Normalise(raw)
	require.NoError(t, err)
	input, err := workflows.NewInput(pb, ev, nil)
	require.NoError(t, err)

	d, err := deploy(t.Context(), options{state: t.TempDir()}, nil)
	require.NoError(t, err)
	defer d.stop()
	who, err := d.as("carol")
	require.NoError(t, err)
	started, err := d.desk.Start(t.Context(), who, desk.Start{Plan: &pb.Plan, Event: &ev, Inputs: input.Inputs})
	require.NoError(t, err)
	for i := range 2 {
		status := until(t, d, started.Run, func(s *workflows.Status) bool { return len(s.Asking()) == 1 && len(s.Approvals) == i+1 })
		code, _, talk := starter(t, d, "approve", started.Run, fmt.Sprintf("asked[%d].ask", i), "--as", "alice@example.com")
		require.Zero(t, code, talk)
		require.Len(t, status.Approvals, i+1)
	}
	status := until(t, d, started.Run, func(s *workflows.Status) bool { return s.State.Over() })
	require.Equal(t, workflows.Done, status.State, status.Error)
	require.Equal(t, "1 of 3 failed, missing was caught, did not hold after 2", status.Outcome)
	require.Empty(t, d.aws.Mutations())
	keep(t, "blocks", d.runs, started.Run, started.Execution)
}

// keep writes a run's history, without the name of the machine that made it.
func keep(t *testing.T, name string, c workflows.Client, run, execution string) {
	t.Helper()
	if !*update {
		return
	}
	h := &historypb.History{}
	events := c.Temporal.GetWorkflowHistory(t.Context(), run, execution, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, event)
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
