package workflows_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/activitytest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
	"github.com/countersign/countersign/workflows/practice"
)

type lampInput struct {
	Lamp string `json:"lamp"`
	Note string `json:"note,omitempty"`
}

type lampOutput struct {
	State string   `json:"state"`
	Rooms []string `json:"rooms"`
}

// house is the world of these tests: a run in Temporal's time-skipping environment, with real
// activities behind the real guard that do things to lamps.
type house struct {
	testing.TB

	env       *testsuite.TestWorkflowEnvironment
	registry  *activities.Registry
	workflows *workflows.Registry
	callees   playbook.Table[playbook.Callee]
	types     playbook.Table[*expr.Type] // of events
	event     event.Event
	updates   int
	desk      *practice.Desk

	mu      sync.Mutex
	made    []string // calls that came through the guard: name and input
	permits []*activities.Permit
	// switched is what the run asked of switchboards.
	switched []string
	do       map[string]func(context.Context, lampInput) (lampOutput, error)
	// states are those of lamps that are not lit, as previews show them; unread keeps a preview from
	// being read.
	states map[string]string
	unread error
	judged []workflows.JudgeCall
	says   func(workflows.JudgeCall) policy.Verdict // nil: all is automatic
}

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
	carol = "carol@example.com" // belongs to no group that is asked
)

// newEnvironment is Temporal's test environment. On a busy machine, or under the race detector, a
// workflow goroutine is late without being stuck.
func newEnvironment() *testsuite.TestWorkflowEnvironment {
	const patience = 20 * time.Second
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(patience)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: patience})
	return env
}

func newHouse(t testing.TB) *house {
	h := &house{
		TB: t, env: newEnvironment(), desk: practice.New(), registry: activities.NewRegistry(), workflows: workflows.NewRegistry(), callees: playbook.Table[playbook.Callee]{},
		do: map[string]func(context.Context, lampInput) (lampOutput, error){}, states: map[string]string{},
		event: event.Event{
			ID: "e1", Source: "hall", Type: "lamp.broken", Time: time.Date(2026, 11, 20, 21, 14, 0, 0, time.UTC),
			Data: json.RawMessage(`{"lamp":"desk","n":5,"free":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8},"nothing":""}`),
		},
	}
	for _, spec := range []activities.Spec{
		{Name: "lamp.look", Title: "Look at a lamp", Effect: activities.Read},
		{Name: "lamp.watch", Title: "Watch a lamp", Effect: activities.Read, Timeout: 2 * time.Minute},
		{Name: "lamp.douse", Title: "Douse a lamp", Effect: activities.Change, Undo: "lamp.light", Targets: []string{"lamp"}},
		{Name: "lamp.light", Title: "Light a lamp", Effect: activities.Change, Undo: "lamp.douse", Targets: []string{"lamp"}},
		{Name: "lamp.smash", Title: "Smash a lamp", Effect: activities.Destroy, Targets: []string{"lamp"}},
	} {
		activities.Register(h.registry, spec, func(ctx context.Context, in lampInput) (lampOutput, error) {
			return h.act(ctx, spec.Name, in)
		})
	}
	directory.Register(h.registry, func() (directory.Directory, error) {
		return directory.Directory{Groups: map[string][]string{"oncall": {alice, bob}, "night": {bob}, "others": {carol}}}, nil
	})
	activities.Previews(h.registry, "lamp.smash", h.preview)
	h.desk.Judge = h.judge
	h.registry.Guard(activitytest.NewAllow(t))
	h.registry.Bind(h.env)
	h.desk.Bind(h.env)
	workflows.Bind(h.env)
	for _, name := range []string{workflows.SubscribeActivity, workflows.UnsubscribeActivity} {
		h.env.RegisterActivityWithOptions(func(_ context.Context, eventType string, s workflows.Subscription) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.switched = append(h.switched, strings.TrimPrefix(name, "countersign.")+" "+s.ID+" "+eventType)
			return nil
		}, activity.RegisterOptions{Name: name})
	}
	h.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		var input json.RawMessage
		var permit *activities.Permit
		if args.Get(&input, &permit) != nil {
			return // a read has none
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.permits = append(h.permits, permit)
	})
	return h
}

func (h *house) act(ctx context.Context, name string, in lampInput) (lampOutput, error) {
	raw, err := json.Marshal(in)
	require.NoError(h, err)
	h.mu.Lock()
	h.made = append(h.made, name+" "+string(raw))
	do := h.do[name]
	h.mu.Unlock()
	if do != nil {
		return do(ctx, in)
	}
	return lampOutput{State: "lit", Rooms: []string{"hall", "attic"}}, nil
}

// preview is what smashing a lamp would change.
func (h *house) preview(_ context.Context, in lampInput) (preview.Preview, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	state := h.states[in.Lamp]
	if state == "" {
		state = "lit"
	}
	return preview.Preview{Changes: []preview.Change{{Target: "lamp " + in.Lamp, What: "state", Before: state, After: "in pieces"}}}, h.unread
}

// is sets the state of a lamp.
func (h *house) is(lamp, state string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states[lamp] = state
}

