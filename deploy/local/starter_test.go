package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/workflows"
)

// starter runs the other command against a deployment, over the network like anybody's.
func starter(t *testing.T, d *deployment, args ...string) (code int, out, talk string) {
	t.Helper()
	return starterAt(t, append(args, "--address", d.server.Address(), "--gateway", d.gateFile)...)
}

// starterAt is starter for whoever names the deployment.
func starterAt(t *testing.T, args ...string) (code int, out, talk string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code = cli.Main(ctx, args, cli.Streams{
		In: strings.NewReader(""), Out: &stdout, Err: &stderr,
		Env: []string{"TEMPORAL_CONFIG_FILE=" + os.DevNull},
	})
	return code, stdout.String(), stderr.String()
}

// The commands and the real thing: a run is started, seen, answered and read afterwards.
func TestStarter(t *testing.T) {
	const events = "../../playbooks/events/"
	const instance = "aws-compromised-ec2-instance/111122223333:us-east-1:i-0abc123def4567890"
	state := t.TempDir()
	d, err := deploy(t.Context(), options{state: state}, nil)
	require.NoError(t, err)
	defer d.stop()

	code, out, talk := starter(t, d, "run", "--event", events+"guardduty-iam-malicious-ip-caller.json", "-o", "json")
	require.Zero(t, code, talk)
	require.Contains(t, out, sampleRun)
	status := until(t, d, sampleRun, func(s *workflows.Status) bool { return len(s.Asking()) == 1 })
	digest := status.Asking()[0].Digest.Short()

	code, out, _ = starter(t, d, "approvals")
	require.Zero(t, code)
	require.Contains(t, out, "Disable the access key AKIAIOSFODNN7EXAMPLE")
	require.Contains(t, out, digest)

	code, _, talk = starter(t, d, "approve", sampleRun, "--as", "carol@example.com")
	require.Equal(t, 1, code)
	require.Contains(t, talk, "carol started the run, and so has no vote")
	code, _, talk = starter(t, d, "approve", sampleRun, "--as", "mallory@example.com")
	require.Equal(t, 1, code)
	require.Contains(t, talk, `has no token for "mallory@example.com"`)
	code, _, _ = starter(t, d, "approve", sampleRun, "--as", "alice@example.com", "--digest", "00000000")
	require.Equal(t, 1, code)
	require.Empty(t, changes(t, state))
	code, _, talk = starter(t, d, "approve", sampleRun, "contain_user", "--as", "alice@example.com", "--digest", digest)
	require.Zero(t, code, talk)
	until(t, d, sampleRun, func(s *workflows.Status) bool { return s.State.Over() })
	require.Equal(t, keyContained, changes(t, state))
	code, _, talk = starter(t, d, "reject", sampleRun, "--as", "bob@example.com")
	require.Equal(t, 1, code, "the run is over: %s", talk)

	code, out, _ = starter(t, d, "show", sampleRun, "-o", "json")
	require.Zero(t, code)
	var shown workflows.Status
	require.NoError(t, json.Unmarshal([]byte(out), &shown))
	require.Equal(t, "contained", shown.Outcome)
	require.Equal(t, []string{"alice"}, shown.Approvals[0].Decision.By)
	require.JSONEq(t, `{"previous_status":"Active","changed":true,"verified":true}`, string(shown.Step("disable").Output))

	code, _, _ = starter(t, d, "run", "--event", events+"guardduty-ec2-bitcoin-dns.json")
	require.Zero(t, code)
	until(t, d, instance, func(s *workflows.Status) bool { return len(s.Asking()) == 1 })
	code, _, talk = starter(t, d, "cancel", instance)
	require.Zero(t, code, talk)
	status = until(t, d, instance, func(s *workflows.Status) bool { return s.State.Over() })
	require.Equal(t, workflows.Cancelled, status.State)

	code, _, _ = starter(t, d, "show", "no-such/run")
	require.Equal(t, 1, code)
	require.Eventually(t, func() bool { // the list lags behind the runs
		_, out, _ = starter(t, d, "runs", "-o", "json")
		return strings.Contains(out, instance) && strings.Contains(out, "canceled")
	}, 30*time.Second, 100*time.Millisecond, "%s", out)
	require.Equal(t, keyContained, changes(t, state), "what was cancelled did nothing")
}

// until watches a run until it is as wanted.
func until(t *testing.T, d *deployment, run string, wanted func(*workflows.Status) bool) *workflows.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var last *workflows.Status
	err := d.runs.Watch(ctx, run, time.Second, func(s *workflows.Status) bool {
		last = s
		return !wanted(s)
	})
	require.NoError(t, err)
	require.True(t, wanted(last), "the run ended as %+v", last)
	return last
}
