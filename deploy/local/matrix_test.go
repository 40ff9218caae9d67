package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/activitytest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/deploy/local/devserver"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/connect"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/practice"
)

// A cell of the matrix is one verb in one place, with one fate.
type fate string

const (
	succeeds fate = "succeeds"
	fails    fate = "fails"
	late     fate = "late"   // its timeout ends it
	cancels  fate = "cancel" // the run is cancelled while it is under way
)

// matrixVerbs are the verbs as they succeed, fail, and take too long. "" where that cannot be: what
// takes no time can neither be late nor be met by a cancellation.
var matrixVerbs = map[string]struct{ succeeds, fails, slow string }{
	"activity": {
		"activity: lamp.look, with: {lamp: hall}",
		"activity: lamp.look, with: {lamp: dark}",
		"activity: lamp.stare, with: {lamp: hall}",
	},
	"approve": {
		"approve: Really, approvers: [oncall], steps: [{id: covered, activity: lamp.look, with: {lamp: hall}}]",
		"approve: Really, approvers: [oncall], steps: [{id: covered, activity: lamp.look, with: {lamp: dark}}]",
		"approve: Really, approvers: [oncall]",
	},
	"ask": {
		"ask: Who, who: [oncall], form: {name: {type: string}}",
		`ask: "${string(1 / inputs.zero)}", who: [oncall], form: {name: {type: string}}`,
		"ask: Who, who: [oncall], form: {name: {type: string}}",
	},
	"switch": {
		`switch: [{if: "true", steps: [{id: inner, activity: lamp.look, with: {lamp: hall}}]}]`,
		`switch: [{if: "true", steps: [{id: inner, activity: lamp.look, with: {lamp: dark}}]}]`,
		`switch: [{if: "true", steps: [{id: inner, wait: 1h}]}]`,
	},
	"parallel": {
		"parallel: [{steps: [{id: inner, activity: lamp.look, with: {lamp: hall}}]}, {steps: [{id: beside, wait: 1s}]}]",
		"parallel: [{steps: [{id: inner, activity: lamp.look, with: {lamp: dark}}]}, {steps: [{id: beside, wait: 1h}]}]",
		"parallel: [{steps: [{id: inner, wait: 1h}]}, {steps: [{id: beside, wait: 1h}]}]",
	},
	"for_each": {
		`for_each: "[1, 2]", steps: [{id: inner, activity: lamp.look, with: {lamp: hall}}]`,
		`for_each: "[1, 2]", steps: [{id: inner, activity: lamp.look, with: {lamp: dark}}]`,
		`for_each: "[1, 2]", max_parallel: 2, steps: [{id: inner, wait: 1h}]`,
	},
	"repeat": {
		`repeat: [{id: inner, activity: lamp.look, with: {lamp: hall}}], until: "true"`,
		`repeat: [{id: inner, activity: lamp.look, with: {lamp: dark}}], until: "true"`,
		`repeat: [{id: inner, set: {n: 1}}], until: "false", every: 1h`,
	},
	"wait": {
		"wait: 1s",
		`wait: "${duration(string(1 / inputs.zero) + 's')}"`,
		"wait: 1h",
	},
	"event": {
		"wait: {event: lamp.broken, expires: 1s}", // that none arrives is no failure
		"",
		"wait: {event: lamp.broken, expires: 1h}",
	},
	"workflow": {
		"workflow: lamp.tour, with: {lamp: hall}",
		"workflow: lamp.tour, with: {lamp: dark}",
		"workflow: lamp.tour, with: {lamp: far}",
	},
	"playbook": {"playbook: called-lit", "playbook: called-dark", "playbook: called-slow"},
	"set":      {"set: {n: 1}", `set: {n: "${1 / inputs.zero}"}`, ""},
	"try": {
		"try: [{id: inner, activity: lamp.look, with: {lamp: dark}}], catch: [{id: caught, set: {n: 1}}], finally: [{id: last, set: {m: 1}}]",
		"try: [{id: inner, activity: lamp.look, with: {lamp: dark}}], finally: [{id: last, activity: lamp.look, with: {lamp: hall}}]",
		"try: [{id: inner, wait: 1h}], catch: [{id: caught, set: {n: 1}}], finally: [{id: last, activity: lamp.look, with: {lamp: hall}}]",
	},
	"stop": {"if: inputs.zero == 0, stop: stopped", `if: inputs.zero == 0, stop: "${string(1 / inputs.zero)}"`, ""},
}

