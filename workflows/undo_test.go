package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/activitytest"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// undone is what the run put back: the step, and what became of it.
func (h *house) undone() []string {
	h.Helper()
	out := []string{}
	for _, u := range h.status().Undone {
		out = append(out, u.Step+" "+u.Activity+" "+string(u.Status))
	}
	return out
}

// left is what the run did and nothing put back.
func (h *house) left() []string {
	h.Helper()
	out := []string{}
	for _, a := range h.status().Left {
		out = append(out, a.Step+" "+a.Activity+" "+string(a.Targets["lamp"]))
	}
	return out
}

// The steps of these tests: one that can be put back, one that is not, and one that fails.
const (
	doused = "{id: a, activity: lamp.douse, with: {lamp: desk}, undo: automatic}"
	left   = "{id: b, activity: lamp.light, with: {lamp: hall}}"
	fails  = "{id: x, activity: lamp.look, with: {lamp: desk}}"
)

func TestUndo(t *testing.T) {
	const notLeft = ""
	for name, tc := range map[string]struct {
		steps  string
		undone string // separated by commas, as what is left
		left   string
	}{
		"automatic":                        {"  - " + doused + "\n  - " + fails, "a lamp.light done", notLeft},
		"newest first":                     {"  - " + doused + "\n  - " + strings.Replace(doused, "id: a", "id: c", 1) + "\n  - " + fails, "c lamp.light done, a lamp.light done", notLeft},
		"a stop that fails":                {"  - " + doused + "\n  - {stop: enough, failed: true}", "a lamp.light done", notLeft},
		"an outcome that fails":            {"  - " + doused + "\noutcome: event.data.absent", "a lamp.light done", notLeft},
		"without it, what was done stays":  {"  - " + left + "\n  - " + fails, "", `b lamp.light "hall"`},
		"both":                             {"  - " + left + "\n  - " + doused + "\n  - " + fails, "a lamp.light done", `b lamp.light "hall"`},
		"not what was not done":            {"  - " + fails + "\n  - " + doused, "", notLeft},
		"calls":                            {"  - {id: a, activity: lamp.douse, with: {lamp: desk}, undo: [{activity: lamp.light, with: {lamp: '${steps.a.output.rooms[0]}'}}, {activity: lamp.light, with: {lamp: desk}}]}\n  - " + fails, "a lamp.light done, a lamp.light done", notLeft},
		"calls of a step with a condition": {"  - {id: a, if: 'true', on_error: continue, activity: lamp.douse, with: {lamp: desk}, undo: [{activity: lamp.light, with: {lamp: '${steps.a.output.rooms[0]}'}}]}\n  - " + fails, "a lamp.light done", notLeft},
		"of a block as a whole":            {"  - {id: s, switch: [{if: 'true', steps: [" + doused + ", " + left + "]}], undo: [{activity: lamp.douse, with: {lamp: all}}]}\n  - " + fails, "s lamp.douse done", notLeft},
		"not of a block that failed":       {"  - {id: s, switch: [{if: 'true', steps: [" + left + ", " + fails + "]}], undo: [{activity: lamp.douse, with: {lamp: all}}]}", "", `b lamp.light "hall"`},
		"of a block and beside it":         {"  - " + doused + "\n  - {id: s, wait: 1m, undo: [{activity: lamp.douse, with: {lamp: all}}]}\n  - " + fails, "s lamp.douse done, a lamp.light done", notLeft},
		"in a loop":                        {"  - {id: l, for_each: '[\"p\", \"q\"]', steps: [{id: a, activity: lamp.douse, with: {lamp: '${item}'}, undo: automatic}]}\n  - " + fails, "l[1].a lamp.light done, l[0].a lamp.light done", notLeft},
		"of a loop as a whole":             {"  - {id: l, undo: [{activity: lamp.light, with: {lamp: all}}], for_each: '[\"p\", \"q\"]', steps: [{id: a, activity: lamp.douse, with: {lamp: '${item}'}}]}\n  - " + fails, "l lamp.light done", notLeft},
		"in a repeat":                      {"  - {id: l, repeat: [" + doused + "], until: steps.a.status == 'done'}\n  - " + fails, "l[1].a lamp.light done", notLeft},
		"in a branch beside the failure":   {"  - {parallel: [{steps: [" + doused + "]}, {steps: [{wait: 1m}, " + fails + "]}]}", "a lamp.light done", notLeft},
		"in a try, after its finally":      {"  - {try: [" + doused + ", " + fails + "], finally: [{id: f, activity: lamp.light, with: {lamp: attic}, undo: automatic}]}", "f lamp.douse done, a lamp.light done", notLeft},
		"of all attempts":                  {"  - {id: s, retry: {times: 2}, switch: [{if: 'true', steps: [" + doused + ", " + fails + "]}]}", "s~2.a lamp.light done, a lamp.light done", notLeft},
		"after a timeout":                  {"  - {timeout: 1h, switch: [{if: 'true', steps: [" + doused + ", {wait: 2h}]}]}", "a lamp.light done", notLeft},
		"of what was approved":             {"  - {id: s, approve: 'Really?', approvers: [oncall], steps: [" + doused + ", {id: c, activity: lamp.light, with: {lamp: attic}, undo: [{activity: lamp.douse, with: {lamp: '${steps.c.output.rooms[1]}'}}]}, {id: d, activity: lamp.smash, with: {lamp: hall}}]}\n  - " + fails, "c lamp.douse done, a lamp.light done", `d lamp.smash "hall"`},
		"that cannot be resolved":          {"  - {id: a, activity: lamp.douse, with: {lamp: desk}, undo: [{activity: lamp.light, with: {lamp: '${event.data.absent}'}}]}", "", `a lamp.douse "desk"`},
		"in parts": {
			"  - {id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item > 198, activity: lamp.douse, with: {lamp: '${string(item)}'}, undo: automatic}, {id: b, if: item == 200, activity: lamp.light, with: {lamp: hall}}]}\n  - " + fails,
			"l[200].a lamp.light done, l[199].a lamp.light done", `l[200].b lamp.light "hall"`,
		},
		"of parts as a whole": {
			"  - {undo: [{activity: lamp.light, with: {lamp: all}}], id: s, try: [{id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item == 200, activity: lamp.douse, with: {lamp: desk}}]}], finally: [{set: {z: 1}}]}\n  - " + fails,
			"s lamp.light done", notLeft,
		},
		"in parts, by what is around the loop": {
			"  - set: {v: hall}\n  - {id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item == 200, activity: lamp.douse, with: {lamp: desk}, undo: [{activity: lamp.light, with: {lamp: '${vars.v}'}}]}]}\n  - " + fails,
			"l[200].a lamp.light done", notLeft,
		},
		"in a part that fails": {"  - {id: l, for_each: 'lists.range(201)', steps: [{id: a, if: item == 0, activity: lamp.douse, with: {lamp: desk}, undo: automatic}, {id: x, if: item == 200, activity: lamp.look, with: {lamp: desk}}]}", "l[0].a lamp.light done", notLeft},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			h.at(time.Minute, func() {
				if len(h.status().Asking()) > 0 {
					h.approve(alice)
				}
			})
			_, err := h.run(tc.steps)
			require.Error(t, err)
			require.Equal(t, tc.undone, strings.Join(h.undone(), ", "))
			require.Equal(t, tc.left, strings.Join(h.left(), ", "))
			require.Equal(t, workflows.Failed, h.status().State)
			for _, a := range h.status().Approvals {
				require.Equal(t, []bool{true, true, false}, []bool{a.Calls[0].PutBack, a.Calls[1].PutBack, a.Calls[2].PutBack}, "people know before they decide")
			}
			require.Zero(t, h.status().LeftUnlisted)
		})
	}
}

