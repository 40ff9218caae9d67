package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/worker/app"
	"github.com/countersign/countersign/worker/authority/authoritytest"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// asBadges makes the test program the worker of the activities that testdata/badges describes. Its
// value is the server's address.
const asBadges = "COUNTERSIGN_TEST_BADGES"

// badges is that worker. It stands for a program in another language: it knows Temporal and JSON,
// and nothing of ours.
func badges(address string) int {
	c, err := client.Dial(client.Options{HostPort: address})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer c.Close()
	w := worker.New(c, "acme-badges", worker.Options{})
	w.RegisterActivityWithOptions(func(_ context.Context, input map[string]any) (map[string]any, error) {
		return map[string]any{"enabled": input["badge"] != "0", "score": 0.5}, nil
	}, activity.RegisterOptions{Name: "acme.badge.status"})
	for _, name := range []string{"acme.badge.disable", "acme.badge.enable"} {
		w.RegisterActivityWithOptions(func(ctx context.Context, input, permit json.RawMessage) (map[string]any, error) {
			if err := permitted(name, input, permit); err != nil {
				return nil, temporal.NewNonRetryableApplicationError(err.Error(), "NotPermitted", nil)
			}
			info := activity.GetInfo(ctx)
			fmt.Println(name, string(input), info.WorkflowExecution.ID, info.ActivityID)
			return map[string]any{"badge": "7", "doors": 12}, nil
		}, activity.RegisterOptions{Name: name})
	}
	if err := w.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("taking calls")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	return 0
}

// permitted does what the manual of package activities asks of a worker: it looks for the digest of
// this very call in the permit.
func permitted(name string, input, permit json.RawMessage) error {
	var p struct {
		Covers []string `json:"covers"`
	}
	if err := json.Unmarshal(permit, &p); err != nil {
		return fmt.Errorf("no permit: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(input))
	dec.UseNumber() // digits as they came
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return err
	}
	canonical, err := json.Marshal(map[string]any{"activity": name, "input": tree, "version": 1})
	if err != nil {
		return err
	}
	for escaped, plain := range map[string]string{`\u003c`: "<", `\u003e`: ">", `\u0026`: "&"} { // Go's own way
		canonical = bytes.ReplaceAll(canonical, []byte(escaped), []byte(plain))
	}
	sum := sha256.Sum256(canonical)
	if !slices.Contains(p.Covers, "sha256:"+hex.EncodeToString(sum[:])) {
		return fmt.Errorf("the permit does not cover %s", canonical)
	}
	return nil
}

// An activity of another program, described by a file, is called, guarded and typed like ours.
func TestDescribedActivities(t *testing.T) {
	server, err := devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	c, err := connect.Local(t.Context(), server.Address(), server.Namespace())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	members, err := (options{}).members()
	require.NoError(t, err)
	w, err := app.Start(c, app.Options{Authority: authoritytest.NewAllow(t), Directory: members, Activities: "testdata/badges"})
	require.NoError(t, err)
	t.Cleanup(w.Stop)

	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asBadges+"="+server.Address())
	other := &lockedBuffer{mark: "taking calls", marked: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = other, other
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	select {
	case <-other.marked:
	case <-time.After(time.Minute):
		t.Fatalf("the other worker takes no calls:\n%s", other)
	}

	registry := activities.NewRegistry()
	require.NoError(t, activities.LoadDescriptors(registry, os.DirFS("testdata/badges")))
	runs := workflows.Client{Temporal: c}
	run := func(name, steps string) *workflows.Status {
		pb, problems := playbook.Compile(name+".yaml", []byte("playbook: "+name+"\nstage: run\nsteps:\n"+steps), library.Catalog(registry))
		require.Empty(t, problems)
		in, err := workflows.NewInput(pb, event.Event{ID: "1", Source: "test", Type: "test.badge", Time: time.Now(), Data: json.RawMessage(`{"badge":"7","none":""}`)}, nil)
		require.NoError(t, err)
		started, err := runs.Start(t.Context(), pb, "1", in)
		require.NoError(t, err)
		var last *workflows.Status
		require.NoError(t, runs.Watch(t.Context(), started.Run, time.Minute, func(s *workflows.Status) bool { last = s; return true }))
		return last
	}

	done := run("badge", `
  - {id: look, activity: acme.badge.status, with: {badge: "${event.data.badge}"}}
  - {id: lock, if: steps.look.output.enabled, activity: acme.badge.disable, with: {badge: "${event.data.badge}", why: "<b>&\"é\" 1.0"}}
outcome: string(steps.lock.?output.doors.orValue(0)) + " doors, score " + string(steps.look.output.score)
`)
	require.Equal(t, workflows.Done, done.State, done.Error)
	require.Equal(t, "12 doors, score 0.5", done.Outcome)
	require.Contains(t, other.String(), `acme.badge.disable {"badge":"7","why":"`)
	require.Contains(t, other.String(), " badge/1/lock/")

	back := run("back", `
  - {id: lock, undo: automatic, activity: acme.badge.disable, with: {badge: "7"}}
  - {stop: the door stays open, failed: true}
`)
	require.Equal(t, workflows.Failed, back.State)
	require.Contains(t, other.String(), `acme.badge.enable {"badge":"7"} back/1/lock.undo/`)

	refused := run("empty", "  - {id: lock, activity: acme.badge.disable, with: {badge: '${event.data.none}'}}\n")
	require.Equal(t, workflows.Failed, refused.State)
	require.Contains(t, refused.Error, `acme.badge.disable: the input does not fit`)
	require.NotContains(t, other.String(), `"badge":""`)
}
