package authority_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
)

// ticking has a tick put something on record.
func (w *world) ticking(t *testing.T, kind string, in workflows.Ticking) (out workflows.Ticked, err error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	w.authority.Bind(env)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.Ticking) (workflows.Ticked, error) {
		var out workflows.Ticked
		err := workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second, ScheduleToCloseTimeout: time.Second}),
			workflows.TickActivity, in).Get(ctx, &out)
		return out, err
	}, workflow.RegisterOptions{Name: kind})
	env.ExecuteWorkflow(kind, in)
	if err := env.GetWorkflowError(); err != nil {
		return out, err
	}
	return out, env.GetWorkflowResult(&out)
}

func TestTick(t *testing.T) {
	w := newWorld(t)
	due := w.now.UTC().Truncate(time.Second).Add(-time.Minute)
	in := workflows.Ticking{Playbook: "stale-keys", Scheduled: due}
	becomes := func(want workflows.Ticked) {
		t.Helper()
		got, err := w.ticking(t, workflows.TickType, in)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	put := func(e ledger.Entry) {
		t.Helper()
		require.NoError(t, w.ledger.Do(context.Background(), func(tx ledger.Tx) error { _, err := tx.Append(e); return err }))
	}
	becomes(workflows.Ticked{State: workflows.TickWaiting})
	becomes(workflows.Ticked{State: workflows.TickWaiting})
	found := w.records(ledger.Tick)
	require.Len(t, found, 1, "once a scheduled time")
	require.Equal(t, "tick/stale-keys/"+due.Format(time.RFC3339), found[0].Key)
	require.Equal(t, "stale-keys", found[0].Topic)
	var body ledger.TickBody
	require.NoError(t, found[0].Read(&body))
	require.True(t, due.Equal(body.Scheduled))
	require.NotEmpty(t, body.Execution)

	put(ledger.Entry{Kind: ledger.Ticked, Run: "stale-keys/1", Key: ledger.TickedKey("stale-keys", due), Body: ledger.TickedBody{Playbook: "stale-keys", Scheduled: due, Run: "stale-keys/1", Execution: "e1"}})
	becomes(workflows.Ticked{State: workflows.TickStarted, Run: "stale-keys/1", Execution: "e1"})

	over := in
	over.Over = ledger.TickCancelled
	_, err := w.ticking(t, workflows.TickType, over)
	require.NoError(t, err)
	require.Len(t, w.records(ledger.TickOver), 1)

	put(ledger.Entry{Kind: ledger.Ended, Run: "stale-keys/1", Key: ledger.EndedKey("stale-keys/1", "e1"), Body: ledger.EndedBody{Execution: "e1", State: "failed", Error: "no"}})
	becomes(workflows.Ticked{State: workflows.TickFailed, Run: "stale-keys/1", Execution: "e1", Error: "no"})

	in.Scheduled = due.Add(-time.Hour)
	becomes(workflows.Ticked{State: workflows.TickWaiting})
	put(ledger.Entry{Kind: ledger.Ticked, Key: ledger.TickedKey("stale-keys", in.Scheduled), Body: ledger.TickedBody{Playbook: "stale-keys", Scheduled: in.Scheduled, Refused: "not scheduled"}})
	becomes(workflows.Ticked{State: workflows.TickRefused, Error: "not scheduled"})
}

// A time that was refused is refused for good, but for a person who orders it afterwards.
func TestTickAgain(t *testing.T) {
	w := newWorld(t)
	due := w.now.UTC().Truncate(time.Second).Add(-time.Hour)
	in := workflows.Ticking{Playbook: "stale-keys", Scheduled: due}
	state := func() workflows.TickState {
		t.Helper()
		got, err := w.ticking(t, workflows.TickType, in)
		require.NoError(t, err)
		return got.State
	}
	put := func(e ledger.Entry) (seq int64) {
		t.Helper()
		require.NoError(t, w.ledger.Do(t.Context(), func(tx ledger.Tx) error { rec, err := tx.Append(e); seq = rec.Seq; return err }))
		return seq
	}
	order := func(from, to time.Time, once bool) int64 {
		return put(ledger.Entry{Kind: ledger.TickOrder, Topic: "stale-keys", Body: ledger.TickOrderBody{Playbook: "stale-keys", From: from, To: to, Once: once}})
	}
	order(due, due, false) // before it was refused
	require.Equal(t, workflows.TickWaiting, state())
	put(ledger.Entry{Kind: ledger.Ticked, Key: ledger.TickedKey("stale-keys", due), Body: ledger.TickedBody{Playbook: "stale-keys", Scheduled: due, Refused: "no gateway took it in time"}})
	require.Equal(t, workflows.TickRefused, state())
	order(due.Add(time.Minute), due.Add(time.Hour), false)
	order(due, due, true)
	require.Equal(t, workflows.TickRefused, state(), "of another time, and one for now")

	again := ledger.TickAgain(order(due.Add(-time.Minute), due, false))
	require.Equal(t, workflows.TickWaiting, state())
	require.Equal(t, workflows.TickWaiting, state())
	found := w.records(ledger.Tick)
	require.Len(t, found, 2, "once an order")
	require.Equal(t, ledger.TickKey("stale-keys", due)+again, found[1].Key)
	put(ledger.Entry{Kind: ledger.Ticked, Run: "stale-keys/1", Key: ledger.TickedKey("stale-keys", due) + again, Body: ledger.TickedBody{Playbook: "stale-keys", Scheduled: due, Run: "stale-keys/1", Execution: "e1"}})
	require.Equal(t, workflows.TickStarted, state())
}

func TestWhatIsNoTick(t *testing.T) {
	w := newWorld(t)
	due := w.now.UTC().Truncate(time.Second)
	good := workflows.Ticking{Playbook: "stale-keys", Scheduled: due}
	for name, tc := range map[string]struct {
		kind   string
		change func(*workflows.Ticking)
		says   string
	}{
		"another workflow": {workflows.RunType, func(*workflows.Ticking) {}, "only a tick"},
		"no name":          {workflows.TickType, func(in *workflows.Ticking) { in.Playbook = "../x" }, "no name of a playbook"},
		"a long name":      {workflows.TickType, func(in *workflows.Ticking) { in.Playbook = strings.Repeat("a", 101) }, "no name of a playbook"},
		"the future":       {workflows.TickType, func(in *workflows.Ticking) { in.Scheduled = due.Add(time.Hour) }, "no time at which"},
		"long ago":         {workflows.TickType, func(in *workflows.Ticking) { in.Scheduled = due.AddDate(-2, 0, 0) }, "no time at which"},
		"between seconds":  {workflows.TickType, func(in *workflows.Ticking) { in.Scheduled = due.Add(time.Millisecond) }, "no time at which"},
		"another end":      {workflows.TickType, func(in *workflows.Ticking) { in.Over = "done" }, "cancelled or missed"},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			tc.change(&in)
			_, err := w.ticking(t, tc.kind, in)
			require.ErrorContains(t, err, tc.says)
		})
	}
	require.Empty(t, w.records())
}

