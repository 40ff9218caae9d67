package authority_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/preview"
)

// Attempts of one effect: those that fail are followed by others, the first that ends well is the
// last, and whoever comes after it gets its output.
func TestAttempts(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(call(t, "lamp.douse", "desk"), w.granted())
	first, err := w.begin(a)
	require.NoError(t, err)
	require.NoError(t, first.End(t.Context(), activities.Outcome{Err: activities.Passing("Dark", 0, errors.New("too dark"))}))
	second, err := w.begin(a)
	require.NoError(t, err)
	third, err := w.begin(a)
	require.NoError(t, err)
	require.ErrorContains(t, second.End(t.Context(), activities.Outcome{Output: json.RawMessage(`{"n":2}`)}), "overtaken")
	require.NoError(t, third.End(t.Context(), activities.Outcome{Output: json.RawMessage(`{"n":3}`)}))
	require.Error(t, third.End(t.Context(), activities.Outcome{Output: json.RawMessage(`{"n":4}`)}))

	fourth, err := w.begin(a)
	require.NoError(t, err)
	output, earlier := fourth.Earlier()
	require.True(t, earlier)
	require.JSONEq(t, `{"n":3}`, string(output))
	require.Len(t, w.records(ledger.Intent), 1)
	require.Len(t, w.records(ledger.Retry), 2)
	require.Len(t, w.records(ledger.Outcome), 1)
	require.Len(t, w.records(ledger.Failure), 1)
}

// A grant is for one execution and each of its calls once; a ticket for one execution of a workflow.
func TestSingleUse(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(call(t, "lamp.dust", "desk"))
	w.admitted(a, nil)

	reset := a
	reset.Execution = "e2"
	w.refused(reset, activities.NotPermitted, "the run was reset")
	reset.Step = "later"
	w.refused(reset, activities.NotPermitted, "the run was reset")

	other := call(t, "lamp.dust", "hall")
	edited := a
	edited.Call = other
	edited.Digest, _ = other.Digest()
	w.refused(edited, activities.NotPermitted, "was used for another call")

	// A run that failed and is started anew by another event has another ticket.
	again := a
	again.Execution, again.Ticket = "e2", w.ticket()
	w.admitted(again, nil)
}

// Many at once are one.
func TestRacing(t *testing.T) {
	w := newWorld(t)
	a := w.attempt(call(t, "lamp.douse", "desk"), w.granted())
	var wait sync.WaitGroup
	var mu sync.Mutex
	ended := 0
	for range 20 {
		wait.Go(func() {
			turn, err := w.authority.Begin(context.WithoutCancel(t.Context()), a)
			if err != nil {
				t.Error(err)
				return
			}
			if _, earlier := turn.Earlier(); earlier {
				return
			}
			if turn.End(context.WithoutCancel(t.Context()), activities.Outcome{Output: json.RawMessage(`{}`)}) == nil {
				mu.Lock()
				defer mu.Unlock()
				ended++
			}
		})
	}
	wait.Wait()
	require.Equal(t, 1, ended)
	require.Len(t, w.records(ledger.Intent), 1)
	require.Len(t, w.records(ledger.Outcome), 1)
}

