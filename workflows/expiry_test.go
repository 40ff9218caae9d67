package workflows_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// forAWhile is a step whose effect ends by itself.
const forAWhile = "{id: a, activity: lamp.douse, with: {lamp: desk}, undo: {after: 4h}}"

const (
	wasDoused = `lamp.douse {"lamp":"desk"}`
	wasLit    = `lamp.light {"lamp":"desk"}`
)

// stranger signs with a key of its own.
func stranger(h *house) grant.Signer {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(h, err)
	return grant.NewSigner(key)
}

// expiries are what the run says is put back by itself.
func (h *house) expiries() []string {
	h.Helper()
	out := []string{}
	for _, act := range h.status().Expiring {
		require.NotNil(h, act.Until)
		out = append(out, fmt.Sprintf("%s %s %s %s", act.Step, act.Activity, act.Targets["lamp"], act.Until.Workflow[len(h.status().Run):]))
	}
	return out
}

// expiry asks one of them.
func (h *house) expiry(until *workflows.Until) workflows.ExpiryStatus {
	h.Helper()
	value, err := h.env.QueryWorkflowByID(until.Workflow, workflows.ExpiryQuery)
	require.NoError(h, err)
	var s workflows.ExpiryStatus
	require.NoError(h, value.Get(&s))
	return s
}

// word is what a person says of what the run would put back.
func (h *house) word(act int, change func(*grant.Keep)) grant.Keep {
	until := h.status().Expiring[act].Until
	k := grant.Keep{Run: until.Run, Step: until.Step, Execution: until.Execution, By: "p-alice", Reason: "it is hers", At: h.env.Now()}
	if change != nil {
		change(&k)
	}
	return k
}

// keep brings it to the workflow that waits.
func (h *house) keep(act int, s grant.Signed) *heard {
	a := &heard{}
	h.updates++
	require.NoError(h, h.env.UpdateWorkflowByID(h.status().Expiring[act].Until.Workflow, workflows.KeepUpdate, fmt.Sprint("keep", h.updates), a, s))
	return a
}

// heard is what became of it.
type heard struct {
	rejected, err error
	status        workflows.ExpiryStatus
	done          bool
}

func (a *heard) Accept()          {}
func (a *heard) Reject(err error) { a.rejected, a.done = err, true }
func (a *heard) Complete(v any, err error) {
	a.status, _ = v.(workflows.ExpiryStatus)
	a.err, a.done = err, true
}

// What was done for a while is put back when its time has come, with a permit for exactly that, also
// long after the run has ended well.
func TestExpiry(t *testing.T) {
	h := newHouse(t)
	began := h.env.Now()
	var at time.Time
	h.do["lamp.light"] = func(context.Context, lampInput) (lampOutput, error) {
		at = h.env.Now()
		return lampOutput{}, nil
	}
	var waiting workflows.ExpiryStatus
	h.at(3*time.Hour, func() { waiting = h.expiry(h.status().Expiring[0].Until) })
	outcome, err := h.run("  - " + forAWhile + "\n  - {stop: contained}")
	require.NoError(t, err)
	require.Equal(t, "contained", outcome)
	require.Equal(t, []string{wasDoused, wasLit}, h.calls())
	require.WithinRange(t, at, began.Add(4*time.Hour), began.Add(4*time.Hour+time.Minute))
	require.Equal(t, []string{`a lamp.douse "desk" /expiry/a`}, h.expiries())
	require.Empty(t, h.undone())

	until := h.status().Expiring[0].Until
	require.Equal(t, workflows.ExpiryStatus{
		Run: h.status().Run, Step: "a", Execution: until.Execution, Activity: "lamp.douse", Undo: "lamp.light", Until: until.At, State: workflows.ExpiryWaiting,
		Targets: map[string]json.RawMessage{"lamp": json.RawMessage(`"desk"`)},
	}, waiting)
	after := h.expiry(until)
	require.Equal(t, workflows.ExpiryPutBack, after.State)
	require.NotNil(t, after.Ended)
	permit := h.permits[len(h.permits)-1]
	require.Len(t, permit.Covers, 1, "nothing but this call")
	require.Empty(t, permit.Approval)
}