func TestUndoOfEveryVerb(t *testing.T) {
	steps := around("{activity: lamp.light, with: {lamp: desk}}")
	steps["wait"] = "wait: 10m"
	steps["approve"] = "approve: 'Really?', approvers: [oncall]"
	steps["ask"] = "ask: 'Was it you?', who: [oncall], form: {n: {type: string}}"
	steps["activity"] = "activity: lamp.light, with: {lamp: desk}"
	steps["playbook"] = "playbook: acts"
	for verb, body := range steps {
		t.Run(verb, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			h.callee("acts", "steps: ["+left+"]")
			_, err := h.run("  - {id: s, undo: [{activity: lamp.douse, with: {lamp: '${steps.s.status}'}}], " + body + "}\n  - " + fails)
			require.ErrorContains(t, err, "it is dark")
			require.Equal(t, `lamp.douse {"lamp":"done"}`, h.calls()[len(h.calls())-1])
			require.Equal(t, []string{"s lamp.douse done"}, h.undone())
			require.Empty(t, h.left())
		})
	}
}

func TestNothingIsPutBack(t *testing.T) {
	for name, steps := range map[string]string{
		"at a normal end":                "  - " + doused,
		"after a stop":                   "  - " + doused + "\n  - {stop: enough}",
		"after a failure that is caught": "  - {try: [" + doused + ", " + fails + "], catch: [{set: {z: 1}}]}",
		"after a failure that goes on":   "  - " + doused + "\n  - {on_error: continue, activity: lamp.look, with: {lamp: desk}}",
		"after a part that goes on":      "  - {for_each: 'lists.range(201)', continue_on_error: true, steps: [{if: item == 0, activity: lamp.douse, with: {lamp: desk}, undo: automatic}, {if: item == 200, activity: lamp.look, with: {lamp: desk}}]}",
		"after an attempt that failed":   "  - {retry: {times: 4}, switch: [{if: 'true', steps: [" + doused + ", {activity: lamp.watch, with: {lamp: desk}}]}]}",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			h.third("lamp.watch")
			_, err := h.run(steps)
			require.NoError(t, err)
			require.Empty(t, h.undone())
			require.Empty(t, h.left())
			require.NotContains(t, h.calls(), `lamp.light {"lamp":"desk"}`)
		})
	}
}

