package playtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// Options are what a test needs of the rest of the program.
type Options struct {
	// Registry holds the real activities: their schemas and the guard are used, their functions
	// are not called.
	Registry *activities.Registry
	// Workflows holds those that are written in Go; they run, with what the test says their calls
	// answer. nil: there are none.
	Workflows *workflows.Registry
	// Normalise makes an event of a file, as the gateway does of what it receives.
	Normalise func(raw []byte) (event.Event, error)
	// Only says by its name whether a test is run; nil runs all.
	Only func(name string) bool
}

// Result is what became of one test.
type Result struct {
	Name string `json:"name"`
	File string `json:"file"`
	Line int    `json:"line"`
	// Failures are where the run differed from what was expected; none: the test passed.
	Failures playbook.Problems `json:"failures,omitempty"`
	// Steps are the ids of the steps that the run took, and did not skip.
	Steps []string `json:"steps,omitempty"`
	// Branches are the ways that the run went where it could have gone another.
	Branches []Branch `json:"branches,omitempty"`
	// Status is the story of the run; nil if it did not start.
	Status *workflows.Status `json:"-"`
}

// Passed reports whether the run did all that was expected.
func (r Result) Passed() bool { return len(r.Failures) == 0 }

// File returns the name of the test file of a playbook's file.
func File(playbookFile string) string {
	return strings.TrimSuffix(playbookFile, ".yaml") + "_test.yaml"
}

