package playtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/practice"
)

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
	desk     *practice.Desk
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
	if r.scheduled() || len(r.pb.Triggers) == 0 { // or started by name, or called
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
	given, err := r.given()
	if err == nil {
		in, err = workflows.NewInput(r.pb, ev, given)
	}
	if err != nil {
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
	// A rehearsal ends with the run: what is put back by itself later is not waited for.
	r.env.SetDetachedChildWait(false)
	// On a busy machine a workflow goroutine is late without being stuck; one that is ends with patience.
	r.env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: patience})
	// The run starts now, not at the event's time: reads have their deadlines by the clock on the
	// wall, and in the past all of those would have passed.
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.RunID(r.pb.Name, key), TaskQueue: workflows.TaskQueue})
	stubs := r.opts.Registry.Stub(r.reply)
	stubs.Bind(r.env)
	r.desk = practice.New()
	r.desk.Bind(r.env)
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
			update, said, err := one.say(r.desk, a, who)
			if err == nil {
				err = r.env.UpdateWorkflowByID(one.run, update, one.name+"/"+who, &ballot{r: r, at: a.at}, said)
			}
			if err != nil {
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