// It is put back at its time also while the run goes on, and by whatever started it: a round, a part
// of a loop, a playbook that was called, a call that was approved.
func TestExpiryEverywhere(t *testing.T) {
	for name, tc := range map[string]struct {
		steps string
		want  string
		calls int
	}{
		"while the run goes on":          {"  - " + forAWhile + "\n  - {wait: 1d}", `a lamp.douse "desk" /expiry/a`, 2},
		"in a loop":                      {"  - {id: l, for_each: '[1, 2]', steps: [" + forAWhile + "]}", `l[0].a lamp.douse "desk" /expiry/l[0].a, l[1].a lamp.douse "desk" /expiry/l[1].a`, 4},
		"in a part":                      {"  - {id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item == 200, activity: lamp.douse, with: {lamp: desk}, undo: {after: 4h}}]}", `l[200].a lamp.douse "desk" /expiry/l[200].a`, 2},
		"in a called playbook":           {"  - {id: p, playbook: acts}", `p.a lamp.douse "desk" /p/expiry/a`, 2},
		"approved":                       {"  - {id: s, approve: 'Really?', approvers: [oncall], steps: [" + forAWhile + "]}", `a lamp.douse "desk" /expiry/a`, 2},
		"in a part of a called playbook": {"  - {id: p, playbook: loops}", `p.l[200].a lamp.douse "desk" /p/expiry/l[200].a`, 2},
		"twice in attempts":              {"  - {id: s, retry: {times: 2}, switch: [{if: 'true', steps: [" + forAWhile + ", {id: x, on_error: continue, activity: lamp.watch, with: {lamp: desk}}]}]}", `a lamp.douse "desk" /expiry/a`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.callee("acts", "steps: ["+forAWhile+"]")
			h.callee("loops", "steps: [{id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item == 200, activity: lamp.douse, with: {lamp: desk}, undo: {after: 4h}}]}]")
			h.at(time.Minute, func() {
				if len(h.status().Asking()) > 0 {
					h.approve(alice)
				}
			})
			_, err := h.run(tc.steps)
			require.NoError(t, err)
			require.Equal(t, tc.want, strings.Join(h.expiries(), ", "))
			require.Len(t, h.calls(), tc.calls)
			require.Equal(t, wasLit, h.calls()[len(h.calls())-1])
			for _, act := range h.status().Expiring {
				require.Equal(t, workflows.ExpiryPutBack, h.expiry(act.Until).State)
			}
		})
	}
}

// A run that ends badly puts back at once, and nothing is put back a second time at its time.
func TestExpiryOfARunThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		steps  string
		undone string
		lit    int
	}{
		"at once":              {"  - " + forAWhile + "\n  - " + fails, "a lamp.light done", 1},
		"in a loop":            {"  - {id: l, for_each: '[1, 2]', steps: [" + forAWhile + "]}\n  - " + fails, "l[1].a lamp.light done, l[0].a lamp.light done", 2},
		"in a part":            {"  - {id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item == 200, activity: lamp.douse, with: {lamp: desk}, undo: {after: 4h}}]}\n  - " + fails, "l[200].a lamp.light done", 1},
		"in a called playbook": {"  - {id: p, playbook: acts}\n  - " + fails, "p.a lamp.light done", 1},
		"as a whole":           {"  - {id: s, switch: [{if: 'true', steps: [" + forAWhile + "]}], undo: [{activity: lamp.light, with: {lamp: all}}]}\n  - " + fails, "s lamp.light done", 0},
		"after its time":       {"  - " + forAWhile + "\n  - {wait: 1d}\n  - " + fails, "a lamp.light skipped", 1},
		"in pieces":            {"  - {id: l, for_each: 'lists.range(501)', max_parallel: 50, steps: [" + forAWhile + "]}\n  - " + fails, "", 501},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			h.callee("acts", "steps: ["+forAWhile+"]")
			_, err := h.run(tc.steps)
			require.ErrorContains(t, err, "it is dark")
			if tc.undone != "" {
				require.Equal(t, tc.undone, strings.Join(h.undone(), ", "))
			}
			lit := 0
			for _, call := range h.calls() {
				if call == wasLit {
					lit++
				}
			}
			require.Equal(t, tc.lit, lit)
			if tc.undone == "a lamp.light skipped" {
				require.Equal(t, "left to its time, which has come", h.status().Undone[0].Error)
				require.Len(t, h.status().Left, 1, "the run does not know how it ended")
				require.NotNil(t, h.status().Left[0].Until)
				return
			}
			require.Empty(t, h.expiries())
			require.Empty(t, h.left())
		})
	}
}

// A person keeps what was done: it is not put back, and the word says who and why.
func TestKeep(t *testing.T) {
	h := newHouse(t)
	var kept *heard
	h.at(time.Hour, func() {
		s, err := h.desk.Keep(h.word(0, nil))
		require.NoError(t, err)
		kept = h.keep(0, s)
	})
	_, err := h.run("  - " + forAWhile)
	require.NoError(t, err)
	require.True(t, kept.done)
	require.NoError(t, errors.Join(kept.rejected, kept.err))
	require.Equal(t, workflows.ExpiryKept, kept.status.State)
	st := h.expiry(h.status().Expiring[0].Until)
	require.Equal(t, []string{"p-alice", "it is hers"}, []string{st.KeptBy, st.Reason})
	require.Equal(t, []string{wasDoused}, h.calls())
}

