package workflows_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
)

// exchange is a switchboard in Temporal's time-skipping environment, between runs that are written
// down.
type exchange struct {
	testing.TB

	env  *testsuite.TestWorkflowEnvironment
	mu   sync.Mutex
	sent []string        // run, signal and what
	gone map[string]bool // runs that are over
}

func newExchange(t testing.TB) *exchange {
	x := &exchange{TB: t, env: newEnvironment(), gone: map[string]bool{}}
	x.env.RegisterWorkflowWithOptions(workflows.Switchboard, workflow.RegisterOptions{Name: workflows.SwitchboardType})
	x.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
		func(_, run, _, signal string, arg any) error {
			x.mu.Lock()
			defer x.mu.Unlock()
			if x.gone[run] {
				return &temporal.UnknownExternalWorkflowExecutionError{}
			}
			raw, err := json.Marshal(arg)
			if err != nil {
				return err
			}
			var what struct{ ID string }
			if err := json.Unmarshal(raw, &what); err != nil {
				return err
			}
			x.sent = append(x.sent, run+" "+signal+" "+what.ID)
			return nil
		})
	return x
}

func (x *exchange) subscription(run, id string, until time.Duration) workflows.Subscription {
	return workflows.Subscription{ID: id, Run: run, Execution: run + "-1", Until: x.env.Now().Add(until)}
}

func (x *exchange) subscribe(run, id string, until time.Duration) {
	x.env.SignalWorkflow(workflows.SubscribeSignal, x.subscription(run, id, until))
}

func (x *exchange) unsubscribe(run, id string) {
	x.env.SignalWorkflow(workflows.UnsubscribeSignal, x.subscription(run, id, 0))
}

func (x *exchange) event(id string) event.Event {
	return event.Event{ID: id, Source: "hall", Type: "lamp.mended", Data: json.RawMessage(`{}`)}
}

func (x *exchange) deliver(id string) { x.env.SignalWorkflow(workflows.EventSignal, x.event(id)) }

func (x *exchange) at(d time.Duration, f func()) { x.env.RegisterDelayedCallback(f, d) }

// run runs it to its end, and returns what was sent.
func (x *exchange) run(in workflows.SwitchboardInput) []string {
	x.Helper()
	in.Type = "lamp.mended"
	x.env.ExecuteWorkflow(workflows.SwitchboardType, in)
	require.True(x, x.env.IsWorkflowCompleted())
	slices.Sort(x.sent)
	return x.sent
}

// Whoever waits is told, once an execution, until it says that it waits no more; then nobody waits,
// and the switchboard ends.
func TestSwitchboard(t *testing.T) {
	x := newExchange(t)
	x.at(0, func() { x.subscribe("a", "more#1", time.Hour) })
	x.at(time.Minute, func() { x.deliver("e1") })
	x.at(2*time.Minute, func() { x.subscribe("b", "more#1", time.Hour) })
	x.at(3*time.Minute, func() { x.subscribe("a", "more#2", time.Hour) })
	x.at(4*time.Minute, func() { x.deliver("e2") })
	x.at(5*time.Minute, func() { x.unsubscribe("b", "more#1") })
	x.at(6*time.Minute, func() { x.unsubscribe("a", "more#1") })
	x.at(7*time.Minute, func() { x.deliver("e3") })
	x.at(8*time.Minute, func() { x.unsubscribe("a", "more#2") })
	began := x.env.Now()
	sent := x.run(workflows.SwitchboardInput{Subscriptions: []workflows.Subscription{x.subscription("z", "w#1", 9*time.Minute)}})
	require.NoError(t, x.env.GetWorkflowError())
	require.Equal(t, []string{
		"a event e1", "a event e2", "a event e3", "b event e2",
		"z event e1", "z event e2", "z event e3",
	}, sent)
	require.Equal(t, 10*time.Minute, x.env.Now().Sub(began), "it forgets a run that ended without a word a minute after its time")
}

// A run that is gone waits no more; nothing else does its end.
func TestSwitchboardForgetsRunsThatAreGone(t *testing.T) {
	x := newExchange(t)
	x.gone["a"] = true
	x.at(time.Minute, func() { x.deliver("e1") })
	began := x.env.Now()
	sent := x.run(workflows.SwitchboardInput{Subscriptions: []workflows.Subscription{x.subscription("a", "w#1", time.Hour)}})
	require.NoError(t, x.env.GetWorkflowError())
	require.Empty(t, sent)
	require.Equal(t, time.Minute, x.env.Now().Sub(began))
}