// matrixCalled are the playbooks that cells call.
var matrixCalled = map[string]string{
	"called-lit":  "{id: called, activity: lamp.look, with: {lamp: hall}}",
	"called-dark": "{id: called, activity: lamp.look, with: {lamp: dark}}",
	"called-slow": "{id: called, wait: 1h}",
}

// matrixPlaces are the blocks that a step may stand in. %s is the step.
var matrixPlaces = map[string]string{
	"alone":    "%s",
	"case":     `{switch: [{if: "true", steps: [%s]}]}`,
	"default":  `{switch: [{if: "inputs.zero == 1", steps: [{set: {other: 1}}]}], default: [%s]}`,
	"parallel": `{parallel: [{steps: [%s]}, {steps: [{wait: 1s}]}]}`,
	"for_each": `{for_each: "[0, 1, 2]", max_parallel: 2, steps: [{if: index != 1, set: {other: 1}}, {switch: [{if: index == 1, steps: [%s]}]}]}`,
	"part":     `{for_each: lists.range(201), max_parallel: 50, steps: [{switch: [{if: index == 200, steps: [%s]}]}]}`,
	"repeat":   `{repeat: [%s], until: "true"}`,
	"try":      "{try: [%s], finally: [{set: {other: 1}}]}",
	"catch":    "{try: [{activity: lamp.look, with: {lamp: dark}}], catch: [%s]}",
	"finally":  "{try: [{set: {other: 1}}], finally: [%s]}",
}

// cell is one run of the matrix.
type cell struct {
	verb, place string
	fate        fate
	step        string
}

func (c cell) name() string { return fmt.Sprintf("%s in %s %s", c.verb, c.place, c.fate) }

// matrix lists the cells that can be. A stop may not stand in finally, and a cancellation does not
// reach what does; there its own bounds end it.
func matrix() []cell {
	var cells []cell
	for verb, v := range matrixVerbs {
		for place := range matrixPlaces {
			add := func(f fate, body, modifiers string) {
				if body != "" && (verb != "stop" || place != "finally") {
					cells = append(cells, cell{verb, place, f, "{id: cell, " + body + modifiers + "}"})
				}
			}
			add(succeeds, v.succeeds, "")
			add(fails, v.fails, "")
			add(late, v.slow, ", timeout: 1s")
			if place == "finally" && v.slow != "" {
				add(cancels, v.slow, ", timeout: 2s, on_error: continue")
			} else {
				add(cancels, v.slow, "")
			}
		}
	}
	return cells
}

// TestMatrix runs every verb in every block on the real server, as it succeeds, fails, takes too
// long and is cancelled, and replays every history that comes of it.
func TestMatrix(t *testing.T) {
	m := newMatrix(t)
	var ran, replayed atomic.Int64
	t.Run("cells", func(t *testing.T) {
		for _, c := range matrix() {
			t.Run(c.name(), func(t *testing.T) {
				t.Parallel()
				status := m.run(t, c)
				m.expect(t, c, status)
				replayed.Add(int64(m.replay(t, status.Run)))
				ran.Add(1)
			})
		}
	})
	t.Logf("%d cells, %d histories replayed", ran.Load(), replayed.Load())
	require.GreaterOrEqual(t, ran.Load(), int64(500))
}

// lab is a server and a worker whose activities do things to lamps.
type lab struct {
	runs     workflows.Client
	desk     *practice.Desk
	catalog  playbook.Catalog
	registry *activities.Registry
	flows    *workflows.Registry
	lamps    *lamps
}

// lamps are on or off.
type lamps struct {
	mu  sync.Mutex
	lit map[string]bool
	did int
	// smashed are lamps that were to be smashed.
	smashed map[string]bool
}

