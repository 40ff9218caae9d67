package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/workflows"
)

// A process that is killed after AWS has acted and before it heard the answer leaves a run that goes
// on in the next one: nothing is done twice, and what was there before is still known.
func TestKilledInTheMiddleOfAChange(t *testing.T) {
	aws, err := standin.New(standin.Options{})
	require.NoError(t, err)
	var cut atomic.Bool
	acted, gone := make(chan struct{}), make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		aws.ServeHTTP(answer, r)
		if last := aws.Mutations(); len(last) == 1 && last[0].Action == "UpdateAccessKey" && cut.CompareAndSwap(false, true) {
			close(acted)
			<-gone // the answer never leaves
			return
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	defer endpoint.Close()
	t.Setenv("AWS_ENDPOINT_URL", endpoint.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", standin.SampleAccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", standin.SampleSecretKey)

	state := t.TempDir()
	cmd, out := process(t, "Temporal", "--state", state, "--once", "--approve-as", "alice@example.com")
	select {
	case <-acted:
	case <-time.After(time.Minute):
		t.Fatalf("AWS was not asked to act:\n%s", out)
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	close(gone)

	code, _, talk := local(t, "--state", state, "--once", "--approve-as", "alice@example.com")
	require.Zero(t, code, talk)
	done := []string{}
	for _, m := range aws.Mutations() {
		if m.Changed {
			done = append(done, m.Service+":"+m.Action)
		}
	}
	require.Equal(t, keyContained, done)
	withServer(t, state, func(c workflows.Client, _ *devserver.Server) {
		status, err := c.Status(t.Context(), sampleRun)
		require.NoError(t, err)
		require.True(t, strings.Contains(string(status.Step("disable").Output), `"previous_status":"Active"`),
			"the undo must know that the key was active before: %s", status.Step("disable").Output)
	})
}