// A cancelled run cleans up, then puts back, and tells what stays done.
func TestCancelPutsBack(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, h.env.CancelWorkflow)
	_, err := h.run("  - " + doused + "\n  - " + left + "\n  - {try: [{wait: 1h}], finally: [{id: f, activity: lamp.watch, with: {lamp: attic}}]}")
	require.True(t, temporal.IsCanceledError(err), err)
	require.Equal(t, []string{`lamp.douse {"lamp":"desk"}`, `lamp.light {"lamp":"hall"}`, `lamp.watch {"lamp":"attic"}`, `lamp.light {"lamp":"desk"}`}, h.calls())
	st := h.status()
	require.Equal(t, workflows.Cancelled, st.State)
	require.Equal(t, []string{"a lamp.light done"}, h.undone())
	require.Equal(t, []string{`b lamp.light "hall"`}, h.left())
	require.Equal(t, "lamp.douse", st.Left[0].Undo, "who reads it knows what to call")
	require.Equal(t, "change", st.Left[0].Effect)
	require.False(t, st.Left[0].At.IsZero())
	permit := h.permits[len(h.permits)-1]
	require.Len(t, permit.Covers, 1, "nothing but this call")
	require.Empty(t, permit.Approval)
}

// A call of an undo that its author wrote is no exact inverse: it has a permit for itself alone and no
// grant, so that policy decides about it as about any call that a run makes by itself. Where that
// says no it is told, and the rest is put back.
func TestUndoByCallsIsPermittedAsItself(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	h.at(time.Minute, func() { h.approve(alice) })
	h.do["lamp.douse"] = func(_ context.Context, in lampInput) (lampOutput, error) {
		if in.Lamp == "attic" {
			return lampOutput{}, activities.Permanent(activities.NotPermitted, errors.New("policy, rule \"ask\": people must approve it"))
		}
		return lampOutput{State: "lit", Rooms: []string{"hall"}}, nil
	}
	_, err := h.run("  - " + doused + "\n  - {id: s, approve: 'Really?', approvers: [oncall], steps: [{id: c, activity: lamp.light, with: {lamp: attic}, undo: [{activity: lamp.douse, with: {lamp: attic}}]}]}\n  - " + fails)
	require.ErrorContains(t, err, "it is dark")
	require.Equal(t, []string{"c lamp.douse failed", "a lamp.light done"}, h.undone())
	require.Contains(t, h.status().Undone[0].Error, "people must approve it")
	require.Equal(t, []string{`c lamp.light "attic"`}, h.left())
	what, err := activities.Call{Activity: "lamp.douse", Version: 1, Input: json.RawMessage(`{"lamp":"attic"}`)}.Digest()
	require.NoError(t, err)
	permit := h.permits[len(h.permits)-2]
	require.Equal(t, &activities.Permit{Covers: []digest.Digest{what}}, permit)
}

