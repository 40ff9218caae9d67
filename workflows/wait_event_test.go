package workflows_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// arrives is an event as a switchboard forwards it.
func (h *house) arrives(id, eventType, data string) {
	h.env.SignalWorkflow(workflows.EventSignal, event.Event{ID: id, Source: "hall", Type: eventType, Time: h.event.Time, Data: json.RawMessage(data)})
}

const waitsForMended = `
  - id: more
    wait: {event: lamp.mended, if: candidate.data.lamp == event.data.lamp && candidate.data.n > 1, expires: 2h}
outcome: 'steps.more.arrived ? steps.more.event.id + " " + steps.more.event.data.lamp : "none: " + string(steps.more.arrived)'
`

func TestAnEventArrives(t *testing.T) {
	h := newHouse(t)
	began := h.env.Now()
	h.at(time.Minute, func() {
		require.Equal(t, []string{"subscribe more#1 lamp.mended"}, h.switched)
		require.Equal(t, "lamp.mended", h.status().Step("more").Waits.Event)
		h.arrives("m1", "lamp.mended", `{"lamp":"attic","n":5}`)  // another matter
		h.arrives("m2", "lamp.broken", `{"lamp":"desk","n":5}`)   // another type
		h.arrives("m3", "lamp.mended", `{"lamp":"desk","n":1}`)   // the condition does not hold
		h.arrives("m4", "lamp.mended", `{"lamp":"desk"}`)         // nor can it be evaluated
		h.arrives("m5", "lamp.mended", `{"lamp":"desk","n":"x"}`) // nor here
	})
	h.at(time.Hour, func() { h.arrives("m6", "lamp.mended", `{"lamp":"desk","n":2}`) })
	outcome, err := h.run(waitsForMended)
	require.NoError(t, err)
	require.Equal(t, "m6 desk", outcome)
	require.Equal(t, time.Hour, h.env.Now().Sub(began))
	require.Equal(t, []string{"subscribe more#1 lamp.mended", "unsubscribe more#1 lamp.mended"}, h.switched)
	require.Equal(t, 1, *h.status().Step("more").Case)
	require.Nil(t, h.status().Step("more").Waits)
}

func TestNoEventArrives(t *testing.T) {
	h := newHouse(t)
	began := h.env.Now()
	outcome, err := h.run(waitsForMended)
	require.NoError(t, err)
	require.Equal(t, "none: false", outcome)
	require.InDelta(t, 2*time.Hour, h.env.Now().Sub(began), float64(time.Second))
	require.Len(t, h.switched, 2)
	require.Equal(t, playbook.StatusDone, h.status().Step("more").Status)
	require.Equal(t, 0, *h.status().Step("more").Case)
}

// An event counts also when its task brings the end of the time as well.
func TestAnEventAtTheLastMoment(t *testing.T) {
	for name, steps := range map[string]string{
		"in order": waitsForMended,
		"in a branch": `
  - parallel:
      - steps: [{wait: 1s}]
      - steps:
          - id: more
            wait: {event: lamp.mended, if: candidate.data.lamp == event.data.lamp, expires: 2h}
outcome: 'steps.more.arrived ? steps.more.event.id + " " + steps.more.event.data.lamp : "none"'
`,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.at(time.Hour, func() {
				for i, data := range []string{`{"lamp":"attic","n":5}`, `{"lamp":"desk","n":5}`} {
					h.env.SignalWorkflowSkippingWorkflowTask(workflows.EventSignal, event.Event{
						ID: fmt.Sprintf("m%d", i), Source: "hall", Type: "lamp.mended", Time: h.event.Time, Data: json.RawMessage(data),
					})
				}
			})
			outcome, err := h.run(steps)
			require.NoError(t, err)
			require.Equal(t, "m1 desk", outcome)
		})
	}
}

// Whoever waits for the type alone takes the first, but never the event that the run answers: it
// may be delivered after the run has begun.
func TestTheFirstEventOfAType(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() { h.arrives("e1", "lamp.broken", `{"lamp":"desk"}`) })
	h.at(2*time.Minute, func() { h.arrives("e2", "lamp.broken", `{"lamp":"hall"}`) })
	outcome, err := h.run("  - {id: more, wait: {event: lamp.broken, expires: 1h}}\noutcome: steps.more.?event.id.orValue('none')")
	require.NoError(t, err)
	require.Equal(t, "e2", outcome)
}

