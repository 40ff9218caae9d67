package main

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/worker/app"
)

// The worker as it runs in production, by its command line, against a server and an AWS that are
// somewhere else; the starter beside it.
func TestProductionWorker(t *testing.T) {
	aws, err := standin.New(standin.Options{})
	require.NoError(t, err)
	endpoint := httptest.NewServer(aws)
	defer endpoint.Close()
	t.Setenv("AWS_ENDPOINT_URL", endpoint.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", standin.SampleAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", standin.SampleSecretKey)
	t.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)

	server, err := devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop()) }()

	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	tool := func(args ...string) string {
		code, out, talk := starterAt(t, args...)
		require.Zero(t, code, talk)
		return out
	}
	tool("keys", "new", in("grant.pem"))
	write := func(name, text string) { require.NoError(t, os.WriteFile(in(name), []byte(text), 0o600)) }
	write("public.pem", tool("keys", "public", in("grant.pem")))
	for _, person := range []string{"alice", "carol"} {
		write(person, tool("token", "issue", "--person", person, "--key", in("grant.pem"), "--directory", "people.yaml", "--ledger", in("ledger.db")))
	}

	var logs, gatewayLogs lockedBuffer
	gatewayLogs.mark, gatewayLogs.marked = `"msg":"serving"`, make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 2)
	go func() {
		ended <- app.Main(ctx, []string{
			"--directory", "people.yaml", "--grant-keys", in("public.pem"), "--ledger", in("ledger.db"), "--address", server.Address(), "--task-queue", "secops",
		}, &logs, &logs)
	}()
	go func() {
		ended <- cli.Main(ctx, []string{
			"serve", "--key", in("grant.pem"), "--directory", "people.yaml", "--ledger", in("ledger.db"), "--checkpoints", in("checkpoints"),
			"--listen", "127.0.0.1:0", "--address", server.Address(), "--task-queue", "secops",
		}, cli.Streams{In: strings.NewReader(""), Out: &gatewayLogs, Err: &gatewayLogs, Env: []string{"TEMPORAL_CONFIG_FILE=" + os.DevNull}})
	}()
	defer stop()
	select {
	case <-gatewayLogs.marked:
	case <-time.After(time.Minute):
		t.Fatalf("the gateway does not serve:\n%s", &gatewayLogs)
	}
	_, url, _ := strings.Cut(gatewayLogs.String(), `"url":"`)
	url, _, _ = strings.Cut(url, `"`)

	run := func(as string, args ...string) (int, string, string) {
		return starterAt(t, append(args, "--address", server.Address(), "--task-queue", "secops", "--gateway", url, "--token-file", in(as))...)
	}
	watched := make(chan string, 1)
	go func() {
		_, out, talk := run("carol", "run", "--event", "../../playbooks/events/guardduty-iam-malicious-ip-caller.json", "--watch")
		watched <- out + talk
	}()
	require.Eventually(t, func() bool {
		code, _, _ := run("alice", "approve", sampleRun)
		return code == 0
	}, time.Minute, 100*time.Millisecond, "%s", &logs)
	require.Contains(t, <-watched, "contained")
	require.Len(t, aws.Mutations(), len(keyContained))

	stop()
	require.Zero(t, <-ended)
	require.Zero(t, <-ended)
	logs.Write([]byte(gatewayLogs.String()))
	for line := range strings.Lines(logs.String()) {
		require.True(t, strings.HasPrefix(line, "{"), "a worker's log is JSON, all of it: %s", line)
	}
	require.NotContains(t, logs.String(), standin.SampleSecretKey)
}
