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
	case r.byName[spec.Name] != nil:
		fail(errors.New("the name is taken"))
	}
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

// Bind registers every workflow with a Temporal worker, or with what stands for one in tests. What
// they call is looked up in calls.
func (r *Registry) Bind(w worker.WorkflowRegistry, calls *activities.Registry) {
	signatures := Catalog(calls).Activities
	for _, f := range r.All() {
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context, input json.RawMessage) (json.RawMessage, error) {
			return f.run(workflow.WithValue(ctx, callerKey{}, &caller{activities: signatures}), input)
		}, workflow.RegisterOptions{Name: f.Name})
	}
}