// What cannot be put back is told and keeps nothing else from it; the run ends as it would have.
func TestUndoFails(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	h.breaks("lamp.light", "the bulb is gone")
	_, err := h.run("  - {id: c, activity: lamp.douse, with: {lamp: attic}, undo: [{activity: lamp.douse, with: {lamp: hall}}]}\n  - " + doused + "\n  - " + fails)
	require.ErrorContains(t, err, `step "x": it is dark`)
	require.Equal(t, []string{"a lamp.light failed", "c lamp.douse done"}, h.undone())
	require.Equal(t, "the bulb is gone", h.status().Undone[0].Error)
	require.JSONEq(t, `{"lamp":"desk"}`, string(h.status().Undone[0].Input))
	require.Equal(t, []string{`a lamp.douse "desk"`}, h.left())
}

// An undo is tried again like any call.
func TestUndoIsTriedAgain(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	n := 0
	h.do["lamp.light"] = func(context.Context, lampInput) (lampOutput, error) {
		if n++; n < 3 {
			return lampOutput{}, errors.New("busy")
		}
		return lampOutput{}, nil
	}
	_, err := h.run("  - " + doused + "\n  - " + fails)
	require.ErrorContains(t, err, "it is dark")
	require.Equal(t, []string{"a lamp.light done"}, h.undone())
	require.Equal(t, 3, n)
}

// A call that was cut off may be done.
func TestLeftUnsure(t *testing.T) {
	h := newHouse(t)
	h.do["lamp.douse"] = func(context.Context, lampInput) (lampOutput, error) {
		return lampOutput{}, activities.Permanent(activities.Interrupted, errors.New("cut off"))
	}
	h.breaks("lamp.light", "the bulb is gone")
	_, err := h.run("  - {on_error: continue, activity: lamp.light, with: {lamp: hall}}\n  - " + doused)
	require.ErrorContains(t, err, "cut off")
	require.Equal(t, []string{`a lamp.douse "desk"`}, h.left(), "and not what failed for a reason")
	require.True(t, h.status().Left[0].Unsure)
	require.Empty(t, h.undone(), "it did not say what it found")
}

func TestLeftIsBounded(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	_, err := h.run("  - {for_each: 'lists.range(150)', max_parallel: 50, steps: [{activity: lamp.douse, with: {lamp: '" + strings.Repeat("l", 2000) + "${item}'}}, {activity: lamp.light, with: {lamp: '${string(item)}'}, undo: automatic}]}\n  - {for_each: 'lists.range(150)', max_parallel: 50, steps: [{activity: lamp.light, with: {lamp: '${string(item)}'}, undo: automatic}]}\n  - " + fails)
	require.ErrorContains(t, err, "it is dark")
	st := h.status()
	require.Len(t, st.Left, 100)
	require.Equal(t, 50, st.LeftUnlisted)
	require.Len(t, st.Undone, 200)
	require.Equal(t, 100, st.UndoneUnlisted)
	require.Contains(t, string(st.Left[0].Targets["lamp"]), "bytes, not shown")
}