// What a person keeps a run that fails later leaves too, and says so.
func TestKeptAndFailed(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	h.at(time.Hour, func() {
		s, err := h.desk.Keep(h.word(0, nil))
		require.NoError(t, err)
		h.keep(0, s)
	})
	_, err := h.run("  - " + forAWhile + "\n  - " + doused2 + "\n  - {wait: 2h}\n  - " + fails)
	require.ErrorContains(t, err, "it is dark")
	require.Equal(t, []string{"b lamp.light done", "a lamp.light skipped"}, h.undone())
	require.Equal(t, "left: somebody has kept it, or it is put back already", h.status().Undone[1].Error)
	require.Equal(t, []string{`a lamp.douse "desk"`}, h.left())
	require.NotContains(t, h.calls(), wasLit)
}

const doused2 = "{id: b, activity: lamp.douse, with: {lamp: hall}, undo: automatic}"

// A word counts only if the gateway signed it, as that, about this one.
func TestKeepForged(t *testing.T) {
	h := newHouse(t)
	sign := func(change func(*grant.Keep)) grant.Signed {
		s, err := h.desk.Keep(h.word(0, change))
		require.NoError(t, err)
		return s
	}
	said := map[string]*heard{}
	h.at(time.Hour, func() {
		forged, err := stranger(h).Sign(grant.KindKeep, h.word(0, nil))
		require.NoError(t, err)
		said["is signed with the key"] = h.keep(0, forged)
		another, err := h.desk.Answer(approval.Question{}, approval.Answer{})
		require.NoError(t, err)
		said["a answer stands where a keep should"] = h.keep(0, another)
		edited := sign(nil)
		edited.Body = bytes.Replace(edited.Body, []byte("alice"), []byte("carol"), 1)
		said["does not fit"] = h.keep(0, edited)
		said["are read"] = h.keep(0, sign(func(k *grant.Keep) { k.Reason = strings.Repeat("x", 600<<10) }))
		for i, change := range []func(*grant.Keep){
			func(k *grant.Keep) { k.Run = "p/other" }, func(k *grant.Keep) { k.Step = "b" }, func(k *grant.Keep) { k.Execution = "" }, func(k *grant.Keep) { k.Execution = "another" },
		} {
			said[fmt.Sprintf("it is about something else%*s", i, "")] = h.keep(0, sign(change))
		}
	})
	_, err := h.run("  - " + forAWhile)
	require.NoError(t, err)
	require.Equal(t, []string{wasDoused, wasLit}, h.calls())
	for says, a := range said {
		require.True(t, a.done, says)
		require.ErrorContains(t, errors.Join(a.rejected, a.err), strings.TrimSpace(says))
		var app *temporal.ApplicationError
		require.ErrorAs(t, errors.Join(a.rejected, a.err), &app)
		require.Equal(t, workflows.RefusedType, app.Type())
	}
}

// Nobody fills the history with words that are not believed.
func TestKeepForgedOften(t *testing.T) {
	h := newHouse(t)
	signer := stranger(h)
	var all []*heard
	for i := range 60 {
		h.at(time.Hour+time.Duration(i)*time.Minute, func() {
			s, err := signer.Sign(grant.KindKeep, h.word(0, nil))
			require.NoError(t, err)
			all = append(all, h.keep(0, s))
		})
	}
	_, err := h.run("  - " + forAWhile)
	require.NoError(t, err)
	rejected := 0
	for _, a := range all {
		if a.rejected != nil {
			require.ErrorContains(t, a.rejected, "no more are looked at")
			rejected++
		}
	}
	require.Equal(t, 10, rejected)
	require.Contains(t, h.calls(), wasLit)
}