// Two steps that wait at once both see an event, each by its own condition; a map's order, which
// the condition could see, does not break a replay.
func TestTwoWaits(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() { h.arrives("m1", "lamp.mended", `{"lamp":"desk","tags":{"a":"1","b":"2","c":"3"}}`) })
	outcome, err := h.run(`
  - parallel:
      - steps: [{id: one, wait: {event: lamp.mended, if: 'candidate.data.tags.exists(k, k == "b")', expires: 1h}}]
      - steps: [{id: two, wait: {event: lamp.mended, expires: 1h}}]
      - steps: [{id: three, wait: {event: lamp.mended, if: candidate.data.lamp == "attic", expires: 1h}}]
outcome: 'string(steps.one.arrived) + string(steps.two.arrived) + string(steps.three.arrived)'
`)
	require.NoError(t, err)
	require.Equal(t, "truetruefalse", outcome)
	require.Len(t, h.switched, 6)
}

// A cancellation is never swallowed: not while a run waits, and not by what arrives with it.
func TestCancelWhileWaitingForAnEvent(t *testing.T) {
	for name, with := range map[string]func(*house){
		"alone":                    func(*house) {},
		"and an event":             func(h *house) { h.arrives("m1", "lamp.mended", `{"lamp":"desk","n":2}`) },
		"and some that are not it": func(h *house) { h.arrives("m1", "lamp.mended", `{"lamp":"hall","n":2}`) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.at(time.Minute, func() {
				with(h)
				h.env.CancelWorkflow()
			})
			_, err := h.run("  - {id: more, wait: {event: lamp.mended, if: candidate.data.lamp == 'desk', expires: 2h}}\n  - {activity: lamp.douse, with: {lamp: desk}}\n")
			require.Error(t, err)
			require.Equal(t, workflows.Cancelled, h.status().State)
			require.Empty(t, h.calls())
			require.Len(t, h.switched, 2, "it has unsubscribed")
		})
	}
}

// More than a run can hold, or a switchboard, is said and not dropped.
func TestTooManyEvents(t *testing.T) {
	for name, send := range map[string]func(*house){
		"events": func(h *house) {
			for i := range 80 { // together more than is held
				h.env.SignalWorkflowSkippingWorkflowTask(workflows.EventSignal, event.Event{
					ID: fmt.Sprint(i), Source: "hall", Type: "lamp.mended", Time: h.event.Time,
					Data: json.RawMessage(`{"n":0,"x":"` + strings.Repeat("x", workflows.MaxCandidate-100) + `"}`),
				})
			}
			h.env.SignalWorkflow(workflows.RepeatSignal, workflows.EventRef{})
		},
		"steps": func(h *house) {
			h.env.SignalWorkflow(workflows.FullSignal, workflows.Subscription{ID: "more#1", Execution: "default-test-run-id"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.at(time.Minute, func() { send(h) })
			_, err := h.run("  - {id: more, wait: {event: lamp.mended, if: candidate.data.n == 1, expires: 2h}}")
			require.ErrorContains(t, err, `step "more": more events of the type, or more steps that wait for them, than can be held`)
		})
	}
}

// A switchboard that was full for the execution before says nothing of this one.
func TestFullForAnother(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		h.env.SignalWorkflow(workflows.FullSignal, workflows.Subscription{ID: "more#1", Execution: "another"})
	})
	outcome, err := h.run("  - {id: more, wait: {event: lamp.mended, expires: 2h}}\noutcome: string(steps.more.arrived)")
	require.NoError(t, err)
	require.Equal(t, "false", outcome)
}

// A wait that is not reached, or that its step's timeout ends, has no event.
func TestNoWaitForAnEvent(t *testing.T) {
	for steps, want := range map[string]string{
		"  - {id: more, if: run.id == \"\", wait: {event: lamp.mended, expires: 2h}}\noutcome: string(steps.more.arrived) + steps.more.status":                                 "falseskipped",
		"  - {id: more, timeout: 1m, on_error: continue, wait: {event: lamp.mended, expires: 2h}}\noutcome: string(steps.more.arrived) + ' ' + steps.more.?error.orValue('-')": "false took longer than 1m",
	} {
		h := newHouse(t)
		outcome, err := h.run(steps)
		require.NoError(t, err)
		require.Equal(t, want, outcome)
	}
}