// What a called playbook did its caller puts back, and tells; unless it failed and did so itself.
func TestUndoOfCalledPlaybooks(t *testing.T) {
	for name, tc := range map[string]struct {
		steps        string
		undone, left []string
		calls        int
	}{
		"done": {"  - {id: p, playbook: acts}\n  - " + fails, []string{"p.a lamp.light done"}, []string{`p.b lamp.light "hall"`}, 4},
		"done, twice": {
			"  - {id: l, for_each: '[1, 2]', steps: [{id: p, playbook: acts}]}\n  - " + fails,
			[]string{"l[1].p.a lamp.light done", "l[0].p.a lamp.light done"}, []string{`l[0].p.b lamp.light "hall"`, `l[1].p.b lamp.light "hall"`}, 7,
		},
		"done, in a part":     {"  - {id: l, for_each: 'lists.range(201)', steps: [{id: p, if: item == 200, playbook: acts}]}\n  - " + fails, []string{"l[200].p.a lamp.light done"}, []string{`l[200].p.b lamp.light "hall"`}, 4},
		"put back as a whole": {"  - {id: p, playbook: acts, undo: [{activity: lamp.douse, with: {lamp: all}}]}\n  - " + fails, []string{"p lamp.douse done"}, []string{}, 4},
		"failed":              {"  - {id: p, playbook: acts-and-fails}", []string{}, []string{`p.b lamp.light "hall"`}, 4},
		"failed, caught":      {"  - {on_error: continue, id: p, playbook: acts-and-fails}\n  - " + doused + "\n  - " + fails, []string{"a lamp.light done"}, []string{`p.b lamp.light "hall"`}, 7},
		"called by another":   {"  - {id: o, playbook: calls}\n  - " + fails, []string{"o.p.a lamp.light done"}, []string{`o.p.b lamp.light "hall"`}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			h.callee("acts", "steps: ["+doused+", "+left+"]")
			h.callee("acts-and-fails", "steps: ["+doused+", "+left+", "+fails+"]")
			h.callee("calls", "steps: [{id: p, playbook: acts}]")
			_, err := h.run(tc.steps)
			require.ErrorContains(t, err, "it is dark")
			require.Equal(t, tc.undone, h.undone())
			require.Equal(t, tc.left, h.left())
			require.Len(t, h.calls(), tc.calls)
		})
	}
}

func TestCancelOfCalledPlaybooks(t *testing.T) {
	h := newHouse(t)
	h.callee("acts", "steps: ["+doused+", "+left+", {wait: 1h}]")
	h.at(time.Minute, h.env.CancelWorkflow)
	_, err := h.run("  - {id: p, playbook: acts}")
	require.True(t, temporal.IsCanceledError(err), err)
	require.Equal(t, []string{"a lamp.light done"}, func() (own []string) {
		for _, u := range h.of(h.status().Run + "/p").Undone {
			own = append(own, u.Step+" "+u.Activity+" "+string(u.Status))
		}
		return own
	}(), "the called run puts back its own")
	require.Empty(t, h.undone())
	require.Equal(t, []string{`p.b lamp.light "hall"`}, h.left())
}

// Much is put back in pieces, and means the same: a step that is put back as a whole may stand in
// another piece than what is inside it.
func TestUndoInPieces(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	h.dark("lamp.light", "7")
	pieces := []string{}
	h.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		if info.WorkflowType.Name == workflows.BackType {
			pieces = append(pieces, info.WorkflowExecution.ID)
		}
	})
	_, err := h.run("  - {id: l, for_each: 'lists.range(600)', max_parallel: 50, steps: [{id: a, activity: lamp.douse, with: {lamp: '${string(item)}'}, undo: automatic}]}\n" +
		"  - {id: w, undo: [{activity: lamp.light, with: {lamp: all}}], for_each: 'lists.range(600)', max_parallel: 50, steps: [{id: b, activity: lamp.douse, with: {lamp: '${string(item)}'}, undo: automatic}]}\n  - " + fails)
	require.ErrorContains(t, err, "it is dark")
	run := h.status().Run
	require.Equal(t, []string{run + "/undo[701-1200]", run + "/undo[201-700]", run + "/undo[0-200]"}, pieces)
	undone := 0
	for _, call := range h.calls() {
		if strings.HasPrefix(call, "lamp.light") {
			undone++
		}
	}
	require.Equal(t, 601, undone, "one for the second loop as a whole, and one for each item of the first")
	require.Equal(t, []string{`l[7].a lamp.douse "7"`}, h.left())
	require.Len(t, h.status().Undone, 200)
	require.Equal(t, 401, h.status().UndoneUnlisted)
	require.Contains(t, h.undone(), "l[7].a lamp.light failed")
}