// What cannot be put back is tried for a day; then it is told. A final refusal is told at once. While
// it is tried a person may still keep it.
func TestExpiryFails(t *testing.T) {
	busy := func(until time.Duration) func(h *house, began time.Time) error {
		return func(h *house, began time.Time) error {
			if h.env.Now().Sub(began) < until {
				return errors.New("busy")
			}
			return nil
		}
	}
	for name, tc := range map[string]struct {
		light func(h *house, began time.Time) error
		keep  time.Duration
		state workflows.ExpiryState
		says  string
		tries int // at least
	}{
		"mends within a day": {busy(20 * time.Hour), 0, workflows.ExpiryPutBack, "", 90},
		"does not":           {busy(40 * time.Hour), 0, workflows.ExpiryFailed, "busy", 140},
		"waits out a kill switch": {func(h *house, began time.Time) error {
			if h.env.Now().Sub(began) < 10*time.Hour {
				return activities.Permanent(activities.Halted, errors.New("the kill switch is thrown"))
			}
			return nil
		}, 0, workflows.ExpiryPutBack, "", 30},
		"is overtaken": {func(*house, time.Time) error {
			return activities.Permanent(activities.Overtaken, errors.New("it was put back already, at 21:14"))
		}, 0, workflows.ExpiryOvertaken, "it was put back already", 1},
		"is refused for good": {func(*house, time.Time) error {
			return activities.Permanent(activities.NotPermitted, errors.New("policy: people do it by hand"))
		}, 0, workflows.ExpiryFailed, "by hand", 1},
		"is kept meanwhile": {busy(40 * time.Hour), 10 * time.Hour, workflows.ExpiryKept, "", 30},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			began, tries := h.env.Now(), 0
			h.do["lamp.light"] = func(context.Context, lampInput) (lampOutput, error) {
				tries++
				return lampOutput{}, tc.light(h, began)
			}
			var kept *heard
			if tc.keep > 0 {
				h.at(tc.keep, func() {
					s, err := h.desk.Keep(h.word(0, nil))
					require.NoError(t, err)
					kept = h.keep(0, s)
				})
			}
			_, err := h.run("  - " + forAWhile)
			require.NoError(t, err)
			st := h.expiry(h.status().Expiring[0].Until)
			require.Equal(t, tc.state, st.State)
			require.Contains(t, st.Error, tc.says)
			require.GreaterOrEqual(t, tries, tc.tries)
			if kept != nil {
				require.NoError(t, errors.Join(kept.rejected, kept.err))
			}
		})
	}
}

// alone runs an expiry without a run around it.
func (h *house) alone() (workflows.ExpiryStatus, error) {
	h.env.ExecuteWorkflow(workflows.ExpiryType, workflows.ExpiryInput{
		Run: "p/1", Step: "a", Activity: "lamp.douse", Until: h.env.Now().Add(4 * time.Hour),
		Undo: workflows.UndoCall{Call: activities.Call{Activity: "lamp.light", Version: 1, Input: json.RawMessage(`{"lamp":"desk"}`)}, Timeout: time.Minute},
	})
	require.True(h, h.env.IsWorkflowCompleted())
	value, err := h.env.QueryWorkflow(workflows.ExpiryQuery)
	require.NoError(h, err)
	var st workflows.ExpiryStatus
	require.NoError(h, value.Get(&st))
	return st, h.env.GetWorkflowError()
}

// A word that comes when the call is under way is told how that ended.
func TestKeepTooLate(t *testing.T) {
	h := newHouse(t)
	late := &heard{}
	h.do["lamp.light"] = func(context.Context, lampInput) (lampOutput, error) {
		s, err := h.desk.Keep(grant.Keep{Run: "p/1", Step: "a", Execution: "default-test-run-id", By: "p-alice"})
		require.NoError(t, err)
		h.env.UpdateWorkflow(workflows.KeepUpdate, "late", late, s)
		return lampOutput{}, nil
	}
	st, err := h.alone()
	require.NoError(t, err)
	require.Equal(t, workflows.ExpiryPutBack, st.State)
	require.Empty(t, st.KeptBy)
	require.True(t, late.done)
	require.ErrorContains(t, errors.Join(late.rejected, late.err), "put_back")
}

// One that somebody cancelled puts nothing back, and says so.
func TestExpiryCancelled(t *testing.T) {
	h := newHouse(t)
	h.at(time.Hour, h.env.CancelWorkflow)
	st, err := h.alone()
	require.True(t, temporal.IsCanceledError(err), err)
	require.Equal(t, workflows.ExpiryEnded, st.State)
	require.Empty(t, h.calls())
}

// One that could not do its work has failed for Temporal too, where operators look for failures.
func TestExpiryFailsLoudly(t *testing.T) {
	h := newHouse(t)
	h.do["lamp.light"] = func(context.Context, lampInput) (lampOutput, error) {
		return lampOutput{}, activities.Permanent(activities.NotPermitted, errors.New("it is never to be touched"))
	}
	_, err := h.alone()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, "it is never to be touched", app.Message())
	var st workflows.ExpiryStatus
	require.NoError(t, app.Details(&st))
	require.Equal(t, workflows.ExpiryFailed, st.State)
}

// A run that is cancelled puts back at once, not at the time.
func TestExpiryOfARunThatIsCancelled(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, h.env.CancelWorkflow)
	_, err := h.run("  - " + forAWhile + "\n  - {wait: 1h}")
	require.True(t, temporal.IsCanceledError(err), err)
	require.Equal(t, []string{"a lamp.light done"}, h.undone())
	require.Equal(t, []string{wasDoused, wasLit}, h.calls())
	require.Empty(t, h.expiries())
}