func (l *lamps) set(name string, lit bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lit[name] = lit
	l.did++
}

// smash refuses each lamp once, as the guard does when a lamp is no longer what people were shown.
func (l *lamps) smash(_ context.Context, in lamp) (lamp, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.smashed[in.Lamp] {
		l.smashed[in.Lamp] = true
		return lamp{}, activities.Permanent(activities.AskAgain, errors.New("the lamp is not what was shown"))
	}
	l.did++
	return in, nil
}

type lamp struct {
	Lamp string `json:"lamp"`
}

func newMatrix(t *testing.T) *lab {
	t.Helper()
	server, err := devserver.Start(t.Context(), devserver.Options{Address: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	registry := activities.NewRegistry()
	activities.Register(registry, activities.Spec{Name: "lamp.look", Title: "Look at a lamp", Effect: activities.Read},
		func(_ context.Context, in lamp) (lamp, error) {
			if in.Lamp == "dark" {
				return lamp{}, activities.Permanent("Dark", errors.New("the lamp is dark"))
			}
			return in, nil
		})
	activities.Register(registry, activities.Spec{
		Name: "lamp.stare", Title: "Stare a lamp down until told to stop", Effect: activities.Change, Undo: "lamp.stare", Targets: []string{"lamp"}, Timeout: time.Hour, Heartbeat: time.Second,
	},
		func(ctx context.Context, _ lamp) (lamp, error) {
			<-ctx.Done()
			return lamp{}, context.Cause(ctx)
		})
	world := &lamps{lit: map[string]bool{"hall": true}, smashed: map[string]bool{}}
	for name, lit := range map[string]bool{"lamp.light": true, "lamp.douse": false} {
		activities.Register(registry, activities.Spec{
			Name: name, Title: "Switch a lamp", Effect: activities.Change, Undo: map[bool]string{true: "lamp.douse", false: "lamp.light"}[lit], Targets: []string{"lamp"},
		}, func(_ context.Context, in lamp) (lamp, error) {
			world.set(in.Lamp, lit)
			return in, nil
		})
	}
	activities.Register(registry, activities.Spec{Name: "lamp.smash", Title: "Smash a lamp", Effect: activities.Destroy, Targets: []string{"lamp"}}, world.smash)
	activities.Previews(registry, "lamp.smash", func(_ context.Context, in lamp) (preview.Preview, error) {
		return preview.Preview{Changes: []preview.Change{{Target: "lamp " + in.Lamp, What: "state", Before: "whole", After: "in pieces"}}}, nil
	})
	directory.Register(registry, func() (directory.Directory, error) {
		return directory.Directory{Groups: map[string][]string{"oncall": {"alice@example.com"}}}, nil
	})
	flows := workflows.NewRegistry()
	workflows.Register(flows, workflows.Spec{Name: "lamp.tour", Title: "Go to a lamp and look at it"}, func(ctx workflow.Context, in lamp) (lamp, error) {
		if in.Lamp == "far" {
			return in, workflow.Sleep(ctx, time.Hour)
		}
		return workflows.Call[lamp, lamp](ctx, "lamp.look", in)
	})
	workflows.Register(flows, workflows.Spec{Name: "lamp.sweep", Title: "Douse a lamp", Effects: []string{"lamp.douse"}}, func(ctx workflow.Context, in lamp) (lamp, error) {
		return workflows.Call[lamp, lamp](ctx, "lamp.douse", in)
	})
	temporal, err := (&connect.Options{Address: server.Address()}).Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	w := worker.New(temporal, workflows.TaskQueue, worker.Options{})
	workflows.Bind(w)
	workflows.BindActivities(w)
	flows.Bind(w, registry)
	registry.Guard(activitytest.NewAllow(t))
	registry.Bind(w)
	desk := practice.New()
	desk.Bind(w)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	catalog := workflows.Catalog(registry, flows)
	catalog.Playbooks = playbook.Table[playbook.Callee]{}
	for name, step := range matrixCalled {
		pb, problems := playbook.Compile(name+".yaml", []byte("playbook: "+name+"\nstage: run\nsteps:\n  - "+step+"\n"), catalog)
		require.Empty(t, problems)
		catalog.Playbooks[name] = playbook.Callee{Plan: pb.Plan}
	}
	return &lab{workflows.Client{Temporal: temporal}, desk, catalog, registry, flows, world}
}

// run runs a cell to its end.
func (m *lab) run(t *testing.T, c cell) *workflows.Status {
	text := "playbook: cell\nstage: run\ninputs: {zero: {type: int, default: 0}}\nsteps:\n  - " +
		fmt.Sprintf(matrixPlaces[c.place], c.step) + "\n  - {id: after, set: {end: 1}}\n"
	cancelled := false
	status := m.finish(t, c.name(), text, func(s *workflows.Status) {
		at := s // who works on the cell
		for _, row := range s.Steps {
			if row.Part != "" {
				if part, err := m.runs.Status(t.Context(), row.Part); err == nil {
					at = part
				}
			}
		}
		row := at.Step("cell")
		under := row != nil && (row.Status == playbook.StatusRunning || row.Status == playbook.StatusWaiting || row.Rounds != nil && row.Rounds.Running+row.Rounds.Waiting > 0)
		switch {
		case c.fate == cancels && under && !cancelled:
			cancelled = true
			require.NoError(t, m.runs.Cancel(t.Context(), s.Run))
		case c.fate == succeeds || c.fate == fails:
			m.answer(t, at)
		}
	})
	require.Equal(t, c.fate == cancels, cancelled, "it was never seen under way")
	return status
}

// finish runs a playbook to its end and shows every status on the way.
func (m *lab) finish(t *testing.T, key, text string, see func(*workflows.Status)) *workflows.Status {
	pb, problems := playbook.Compile("cell.yaml", []byte(text), m.catalog)
	require.Empty(t, problems)
	in, err := workflows.NewInput(pb, event.Event{ID: "1", Source: "test", Type: "test.cell", Time: time.Now(), Data: json.RawMessage(`{}`)}, nil)
	require.NoError(t, err)
	started, err := m.runs.Start(t.Context(), pb, key, in)
	require.NoError(t, err)
	var status *workflows.Status
	require.NoError(t, m.runs.Watch(t.Context(), started.Run, 3*time.Minute, func(s *workflows.Status) bool {
		status = s
		see(s)
		return true
	}))
	return status
}

// answer says yes to whatever a run asks.
func (m *lab) answer(t *testing.T, s *workflows.Status) {
	for _, a := range s.Asking() {
		yes, err := m.desk.Vote(a.Request, approval.Vote{Approval: a.ID, Digest: a.Digest, Person: "alice@example.com", Verdict: approval.Approve})
		require.NoError(t, err)
		_, err = m.runs.Decide(t.Context(), s.Run, yes)
		require.NoError(t, err)
	}
	for _, q := range s.Questions {
		if q.Ending == nil && !s.State.Over() {
			a, err := m.desk.Answer(q.Question, approval.Answer{
				Question: q.ID, Digest: q.Digest, Person: "alice@example.com", Values: map[string]json.RawMessage{"name": json.RawMessage(`"alice"`)},
			})
			require.NoError(t, err)
			require.NoError(t, m.runs.Temporal.SignalWorkflow(t.Context(), s.Run, "", workflows.AnswerSignal, a))
		}
	}
}

// expect holds how a cell's run has ended against its fate.
func (m *lab) expect(t *testing.T, c cell, s *workflows.Status) {
	after := s.Step("after").Status
	switch {
	case c.fate == succeeds && c.verb == "stop":
		require.Equal(t, workflows.Done, s.State, s.Error)
		require.Equal(t, "stopped", s.Outcome)
		require.Equal(t, playbook.StatusSkipped, after)
	case c.fate == succeeds:
		require.Equal(t, workflows.Done, s.State, s.Error)
		require.Equal(t, playbook.StatusDone, after)
		require.Equal(t, playbook.StatusDone, s.Step("cell").Status)
	case c.fate == fails:
		require.Equal(t, workflows.Failed, s.State)
		require.Regexp(t, "the lamp is dark|division by zero|divide by zero", s.Error)
		require.Equal(t, playbook.StatusSkipped, after)
		require.Equal(t, playbook.StatusFailed, s.Step("cell").Status)
	case c.fate == late:
		require.Equal(t, workflows.Failed, s.State)
		require.Regexp(t, "took longer than 1s|no answer in time", s.Error)
		require.Equal(t, playbook.StatusFailed, s.Step("cell").Status)
	default:
		require.Equal(t, workflows.Cancelled, s.State, s.Error)
		require.Equal(t, playbook.StatusSkipped, after)
		require.Equal(t, playbook.StatusFailed, s.Step("cell").Status)
	}
	if c.verb == "try" && c.fate != succeeds {
		require.Equal(t, playbook.StatusDone, s.Step("last").Status, "finally runs whatever happens")
	}
}

// replay runs today's code against the history of a run, and of the runs below it.
func (m *lab) replay(t *testing.T, id string) (replayed int) {
	h := &historypb.History{}
	events := m.runs.Temporal.GetWorkflowHistory(t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, e)
		if below := e.GetChildWorkflowExecutionStartedEventAttributes(); below != nil {
			replayed += m.replay(t, below.WorkflowExecution.WorkflowId)
		}
	}
	started := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
	r := worker.NewWorkflowReplayer()
	workflows.Bind(r)
	m.flows.Bind(r, m.registry)
	require.NoError(t, r.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), h, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
	}))
	return replayed + 1
}