// No piece is larger than what Temporal takes at once.
func TestUndoInPiecesOfManyBytes(t *testing.T) {
	h := newHouse(t)
	h.breaks("lamp.look", "it is dark")
	h.event.Data = json.RawMessage(`{"lamp":"` + strings.Repeat("x", 200<<10) + `"}`)
	pieces := []string{}
	h.env.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var told json.RawMessage
		require.NoError(t, args.Get(&told))
		require.Less(t, len(told), 2<<20)
		pieces = append(pieces, info.WorkflowExecution.ID)
	})
	_, err := h.run("  - {for_each: 'lists.range(6)', steps: [{id: a, activity: lamp.douse, with: {lamp: '${string(event.data.lamp) + string(item)}'}, undo: automatic}]}\n  - " + fails)
	require.ErrorContains(t, err, "it is dark")
	run := h.status().Run
	require.Equal(t, []string{run + "/undo[1-5]", run + "/undo[0-0]"}, pieces)
	require.Empty(t, h.left())
}

// A run that another waits for hands up what it did; what it put back itself is no longer there.
func TestTrailOfAChild(t *testing.T) {
	for name, tc := range map[string]struct{ steps, trail string }{
		"done":   {"  - " + doused + "\n  - " + left, `[{"step":"a","act":{"step":"a","activity":"lamp.douse","effect":"change","targets":{"lamp":"desk"},"undo":"lamp.light"},"back":[{"activity":"lamp.light","version":1,"input":{"lamp":"desk"},"timeout":30000000000,"heartbeat":10000000000}]},{"step":"b","act":{"step":"b","activity":"lamp.light","effect":"change","targets":{"lamp":"hall"},"undo":"lamp.douse"}}]`},
		"failed": {"  - " + doused + "\n  - " + left + "\n  - " + fails, `[{"step":"b","act":{"step":"b","activity":"lamp.light","effect":"change","targets":{"lamp":"hall"},"undo":"lamp.douse"}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.breaks("lamp.look", "it is dark")
			var report workflows.Report
			h.env.ExecuteWorkflow(func(ctx workflow.Context) error {
				err := workflow.ExecuteChildWorkflow(ctx, workflows.RunType, h.input(tc.steps)).Get(ctx, &report)
				var app *temporal.ApplicationError
				if errors.As(err, &app) {
					return app.Details(&report)
				}
				return err
			})
			require.NoError(t, h.env.GetWorkflowError())
			for _, one := range report.Trail {
				one.Act.At = time.Time{}
			}
			raw, err := json.Marshal(report.Trail)
			require.NoError(t, err)
			require.JSONEq(t, tc.trail, strings.ReplaceAll(string(raw), `"at":"0001-01-01T00:00:00Z",`, ""))
		})
	}
}

// Nor do calls side by side make a trail that is too large to be handed up.
func TestTrailOfCallsSideBySide(t *testing.T) {
	h := newHouse(t)
	h.event.Data = json.RawMessage(`{"lamp":"` + strings.Repeat("x", 200<<10) + `"}`)
	var report workflows.Report
	h.env.ExecuteWorkflow(func(ctx workflow.Context) error {
		in := h.input("  - {id: l, for_each: 'lists.range(20)', max_parallel: 20, continue_on_error: true, steps: [{activity: lamp.douse, with: {lamp: '${event.data.lamp}'}, undo: automatic}]}\noutcome: steps.l.?error.orValue('') + string(steps.l.failed)")
		return workflow.ExecuteChildWorkflow(ctx, workflows.RunType, in).Get(ctx, &report)
	})
	require.NoError(t, h.env.GetWorkflowError())
	require.Contains(t, report.Outcome, "can remember no more")
	require.True(t, strings.HasSuffix(report.Outcome, "17"), "but for three")
	require.Len(t, h.calls(), 3)
}

// lamps is a world that remembers: lamp.turn turns a lamp on or off, and says how it was.
type lamps struct {
	mu sync.Mutex
	on map[string]string
}

// untouched is how every lamp is in the beginning.
const untouched = "as it was"

type turnInput struct {
	Lamp  string `json:"lamp"`
	State string `json:"state"`
}

type turnOutput struct {
	State string `json:"state"` // before
}

func (l *lamps) turn(_ context.Context, in turnInput) (turnOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, turned := l.on[in.Lamp]
	if !turned {
		before = untouched
	}
	l.on[in.Lamp] = in.State
	return turnOutput{State: before}, nil
}

func (l *lamps) register(h *house) {
	spec := activities.Spec{Name: "lamp.turn", Title: "Turn a lamp", Effect: activities.Change, Undo: "lamp.turn", Targets: []string{"lamp"}}
	own := activities.NewRegistry()
	activities.Register(own, spec, l.turn)
	activities.Register(h.registry, spec, l.turn)
	own.Guard(activitytest.NewAllow(h))
	own.Bind(h.env)
}

// author writes playbooks in which every change is put back. Branches side by side have lamps of
// their own: of two that turn the same one at the same time, nobody could say what was before.
type author struct {
	*rand.Rand

	ids int
}

func (a *author) block(lamp string, depth int) string {
	var steps []string
	for range 1 + a.IntN(3) {
		steps = append(steps, a.step(lamp, depth))
	}
	return "[" + strings.Join(steps, ", ") + "]"
}

func (a *author) step(lamp string, depth int) string {
	a.ids++
	id, kind := fmt.Sprintf("s%d", a.ids), a.IntN(11)
	if depth == 0 {
		kind = a.IntN(4)
	}
	inner := func() string { return a.block(lamp, depth-1) }
	switch kind {
	case 0, 1, 2:
		return fmt.Sprintf("{id: %s, activity: lamp.turn, with: {lamp: '%s%d', state: '%d'}, undo: automatic}", id, lamp, a.IntN(3), a.IntN(5))
	case 3:
		return fmt.Sprintf("{id: %s, wait: %dm}", id, 1+a.IntN(20))
	case 4:
		return fmt.Sprintf("{id: %s, switch: [{if: 'event.data.?%s.orValue(false)', steps: %s}], default: %s}", id, id, inner(), inner())
	case 5:
		return fmt.Sprintf("{id: %s, try: [{switch: [{if: 'true', steps: %s}]}, {activity: lamp.look, with: {lamp: desk}}], catch: %s, finally: %s}", id, inner(), inner(), inner())
	case 6:
		return fmt.Sprintf("{id: %s, parallel: [{steps: %s}, {steps: %s}]}", id, a.block(lamp+"p", depth-1), a.block(lamp+"q", depth-1))
	case 7:
		return fmt.Sprintf("{id: %s, repeat: %s, until: 'false', times: 2}", id, inner())
	case 8:
		return fmt.Sprintf("{id: %s, for_each: '[1, 2]', steps: %s}", id, inner())
	case 9:
		return fmt.Sprintf("{id: %s, retry: {times: 2}, on_error: continue, switch: [{if: 'true', steps: [{switch: [{if: 'true', steps: %s}]}, {activity: lamp.look, with: {lamp: desk}}]}]}", id, inner())
	default:
		return fmt.Sprintf("{id: %s, timeout: 5m, on_error: continue, try: %s, finally: %s}", id, inner(), inner())
	}
}

// Whatever a run has done until it failed or was cancelled, if all of it can be put back, then
// afterwards the world is what it was.
func TestTheWorldIsWhatItWas(t *testing.T) {
	ends := []string{
		"{activity: lamp.look, with: {lamp: desk}}",
		"{stop: enough, failed: true}",
		"{wait: 30d}", // it is cancelled
		"{timeout: 1m, wait: 1h}",
	}
	const seeds = 60
	undone := 0
	for seed := range uint64(seeds) {
		a := &author{Rand: rand.New(rand.NewPCG(seed, 8))} //nolint:gosec // the same playbooks every time
		steps := "  - switch: [{if: 'true', steps: " + a.block("l", 3) + "}]\n  - " + ends[seed%4]
		h := newHouse(t)
		h.breaks("lamp.look", "it is dark")
		world := &lamps{on: map[string]string{}}
		world.register(h)
		h.at(time.Duration(a.IntN(24*60))*time.Minute, func() {
			if seed%4 == 2 {
				h.env.CancelWorkflow()
			}
		})
		_, err := h.run(steps)
		require.Error(t, err, steps)
		for lamp, state := range world.on {
			require.Equal(t, untouched, state, "%s, seed %d\n%s", lamp, seed, steps)
		}
		require.Empty(t, h.left(), steps)
		for _, s := range h.status().Undone {
			require.Equal(t, playbook.StatusDone, s.Status)
		}
		undone += len(h.status().Undone)
	}
	require.Greater(t, undone, 2*seeds, "the playbooks do something")
}
