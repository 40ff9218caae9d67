package main

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/deploy/local/devserver"
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

	var logs lockedBuffer
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- app.Main(ctx, []string{"--directory", "people.yaml", "--address", server.Address(), "--task-queue", "secops"}, &logs, &logs)
	}()
	defer stop()

	run := func(args ...string) (int, string, string) {
		return starter(t, server.Address(), append(args, "--task-queue", "secops")...)
	}
	watched := make(chan string, 1)
	go func() {
		_, out, talk := run("run", "--event", "../../playbooks/events/guardduty-iam-malicious-ip-caller.json", "--watch")
		watched <- out + talk
	}()
	require.Eventually(t, func() bool {
		code, _, _ := run("approve", sampleRun, "--as", "alice@example.com")
		return code == 0
	}, time.Minute, 100*time.Millisecond, "%s", &logs)
	require.Contains(t, <-watched, "contained")
	require.Len(t, aws.Mutations(), len(keyContained))

	stop()
	require.Zero(t, <-ended)
	for line := range strings.Lines(logs.String()) {
		require.True(t, strings.HasPrefix(line, "{"), "a worker's log is JSON, all of it: %s", line)
	}
	require.NotContains(t, logs.String(), standin.SampleSecretKey)
}
