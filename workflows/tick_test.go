package workflows_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/practice"
)

// bell is a tick in Temporal's time-skipping environment, before a record that a test makes up.
type bell struct {
	testing.TB

	env   *testsuite.TestWorkflowEnvironment
	mu    sync.Mutex
	is    workflows.Ticked
	fails error
	looks []time.Duration // since it began
	over  string
	began time.Time
}

var dueAt = time.Date(2026, 11, 27, 6, 17, 0, 0, time.UTC)

func newBell(t testing.TB) *bell {
	b := &bell{TB: t, env: newEnvironment(), is: workflows.Ticked{State: workflows.TickWaiting}}
	d := practice.New()
	d.Ticked = func(in workflows.Ticking) (workflows.Ticked, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		require.Equal(t, "p", in.Playbook)
		require.True(t, dueAt.Equal(in.Scheduled))
		if in.Over != "" {
			b.over = in.Over
		} else {
			b.looks = append(b.looks, b.env.Now().Sub(b.began))
		}
		return b.is, b.fails
	}
	d.Bind(b.env)
	b.env.RegisterWorkflowWithOptions(workflows.Tick, workflow.RegisterOptions{Name: workflows.TickType})
	b.env.SetStartTime(dueAt.Add(20 * time.Second))
	require.NoError(t, b.env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime").ValueSet(dueAt))))
	b.env.SetWorkflowRunTimeout(100 * 24 * time.Hour)
	b.env.SetTestTimeout(time.Minute)
	return b
}

// becomes has the record say something else after a while.
func (b *bell) becomes(after time.Duration, is workflows.Ticked, fails error) {
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.is, b.fails = is, fails
	}, after)
}

// ring runs the tick to its end.
func (b *bell) ring(catchUp time.Duration) (workflows.TickStatus, error) {
	b.Helper()
	b.began = b.env.Now()
	b.env.ExecuteWorkflow(workflows.TickType, workflows.TickInput{Playbook: "p", CatchUp: catchUp})
	require.True(b, b.env.IsWorkflowCompleted())
	if err := b.env.GetWorkflowError(); err != nil {
		return workflows.TickStatus{}, err
	}
	var st workflows.TickStatus
	require.NoError(b, b.env.GetWorkflowResult(&st))
	return st, nil
}

func (b *bell) took() time.Duration { return b.env.Now().Sub(b.began) }

// A tick lives as long as its run, and looks less and less often.
func TestTickLivesAsLongAsItsRun(t *testing.T) {
	b := newBell(t)
	b.becomes(3*time.Second, workflows.Ticked{State: workflows.TickStarted, Run: "p/scheduled", Execution: "e"}, nil)
	b.becomes(50*time.Hour, workflows.Ticked{State: workflows.TickDone, Run: "p/scheduled", Execution: "e", Outcome: "all is well"}, nil)
	st, err := b.ring(time.Hour)
	require.NoError(t, err)
	require.Equal(t, workflows.TickDone, st.State)
	require.Equal(t, "all is well", st.Outcome)
	require.True(t, dueAt.Equal(st.Scheduled))
	require.InDelta(t, 50*time.Hour, b.took(), float64(10*time.Minute))
	require.Less(t, len(b.looks), 400)
	require.Less(t, b.looks[1], 2*time.Second)
	for i := 1; i < len(b.looks); i++ {
		require.LessOrEqual(t, b.looks[i]-b.looks[i-1], 10*time.Minute+time.Second)
	}
}

func TestTickThatNobodyTakes(t *testing.T) {
	for catchUp, within := range map[time.Duration]time.Duration{time.Minute: 15 * time.Minute, 3 * time.Hour: 3 * time.Hour} {
		b := newBell(t)
		_, err := b.ring(catchUp)
		require.ErrorContains(t, err, "missed: no gateway took it")
		require.Equal(t, "Missed", typeOf(t, err))
		require.InDelta(t, within, b.took(), float64(11*time.Minute))
		require.GreaterOrEqual(t, b.took(), within-20*time.Second)
		require.Equal(t, "missed", b.over, "whoever comes later does not start it")
	}
}

func typeOf(t *testing.T, err error) string {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	return app.Type()
}

