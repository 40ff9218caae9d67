package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows/expr"
)

// Spec describes a workflow written in Go to everyone who meets it. Register takes one.
type Spec struct {
	// Name is dotted and lower case, like that of an activity: acme.posture_report.
	Name string
	// Title says what it does in a few words, as a responder would.
	Title string
	// Doc adds what an author must know. Optional.
	Doc string
	// Timeout bounds the whole of it, at most 30 days. Zero means a day.
	Timeout time.Duration
	// Effects are the changes that fn calls, each by the name of its activity: every one that it may
	// call, whatever it is given. They stand in the plan, so that people know of them before a run, and
	// the gateway lets the run make no others. [Call] refuses a change that is not among them. What
	// cannot be undone has no place here, and reads need none. None: fn only reads.
	Effects []string
}

const (
	defaultFlowTimeout = 24 * time.Hour
	maxFlowTimeout     = 30 * 24 * time.Hour
)

// Extension adds what a program has beside what ships: activities, and workflows written in Go.
type Extension func(*activities.Registry, *Registry)

// Flow is a registered workflow: its description and the schemas of what it takes and gives.
type Flow struct {
	Spec
	Input  activities.Schema
	Output activities.Schema

	run func(ctx workflow.Context, input json.RawMessage) (json.RawMessage, error)
}

// Registry holds the workflows of one worker that are written in Go. It is filled at start-up and
// only read afterwards.
type Registry struct {
	byName map[string]*Flow
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{byName: map[string]*Flow{}} }

var flowName = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+$`)

// Register adds fn under spec.Name, for steps with workflow: to run. Like activities.Register it
// takes the types of what goes in and comes out from fn, dials nothing, and panics when the spec or
// the types are wrong or the name is taken.
//
// fn is a Temporal workflow, with the rules of one, which the package comment lists. It calls
// activities with [Call].
func Register[In, Out any](r *Registry, spec Spec, fn func(workflow.Context, In) (Out, error)) {
	fail := func(err error) { panic(fmt.Sprintf("workflows: register %q: %v", spec.Name, err)) }
	if spec.Timeout == 0 {
		spec.Timeout = defaultFlowTimeout
	}
	switch {
	case !flowName.MatchString(spec.Name):
		fail(errors.New("the name is no dotted lower case, as acme.posture_report"))
	case strings.HasPrefix(spec.Name, "countersign."):
		fail(errors.New("names that begin with countersign are those of its own workflows"))
	case spec.Title == "":
		fail(errors.New("title is missing"))
	case spec.Timeout < 0 || spec.Timeout > maxFlowTimeout:
		fail(fmt.Errorf("the timeout is %s; want at most %s", spec.Timeout, maxFlowTimeout))
	case slices.Contains(spec.Effects, ""):
		fail(errors.New("an effect has no name; want that of an activity"))
	case r.byName[spec.Name] != nil:
		fail(errors.New("the name is taken"))
	}
	spec.Effects = slices.Compact(slices.Sorted(slices.Values(spec.Effects)))
	in, err := activities.InputSchema[In]()
	if err != nil {
		fail(fmt.Errorf("input: %w", err))
	}
	out, err := activities.OutputSchema[Out]()
	if err != nil {
		fail(fmt.Errorf("output: %w", err))
	}
	r.byName[spec.Name] = &Flow{Spec: spec, Input: in, Output: out, run: func(ctx workflow.Context, raw json.RawMessage) (json.RawMessage, error) {
		var input In
		if err := in.Validate(raw); err != nil {
			return nil, temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s: the input does not fit: %v", spec.Name, err), "BadInput", nil)
		}
		if err := json.Unmarshal(raw, &input); err != nil {
			return nil, temporal.NewNonRetryableApplicationError(fmt.Sprintf("%s: read the input: %v", spec.Name, err), "BadInput", nil)
		}
		output, err := fn(ctx, input)
		if err != nil {
			return nil, err
		}
		return json.Marshal(output)
	}}
}

// Lookup finds a workflow by name.
func (r *Registry) Lookup(name string) (*Flow, bool) {
	f, ok := r.byName[name]
	return f, ok
}

// All returns every workflow, by name.
func (r *Registry) All() []*Flow {
	all := make([]*Flow, 0, len(r.byName))
	for _, name := range expr.Keys(r.byName) {
		all = append(all, r.byName[name])
	}
	return slices.Clip(all)
}

// Validate holds the effects that workflows name against the activities that there are: each is one,
// and a change. It returns all that is wrong at once.
func (r *Registry) Validate(calls *activities.Registry) error {
	var errs []error
	for _, f := range r.All() {
		for _, name := range f.Effects {
			a, ok := calls.Lookup(name)
			switch {
			case !ok:
				var names []string
				for _, one := range calls.All() {
					names = append(names, one.Name)
				}
				errs = append(errs, fmt.Errorf("effects of %s: there is no activity %q%s", f.Name, name, expr.DidYouMean(name, names)))
			case a.Effect == activities.Read:
				errs = append(errs, fmt.Errorf("effects of %s: %s only reads; name changes alone", f.Name, name))
			case a.Effect == activities.Destroy:
				errs = append(errs, fmt.Errorf("effects of %s: %s cannot be undone, so people must approve it: a playbook calls it, under an approve", f.Name, name))
			}
		}
	}
	return errors.Join(errs...)
}

// Bind registers every workflow with a Temporal worker, or with what stands for one in tests. What
// they call is looked up in calls.
func (r *Registry) Bind(w worker.WorkflowRegistry, calls *activities.Registry) {
	signatures := Catalog(calls).Activities
	for _, f := range r.All() {
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context, input json.RawMessage) (FlowReport, error) {
			c := &caller{flow: f.Spec, activities: signatures, trail: &trail{most: maxTrailUp}}
			output, err := f.run(workflow.WithValue(ctx, callerKey{}, c), input)
			return c.report(output, err)
		}, workflow.RegisterOptions{Name: f.Name})
	}
}