// Whoever may write to the namespace can start ticks of any name, and end one tick under any number of
// executions: neither fills the ledger.
func TestTicksAreBounded(t *testing.T) {
	w := newWorld(t)
	due := w.now.UTC().Truncate(time.Second).Add(-time.Minute)
	fill := func(kind ledger.Kind, name string, n int) {
		t.Helper()
		require.NoError(t, w.ledger.Do(t.Context(), func(tx ledger.Tx) error {
			for i := range n {
				if _, err := tx.Append(ledger.Entry{Kind: kind, Topic: name, Key: fmt.Sprint(kind, name, i), Body: struct{}{}}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	tick := func(name, over string) error {
		_, err := w.ticking(t, workflows.TickType, workflows.Ticking{Playbook: name, Scheduled: due, Over: over})
		return err
	}
	fill(ledger.TickOver, "stale-keys", 1000)
	require.ErrorContains(t, tick("stale-keys", ledger.TickCancelled), "too often")
	require.NoError(t, tick("another", ledger.TickCancelled))
	for i := range 5 {
		fill(ledger.Tick, fmt.Sprint("made-up-", i), 999)
	}
	require.NoError(t, tick("stale-keys", ""))
	fill(ledger.Tick, "made-up-5", 10)
	require.ErrorContains(t, tick("one-more", ""), "too often")
}