// Run runs the tests of a file in lib against a playbook. A file that cannot be read as tests is
// an error, of type playbook.Problems where it has places; a test that fails is not.
func Run(lib fs.FS, file string, pb *playbook.Playbook, opts Options) ([]Result, error) {
	text, err := fs.ReadFile(lib, file)
	if err != nil {
		return nil, fmt.Errorf("read the tests of the playbook %s: %w", pb.Name, err)
	}
	root, problems := playbook.Read(file, text)
	if root == nil {
		return nil, problems
	}
	p := &parser{file: file, registry: opts.Registry, flows: opts.Workflows, pb: pb}
	if p.family, err = familyOf(pb); err != nil {
		return nil, fmt.Errorf("test the playbook %s: %w", pb.Name, err)
	}
	s := p.suite(root)
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	results := make([]Result, 0, len(s.tests))
	for _, t := range s.tests {
		if opts.Only != nil && !opts.Only(t.name) {
			continue
		}
		r := &rehearsal{file: file, lib: lib, family: p.family, pb: pb, opts: opts, test: t}
		r.run()
		slices.SortStableFunc(r.failures, func(a, b playbook.Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		result := Result{Name: t.name, File: file, Line: t.at.node.Line, Failures: r.failures, Steps: r.taken(), Status: r.status}
		if r.status != nil {
			w := &ways{status: r.status}
			w.block(pb.Steps)
			result.Branches = w.taken
		}
		results = append(results, result)
	}
	return results, nil
}

// rehearsal is one test while it runs.
type rehearsal struct {
	file string
	lib  fs.FS
	pb   *playbook.Playbook
	opts Options
	test *test
	// family is pb with what it calls.
	family *family

	env      *testsuite.TestWorkflowEnvironment
	status   *workflows.Status
	children []string   // ids of runs that were called, as they began
	mu       sync.Mutex // calls of branches and items come side by side
	made     []madeCall
	answered map[string]bool
	arriving []event.Event      // in the order of the test's arrivals
	waiting  map[string]waiting // by execution and step
	unlisted bool               // an activity was called that the test does not list
	failures playbook.Problems
}

// waiting is a run, or a part of one, with a step that waits for a type of event.
type waiting struct{ run, event string }

type madeCall struct {
	activity string
	input    json.RawMessage
}

func (r *rehearsal) fail(at place, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, problem(r.file, at, ruleExpect, format, args...))
}

func (r *rehearsal) run() {
	in, key, ok := r.start()
	if !ok {
		return
	}
	// The environment reports its own faults, such as a run that never ends, by panicking.
	defer func() {
		if fault := recover(); fault != nil {
			r.fail(r.test.at, "the run broke off: %v", fault)
		}
	}()
	r.rehearse(in, key)
	r.compare()
}

// start makes the event and the run's input.
func (r *rehearsal) start() (in workflows.Input, key string, ok bool) {
	ev, err := r.event()
	if err != nil {
		r.fail(r.test.eventAt, "%v", err)
		return in, "", false
	}
	for _, a := range r.test.arrivals {
		arriving, err := r.read(a.event, a.data)
		if err != nil {
			r.fail(a.at, "%v", err)
			return in, "", false
		}
		r.arriving = append(r.arriving, arriving)
	}
	key, starts, err := r.pb.Match(ev)
	if len(r.pb.Triggers) == 0 { // started by name, or called
		key, starts = ev.Source+"/"+ev.ID, r.test.expect.starts
	}
	switch {
	case err != nil:
		r.fail(r.test.at, "match the event: %v", err)
		return in, "", false
	case starts != r.test.expect.starts && starts:
		r.fail(r.test.expect.at, "expected that the event does not start the playbook, and it does")
		return in, "", false
	case starts != r.test.expect.starts:
		r.fail(r.test.eventAt, "the event, of type %s, does not start the playbook", ev.Type)
		return in, "", false
	case !starts:
		return in, "", false
	}
	if in, err = workflows.NewInput(r.pb, ev, r.test.inputs); err != nil {
		r.fail(r.test.at, "%v", err)
		return in, "", false
	}
	return in, key, true
}

// read makes an event of a file, with data merged into its own.
func (r *rehearsal) read(file string, data json.RawMessage) (event.Event, error) {
	raw, err := fs.ReadFile(r.lib, file)
	if err != nil {
		return event.Event{}, fmt.Errorf("read the event: %w", err)
	}
	ev, err := r.opts.Normalise(raw)
	if err != nil {
		return event.Event{}, fmt.Errorf("read the event %s: %w", file, err)
	}
	return merged(ev, data)
}

func merged(ev event.Event, data json.RawMessage) (event.Event, error) {
	if data == nil {
		return ev, nil
	}
	both, err := merge(ev.Data, data)
	if err != nil {
		return event.Event{}, fmt.Errorf("merge the data into the event: %w", err)
	}
	ev.Data = both
	return ev, nil
}

// patience bounds the time, by the clock on the wall, in which nothing happens in a run.
const patience = 10 * time.Second

func (r *rehearsal) rehearse(in workflows.Input, key string) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	suite.SetDisableRegistrationAliasing(true)
	r.env, r.answered = suite.NewTestWorkflowEnvironment(), map[string]bool{}
	r.env.SetTestTimeout(patience)
	// On a busy machine a workflow goroutine is late without being stuck; one that is ends with patience.
	r.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: patience})
	// The run starts now, not at the event's time: reads have their deadlines by the clock on the
	// wall, and in the past all of those would have passed.
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.RunID(r.pb.Name, key), TaskQueue: workflows.TaskQueue})
	stubs := r.opts.Registry.Stub(r.reply)
	stubs.Bind(r.env)
	r.flows(stubs)
	people := activities.NewRegistry()
	if _, ok := r.opts.Registry.Lookup(directory.Members); !ok {
		directory.Register(people, r.directory)
		people.Bind(r.env)
	}
	r.env.SetOnChildWorkflowStartedListener(r.began)
	workflows.Bind(replacing{r.env, r.runOf})
	r.switchboard()
	for i, a := range r.test.arrivals {
		r.env.RegisterDelayedCallback(func() { r.deliver(a, r.arriving[i]) }, a.after)
	}
	// A run that waits for people has set a timer for the end of its patience.
	r.env.SetOnTimerScheduledListener(func(string, time.Duration) { r.env.RegisterDelayedCallback(r.decide, time.Second) })
	r.env.ExecuteWorkflow(workflows.RunType, in)
	r.status = r.ask()
}

// switchboard stands for the one that knows who waits for which type of event.
func (r *rehearsal) switchboard() {
	r.waiting = map[string]waiting{}
	r.env.RegisterActivityWithOptions(func(_ context.Context, eventType string, s workflows.Subscription) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waiting[s.Execution+" "+s.ID] = waiting{s.Run, eventType}
		return nil
	}, activity.RegisterOptions{Name: workflows.SubscribeActivity})
	r.env.RegisterActivityWithOptions(func(_ context.Context, _ string, s workflows.Subscription) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waiting, s.Execution+" "+s.ID)
		return nil
	}, activity.RegisterOptions{Name: workflows.UnsubscribeActivity})
}