func (h *house) judge(c workflows.JudgeCall) policy.Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.judged = append(h.judged, c)
	if h.says == nil {
		return policy.Verdict{Mode: policy.Automatic, Rule: "test"}
	}
	return h.says(c)
}

func (h *house) calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.made)
}

func (h *house) compile(name, text string) *playbook.Playbook {
	h.Helper()
	catalog := workflows.Catalog(h.registry, h.workflows)
	catalog.Playbooks, catalog.Events = h.callees, h.types
	pb, problems := playbook.Compile(name+".yaml", []byte("playbook: "+name+"\nstage: run\n"+text), catalog)
	require.Empty(h, problems)
	return pb
}

// callee compiles a playbook that those compiled after it may call.
func (h *house) callee(name, text string) {
	h.Helper()
	h.callees[name] = playbook.Callee{Plan: h.compile(name, text).Plan}
}

// input compiles a playbook of these steps. They may end with an outcome.
func (h *house) input(steps string) workflows.Input {
	h.Helper()
	pb := h.compile("p", "triggers: [{event: lamp.broken}]\ninputs: {lamp: {type: string, from: event.data.lamp}}\nsteps:\n"+steps)
	in, err := workflows.NewInput(pb, h.event, nil)
	require.NoError(h, err)
	return in
}

// run runs steps to their end.
func (h *house) run(steps string) (string, error) {
	h.Helper()
	return h.start(h.input(steps))
}

func (h *house) start(in workflows.Input) (string, error) {
	h.Helper()
	h.env.ExecuteWorkflow(workflows.RunType, in)
	require.True(h, h.env.IsWorkflowCompleted())
	if err := h.env.GetWorkflowError(); err != nil {
		return "", err
	}
	var report workflows.Report
	require.NoError(h, h.env.GetWorkflowResult(&report))
	return report.Outcome, nil
}

// at does something when so much of the run's time has passed.
func (h *house) at(d time.Duration, f func()) { h.env.RegisterDelayedCallback(f, d) }

func (h *house) status() *workflows.Status {
	h.Helper()
	value, err := h.env.QueryWorkflow(workflows.StatusQuery)
	require.NoError(h, err)
	var s *workflows.Status
	require.NoError(h, value.Get(&s))
	return s
}

// ballot is a vote for what is asked now.
func (h *house) ballot(person string, verdict approval.Verdict) approval.Vote {
	h.Helper()
	asking := h.status().Asking()
	require.Len(h, asking, 1, "%+v", h.status())
	return approval.Vote{Approval: asking[0].ID, Digest: asking[0].Digest, Person: person, Verdict: verdict}
}

// answer is what became of an update.
type answer struct {
	rejected error
	err      error
	result   workflows.VoteResult
	done     bool
}

func (a *answer) Accept()          {}
func (a *answer) Reject(err error) { a.rejected, a.done = err, true }
func (a *answer) Complete(v any, err error) {
	a.result, _ = v.(workflows.VoteResult)
	a.err, a.done = err, true
}

// refusal is why it does not count: said at once, or once it was checked.
func (a *answer) refusal() error {
	if a.rejected != nil {
		return a.rejected
	}
	return a.err
}

// signed is what the gateway makes of a vote. A vote for what is not asked, which it would refuse, is
// signed as a yes all the same: it is the run that is tested.
func (h *house) signed(v approval.Vote) (grant.Signed, error) {
	h.Helper()
	v.At = h.env.Now()
	st := h.status()
	for _, a := range st.Approvals {
		if a.ID == v.Approval && a.Digest == v.Digest {
			return h.desk.Vote(a.Request, v)
		}
	}
	return h.desk.Sign(grant.KindStanding, approval.Standing{
		Run: st.Run, Execution: st.Execution, Approval: v.Approval, Request: v.Digest, Votes: []approval.Vote{v},
		Decision: &approval.Decision{Outcome: approval.Approved, By: []string{v.Person}, At: v.At}, Grant: &grant.Signed{},
	})
}

// update casts a vote the way people do, and brings the run how the request stands.
func (h *house) update(v approval.Vote) *answer {
	h.Helper()
	signed, err := h.signed(v)
	if err != nil {
		return &answer{rejected: err, done: true}
	}
	return h.bring(signed)
}

// bring brings the run what somebody has signed.
func (h *house) bring(signed grant.Signed) *answer {
	a := &answer{}
	h.updates++ // ids that repeat are answered by the engine, and it is our answers that are of interest
	h.env.UpdateWorkflow(workflows.DecideUpdate, strconv.Itoa(h.updates), a, signed)
	return a
}

// signal brings the same by signal.
func (h *house) signal(v approval.Vote) {
	h.Helper()
	signed, err := h.signed(v)
	require.NoError(h, err)
	h.env.SignalWorkflow(workflows.DecideSignal, signed)
}

func (h *house) approve(person string) *answer {
	h.Helper()
	return h.update(h.ballot(person, approval.Approve))
}

func (h *house) statuses() map[string]playbook.Status {
	h.Helper()
	out := map[string]playbook.Status{}
	for _, s := range h.status().Steps {
		out[s.ID] = s.Status
	}
	return out
}