// What arrives together with the end of the last subscription still counts: another that begins to
// wait, and the event for it.
func TestSwitchboardEndsWithNothingLeft(t *testing.T) {
	x := newExchange(t)
	x.at(time.Minute, func() {
		x.env.SignalWorkflowSkippingWorkflowTask(workflows.EventSignal, x.event("e1"))
		x.env.SignalWorkflowSkippingWorkflowTask(workflows.SubscribeSignal, x.subscription("b", "w#1", time.Hour))
		x.unsubscribe("a", "w#1")
	})
	x.at(2*time.Minute, func() { x.unsubscribe("b", "w#1") })
	sent := x.run(workflows.SwitchboardInput{Subscriptions: []workflows.Subscription{x.subscription("a", "w#1", time.Hour)}})
	require.NoError(t, x.env.GetWorkflowError())
	require.Equal(t, []string{"b event e1"}, sent)
}

// A history that grows long is left behind with nobody and nothing forgotten: the next one goes on
// with who waits and with what has arrived.
func TestSwitchboardGoesOnWithANewHistory(t *testing.T) {
	x := newExchange(t)
	x.at(time.Minute, func() {
		x.env.SetContinueAsNewSuggested(true)
		x.env.SignalWorkflowSkippingWorkflowTask(workflows.SubscribeSignal, x.subscription("b", "w#1", time.Hour))
		x.deliver("e1")
	})
	sent := x.run(workflows.SwitchboardInput{Subscriptions: []workflows.Subscription{x.subscription("a", "w#1", time.Hour)}})
	require.Empty(t, sent)
	var anew *workflow.ContinueAsNewError
	require.ErrorAs(t, x.env.GetWorkflowError(), &anew)
	var in workflows.SwitchboardInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(anew.Input, &in))
	require.Equal(t, "lamp.mended", in.Type)
	require.Len(t, in.Subscriptions, 2)
	require.Len(t, in.Events, 1)

	next := newExchange(t)
	next.at(time.Minute, func() { next.deliver("e2") })
	sent = next.run(in)
	require.NoError(t, next.env.GetWorkflowError())
	require.Equal(t, []string{"a event e1", "a event e2", "b event e1", "b event e2"}, sent)
}

// More than fits into a beginning is forwarded first.
func TestSwitchboardLeavesOnlySoMuch(t *testing.T) {
	x := newExchange(t)
	x.at(time.Minute, func() {
		x.env.SetContinueAsNewSuggested(true)
		for i := range 4 {
			ev := x.event(fmt.Sprintf("e%d", i))
			ev.Data = json.RawMessage(`"` + strings.Repeat("x", workflows.MaxCandidate-100) + `"`)
			x.env.SignalWorkflowSkippingWorkflowTask(workflows.EventSignal, ev)
		}
		x.subscribe("a", "w#1", time.Hour) // once more
	})
	sent := x.run(workflows.SwitchboardInput{Subscriptions: []workflows.Subscription{x.subscription("a", "w#1", time.Hour)}})
	require.Equal(t, []string{"a event e0", "a event e1"}, sent)
	var anew *workflow.ContinueAsNewError
	require.ErrorAs(t, x.env.GetWorkflowError(), &anew)
}

// Who is too many is told so, and those who were there stay.
func TestSwitchboardIsBounded(t *testing.T) {
	x := newExchange(t)
	var in workflows.SwitchboardInput
	for i := range 1000 {
		in.Subscriptions = append(in.Subscriptions, x.subscription(fmt.Sprintf("r%03d", i), "w#1", time.Hour))
	}
	x.at(time.Minute, func() { x.subscribe("late", "w#7", time.Hour) })
	x.at(2*time.Minute, func() { x.subscribe("r000", "w#1", time.Hour) }) // the same once more
	x.at(3*time.Minute, func() { x.deliver("e1") })
	sent := x.run(in)
	require.NoError(t, x.env.GetWorkflowError())
	require.Len(t, sent, 1001)
	require.Equal(t, "late full w#7", sent[0])
}