// deliver brings an event to every execution, the run's own or that of a part, that waits for its
// type.
func (r *rehearsal) deliver(a *arrival, ev event.Event) {
	r.mu.Lock()
	runs := map[string]bool{}
	for _, w := range r.waiting {
		if w.event == ev.Type {
			runs[w.run] = true
		}
	}
	r.mu.Unlock()
	if len(runs) == 0 {
		r.fail(a.at, "the event, of type %s, arrives when the run does not wait for one", ev.Type)
	}
	for _, run := range slices.Sorted(maps.Keys(runs)) {
		if err := r.env.SignalWorkflowByID(run, workflows.EventSignal, ev); err != nil {
			r.fail(a.at, "deliver the event: %v", err)
		}
	}
}

// reply is what every activity answers.
func (r *rehearsal) reply(ctx context.Context, name string, input json.RawMessage) (json.RawMessage, error) {
	if name == directory.Members {
		found, err := r.directory()
		if err != nil {
			return nil, err
		}
		var in directory.MembersInput
		if err := json.Unmarshal(input, &in); err != nil {
			return nil, err
		}
		return json.Marshal(directory.MembersOutput{People: found.Groups[in.Groups[0]]})
	}
	listed, ok := r.test.activities[name]
	if !ok {
		r.mu.Lock()
		r.unlisted = true
		r.mu.Unlock()
		r.fail(r.test.at, "the run called %s with %s, and the test does not say what it answers", name, input)
		return nil, activities.Permanent("NotListed", errors.New("the test does not say what it answers"))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	turn := 0
	for _, call := range r.made {
		if call.activity == name {
			turn++
		}
	}
	if activities.InfoFrom(ctx).Attempt > 1 {
		turn-- // of the same call
	} else {
		r.made = append(r.made, madeCall{activity: name, input: input})
	}
	answer := listed[min(turn, len(listed)-1)]
	return answer.output, answer.err
}

// directory has every group of the playbook, with everybody whom the test names and enough others
// to fill any quorum.
func (r *rehearsal) directory() (directory.Directory, error) {
	var people []string
	for _, id := range slices.Sorted(maps.Keys(r.test.answers)) {
		people = append(people, r.test.answers[id].people...)
	}
	d := directory.Directory{Groups: map[string][]string{}}
	r.family.each("", func(_ string, pb *playbook.Playbook) {
		playbook.Walk(pb.Steps, func(s *playbook.Step) {
			var groups []string
			quorum := 1
			switch v := s.Verb.(type) {
			case *playbook.Approve:
				groups, quorum = v.Approvers, v.Quorum
			case *playbook.Ask:
				groups = v.Who
			}
			for i := range quorum {
				people = append(people, fmt.Sprintf("somebody-%d@example.com", i+1))
			}
			for _, group := range groups {
				d.Groups[group] = nil
			}
		})
	})
	slices.Sort(people)
	people = slices.Compact(people)
	for group := range d.Groups {
		d.Groups[group] = people
	}
	return d, nil
}

func (r *rehearsal) ask() *workflows.Status {
	var s *workflows.Status
	value, err := r.env.QueryWorkflow(workflows.StatusQuery)
	if err == nil {
		err = value.Get(&s)
	}
	if err != nil {
		return nil // a run that never came so far; its error says why
	}
	return s
}

// decide answers what is asked now.
func (r *rehearsal) decide() {
	for _, one := range r.asked() {
		a, ok := r.answer(one.name)
		if !ok || !one.open || r.answered[one.name] {
			continue
		}
		r.answered[one.name] = true
		for _, who := range a.people {
			update, said := one.say(a, who)
			if err := r.env.UpdateWorkflowByID(one.run, update, one.name+"/"+who, &ballot{r: r, at: a.at}, said); err != nil {
				r.fail(a.at, "the answer was not taken: %v", err)
			}
		}
	}
}

// answer finds what the test answers to a request or a question. In a loop each round asks:
// scan[0].ask. An answer may name one round, or with the step alone all that are not named.
func (r *rehearsal) answer(id string) (*answer, bool) {
	a, ok := r.test.answers[id]
	if !ok {
		a, ok = r.test.answers[stepOf(id)]
	}
	return a, ok
}

// ballot hears what became of a vote.
type ballot struct {
	r  *rehearsal
	at place
}

func (b *ballot) Accept()          {}
func (b *ballot) Reject(err error) { b.r.fail(b.at, "the answer was refused: %v", err) }
func (b *ballot) Complete(_ any, err error) {
	if err != nil {
		b.r.fail(b.at, "the answer was refused: %v", err)
	}
}

// compare holds the run that has ended against what was expected of it.
func (r *rehearsal) compare() {
	if r.unlisted { // all that follows is its consequence
		return
	}
	e := r.test.expect
	err := r.env.GetWorkflowError()
	switch {
	case e.outcome != nil && err != nil:
		r.fail(e.outcomeAt, "expected the outcome %q, and the run failed: %s", *e.outcome, r.why(err))
	case e.outcome != nil && r.status.Outcome != *e.outcome:
		r.fail(e.outcomeAt, "expected the outcome %q, got %q", *e.outcome, r.status.Outcome)
	case e.failed != nil && err == nil:
		r.fail(e.failedAt, "expected that the run fails (%q), and its outcome is %q", *e.failed, r.status.Outcome)
	case e.failed != nil && !strings.Contains(r.why(err), *e.failed):
		r.fail(e.failedAt, "expected that the run fails with %q, and it failed with %q", *e.failed, r.why(err))
	}
	for _, a := range r.test.arrivals {
		if a.after > r.lasted() {
			r.fail(a.at, "the event arrives when the run is over")
		}
	}
	r.compareAsked()
	r.compareCalls()
}

// lasted is how long the run took, by its own time.
func (r *rehearsal) lasted() time.Duration {
	if r.status == nil || r.status.Ended == nil {
		return 0
	}
	return r.status.Ended.Sub(r.status.Started)
}

// why is the run's own word for its failure.
func (r *rehearsal) why(err error) string {
	if r.status != nil && r.status.Error != "" {
		return r.status.Error
	}
	return err.Error()
}

// compareAsked holds against the test what people were asked: everything has an answer, and every
// answer is to something.
func (r *rehearsal) compareAsked() {
	e := r.test.expect
	var approvals, asks []string
	for _, a := range r.asked() {
		if a.approval != nil {
			approvals = append(approvals, a.name)
		} else {
			asks = append(asks, a.name)
		}
		if _, ok := r.answer(a.name); !ok {
			r.fail(r.test.at, "the run asked %q (%s), and the test has no answer", a.name, a.text)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.test.answers)) {
		if !slices.ContainsFunc(slices.Concat(approvals, asks), func(one string) bool { return one == id || stepOf(one) == id }) {
			r.fail(r.test.answers[id].at, "the test answers %q, and the run did not ask it", id)
		}
	}
	if e.approvalsAt != nil && !slices.Equal(approvals, e.approvals) {
		r.fail(*e.approvalsAt, "expected the approvals %q, got %q", e.approvals, approvals)
	}
	if e.asksAt != nil && !slices.Equal(asks, e.asks) {
		r.fail(*e.asksAt, "expected the asks %q, got %q", e.asks, asks)
	}
}

func (r *rehearsal) compareCalls() {
	e := r.test.expect
	if e.callsAt == nil {
		return
	}
	for i, want := range e.calls {
		if i >= len(r.made) {
			r.fail(want.at, "expected the call %s %s, and the run made no more calls", want.activity, want.input)
			return
		}
		got := r.made[i]
		if got.activity != want.activity || want.input != nil && !same(got.input, want.input) {
			r.fail(want.at, "expected the call %s %s, got %s %s", want.activity, want.input, got.activity, got.input)
			return
		}
	}
	for _, got := range r.made[len(e.calls):] {
		r.fail(*e.callsAt, "the run made another call: %s %s", got.activity, got.input)
	}
}

func same(a, b json.RawMessage) bool {
	x, errX := digest.Of(a)
	y, errY := digest.Of(b)
	return errX == nil && errY == nil && x == y
}

// taken lists the steps that the run took.
func (r *rehearsal) taken() []string {
	var ids []string
	if r.status != nil {
		for _, s := range r.status.Steps {
			if s.Status != playbook.StatusSkipped && s.Status != playbook.StatusPending {
				ids = append(ids, s.ID)
			}
		}
	}
	return ids
}

// merge is JSON Merge Patch: https://www.rfc-editor.org/rfc/rfc7396
func merge(data, patch json.RawMessage) (json.RawMessage, error) {
	target, err := digest.Decode(data)
	if err != nil {
		return nil, err
	}
	change, err := digest.Decode(patch)
	if err != nil {
		return nil, err
	}
	return json.Marshal(mergeValue(target, change))
}

func mergeValue(target, patch any) any {
	change, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for key, value := range change {
		if value == nil {
			delete(object, key)
		} else {
			object[key] = mergeValue(object[key], value)
		}
	}
	return object
}