func TestTickEndsAsItsRun(t *testing.T) {
	for _, tc := range []struct {
		is         workflows.Ticked
		kind, says string
	}{
		{workflows.Ticked{State: workflows.TickFailed, Run: "p/1", Error: "a step failed"}, "RunFailed", "a step failed"},
		{workflows.Ticked{State: workflows.TickCancelled, Run: "p/1"}, "RunFailed", "the run p/1 is cancelled"},
		{workflows.Ticked{State: workflows.TickRefused, Error: "the playbook p has no schedule here"}, "Refused", "has no schedule here"},
	} {
		b := newBell(t)
		b.becomes(time.Second, tc.is, nil)
		_, err := b.ring(time.Hour)
		require.ErrorContains(t, err, tc.says)
		require.Equal(t, tc.kind, typeOf(t, err))
		require.Empty(t, b.over)
	}
}

// A record that cannot be read is read again, and a run that takes for ever does not keep the schedule
// from ever running again.
func TestTickIsPatient(t *testing.T) {
	b := newBell(t)
	b.fails = errors.New("the database is away")
	b.becomes(9*time.Minute, workflows.Ticked{State: workflows.TickStarted, Run: "p/1", Execution: "e"}, nil)
	b.becomes(20*time.Minute, workflows.Ticked{State: workflows.TickStarted, Run: "p/1", Execution: "e"}, errors.New("again"))
	b.becomes(30*time.Minute, workflows.Ticked{State: workflows.TickDone, Run: "p/1", Execution: "e"}, nil)
	_, err := b.ring(time.Minute)
	require.NoError(t, err)

	b = newBell(t)
	b.is = workflows.Ticked{State: workflows.TickStarted, Run: "p/1", Execution: "e"}
	_, err = b.ring(time.Minute)
	require.Equal(t, "Lost", typeOf(t, err))
	require.InDelta(t, 45*24*time.Hour, b.took(), float64(time.Hour))
}

// What cancels a tick cancels its run by way of the record, and the next one waits until that has
// stopped.
func TestTickIsCancelled(t *testing.T) {
	b := newBell(t)
	b.is = workflows.Ticked{State: workflows.TickStarted, Run: "p/1", Execution: "e"}
	b.env.RegisterDelayedCallback(b.env.CancelWorkflow, time.Hour)
	b.becomes(time.Hour+4*time.Minute, workflows.Ticked{State: workflows.TickCancelled, Run: "p/1", Execution: "e"}, nil)
	_, err := b.ring(time.Minute)
	require.True(t, temporal.IsCanceledError(err), err)
	require.Equal(t, "cancelled", b.over)
	require.InDelta(t, time.Hour+4*time.Minute, b.took(), float64(time.Minute))

	b = newBell(t) // one that does not stop
	b.is = workflows.Ticked{State: workflows.TickStarted, Run: "p/1", Execution: "e"}
	b.env.RegisterDelayedCallback(b.env.CancelWorkflow, time.Hour)
	_, err = b.ring(time.Minute)
	require.True(t, temporal.IsCanceledError(err), err)
	require.InDelta(t, time.Hour+15*time.Minute, b.took(), float64(time.Minute))

	b = newBell(t) // nothing was started
	b.env.RegisterDelayedCallback(b.env.CancelWorkflow, time.Minute)
	_, err = b.ring(time.Minute)
	require.True(t, temporal.IsCanceledError(err), err)
	require.Equal(t, "cancelled", b.over)
	require.InDelta(t, time.Minute, b.took(), float64(20*time.Second))
}

// Whoever starts a tick by hand is told how to have one.
func TestTickWithoutASchedule(t *testing.T) {
	env := newEnvironment()
	practice.New().Bind(env)
	env.RegisterWorkflowWithOptions(workflows.Tick, workflow.RegisterOptions{Name: workflows.TickType})
	env.ExecuteWorkflow(workflows.TickType, workflows.TickInput{Playbook: "p"})
	require.ErrorContains(t, env.GetWorkflowError(), "starter schedule trigger")
}

// A run that a schedule started tells its end, also if it asked nobody; a part of it does not.
func TestScheduledRunTellsItsEnd(t *testing.T) {
	h := newHouse(t)
	heard := h.hears()
	h.event.Source, h.event.Type = "countersign/schedule", "countersign.schedule"
	pb := h.compile("p", "steps:\n  - {id: a, activity: lamp.look, with: {lamp: desk}}\noutcome: '\"lit\"'\n")
	in, err := workflows.NewInput(pb, h.event, nil)
	require.NoError(t, err)
	h.env.ExecuteWorkflow(workflows.RunType, in)
	require.NoError(t, h.env.GetWorkflowError())
	require.Equal(t, []string{"ended p done: lit"}, heard())
}