// An effect is put back by its exact inverse: by the run that made it where people were shown that,
// by a run that somebody asked for with what policy asks, while the world is as it was left.
func TestUndo(t *testing.T) {
	w := newWorld(t)
	light := call(t, "lamp.light", "desk")
	douse := func(putBack bool, left string) {
		w.Helper()
		turn, err := w.begin(w.attempt(call(t, "lamp.douse", "desk"), w.granted(func(g *grant.Grant) { g.Calls[0].PutBack = putBack })))
		require.NoError(t, err)
		name, err := (preview.Preview{Changes: []preview.Change{{Target: "desk", What: "state", Before: left, After: "lit"}}}).Digest()
		require.NoError(t, err)
		require.NoError(t, turn.End(t.Context(), activities.Outcome{Output: json.RawMessage(`{}`), Undo: &light, LeftAs: name}))
	}
	at := func(c activities.Call, state string, change ...func(*activities.Attempt)) activities.Attempt {
		a := w.attempt(c, change...)
		a.Step = "douse.undo"
		a.Preview = func(context.Context) (preview.Preview, error) {
			return preview.Preview{Changes: []preview.Change{{Target: "desk", What: "state", Before: state, After: "lit"}}}, nil
		}
		return a
	}
	w.refused(at(light, "dark"), activities.NotPermitted, "people must approve it")
	douse(false, "dark")
	w.refused(at(light, "dark"), activities.NotPermitted, "people must approve it")

	asked := func(a *activities.Attempt) {
		a.Ticket, a.Workflow = w.ticket(func(t *grant.Ticket) { t.Run, t.Undoes = "undo-leak/1", "leak/1" }), "undo-leak/1"
	}
	w.refused(at(light, "dark", asked), activities.NotPermitted, "people must approve it")
	w.refused(at(light, "red", asked, func(a *activities.Attempt) { a.Step = "douse.undo" }, w.grantedFor("douse.undo")), activities.Overtaken, "the world has changed")
	w.admitted(at(light, "dark", asked, w.grantedFor("douse.undo")), nil)

	douse(true, "dark")
	w.refused(at(call(t, "lamp.light", "hall"), "dark"), activities.NotPermitted, "people must approve it")
	w.refused(at(light, "red"), activities.Overtaken, "the world has changed since")
	ticket := w.ticket()
	same := func(a *activities.Attempt) { a.Ticket = ticket }
	w.admitted(at(light, "dark", same), nil)
	turn, err := w.begin(at(light, "lit", same))
	require.NoError(t, err)
	_, earlier := turn.Earlier()
	require.True(t, earlier)
	elsewhere := at(light, "dark", same)
	elsewhere.Workflow = "leak/1/expiry/douse"
	w.refused(elsewhere, activities.Overtaken, "put back already")
}

// What takes an effect back permits no third effect: to make the first one again asks people again.
func TestUndoIsNotUndone(t *testing.T) {
	w := newWorld(t)
	douse, light := call(t, "lamp.douse", "desk"), call(t, "lamp.light", "desk")
	ticket := w.ticket()
	same := func(a *activities.Attempt) { a.Ticket = ticket }
	w.admitted(w.attempt(douse, same, w.granted(func(g *grant.Grant) { g.Calls[0].PutBack = true })), &light)
	at := func(step string) func(*activities.Attempt) { return func(a *activities.Attempt) { a.Step = step } }
	w.admitted(w.attempt(light, same, at("douse.undo")), &douse)
	w.refused(w.attempt(douse, same, at("again")), activities.NotPermitted, "people must approve it")

	asked := func(a *activities.Attempt) {
		a.Ticket, a.Workflow = w.ticket(func(t *grant.Ticket) { t.Run, t.Undoes = "undo-leak/1", "leak/1" }), "undo-leak/1"
	}
	w.admitted(w.attempt(douse, asked, w.grantedFor("again")), nil)
	for _, r := range w.records(ledger.Intent)[1:] {
		var b ledger.IntentBody
		require.NoError(t, json.Unmarshal(r.Body, &b))
		require.Equal(t, b.Activity == light.Activity, b.Undo != "", "policy is told of %s as what it is", b.Activity)
	}
}

// grantedFor is granted for a step of another name.
func (w *world) grantedFor(step string) func(*activities.Attempt) {
	return func(a *activities.Attempt) {
		a.Step = step
		w.granted()(a)
	}
}

// A workflow written in Go runs below the run. It makes what the ticket names, and the run around
// takes exactly that back, once.
func TestGoWorkflow(t *testing.T) {
	w := newWorld(t)
	ticket := w.ticket(func(t *grant.Ticket) { t.Automatic = []string{"lamp.dim", "lamp.dust"} })
	below := func(a *activities.Attempt) {
		a.Ticket, a.Workflow, a.Step = ticket, "leak/1/sweep", a.Call.Activity+"-1"
	}
	mend := call(t, "lamp.mend", "desk")
	w.admitted(w.attempt(call(t, "lamp.dust", "desk"), below), &mend)
	around := func(a *activities.Attempt) { a.Ticket, a.Step = ticket, "sweep.lamp.dust-1.undo" }
	w.admitted(w.attempt(mend, around), nil)
	w.refused(w.attempt(mend, around, func(a *activities.Attempt) { a.Step = "again" }), activities.Overtaken, "put back already")
	w.refused(w.attempt(call(t, "lamp.mend", "hall"), around), activities.NotPermitted, "people must approve it")
	w.write("policy.yaml", "policy: free\nrules:\n  - {name: all, then: automatic}\n")
	w.refused(w.attempt(call(t, "lamp.douse", "desk"), below), activities.NotPermitted, "calls lamp.douse only under an approval, or not at all")
}