// What a step changed is put back when the run fails later, wherever the step stood, and what that
// wrote replays.
func TestMatrixUndo(t *testing.T) {
	m := newMatrix(t)
	for verb, body := range map[string]string{"call": "activity: lamp.douse", "workflow": "workflow: lamp.sweep"} {
		for place := range matrixPlaces {
			t.Run(verb+" in "+place, func(t *testing.T) {
				before := m.lamps.did
				text := "playbook: cell\nstage: run\ninputs: {zero: {type: int, default: 0}}\nsteps:\n  - " +
					fmt.Sprintf(matrixPlaces[place], "{id: cell, "+body+", with: {lamp: hall}, undo: automatic}") + "\n  - {id: after, activity: lamp.look, with: {lamp: dark}}\n"
				status := m.finish(t, "undo of "+verb+" in "+place, text, func(*workflows.Status) {})
				require.Equal(t, workflows.Failed, status.State)
				require.Contains(t, status.Error, "the lamp is dark")
				require.Len(t, status.Undone, 1)
				require.Equal(t, playbook.StatusDone, status.Undone[0].Status)
				require.Empty(t, status.Left)
				require.Equal(t, before+2, m.lamps.did)
				require.True(t, m.lamps.lit["hall"])
				m.replay(t, status.Run)
				if place == "part" && verb == "call" {
					keep(t, "undo", m.runs, status.Run, status.Execution)
				}
			})
		}
	}
}

// What may not stand in a place is refused before anything runs.
func TestMatrixRefuses(t *testing.T) {
	registry := activities.NewRegistry()
	for _, tc := range []struct{ step, problem string }{
		{fmt.Sprintf(matrixPlaces["finally"], "{stop: stopped}"), "a stop cannot stand in finally"},
		{"{set: {n: 1}, timeout: 1s}", `"timeout"`},
		{"{stop: stopped, timeout: 1s}", `"timeout"`},
		{"{approve: Really, approvers: [oncall], steps: [{wait: 1s}]}", "an approval covers calls of activities"},
	} {
		_, problems := playbook.Compile("p.yaml", []byte("playbook: p\nstage: run\nsteps:\n  - "+tc.step+"\n"), workflows.Catalog(registry))
		require.Len(t, problems, 1, tc.step)
		require.True(t, strings.Contains(problems[0].Message, tc.problem), problems[0].Message)
	}
}
