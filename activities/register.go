package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"

	"go.temporal.io/sdk/activity"

	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/activities/secret"
)

// Activity is a registered activity: its description and the schemas of what it takes and gives.
type Activity struct {
	Spec
	Input  Schema
	Output Schema
	// TaskQueue is where the worker of a described activity takes calls from; empty: ours has it.
	TaskQueue string

	registry *Registry
	call     func(ctx context.Context, input json.RawMessage) (json.RawMessage, error)
	preview  func(ctx context.Context, input json.RawMessage) (preview.Preview, error)
}

// Registry holds the activities of one worker. It is filled at start-up and only read afterwards,
// so it needs no lock.
type Registry struct {
	byName map[string]*Activity
	guard  Authority
	// secrets are what inputs may name; nil: there are none.
	secrets *secret.Resolver
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	return &Registry{byName: map[string]*Activity{}}
}

// Register adds fn under spec.Name. It panics when the spec or the types are wrong or the name is
// taken: that is a mistake of the program, and a worker without the activity must not start.
func Register[In, Out any](r *Registry, spec Spec, fn func(context.Context, In) (Out, error)) {
	spec = spec.withDefaults()
	fail := func(err error) {
		panic(fmt.Sprintf("activities: register %q: %v", spec.Name, err))
	}
	if err := spec.validate(); err != nil {
		fail(err)
	}
	if _, taken := r.byName[spec.Name]; taken {
		fail(errors.New("the name is taken"))
	}
	in, err := InputSchema[In]()
	if err != nil {
		fail(fmt.Errorf("input: %w", err))
	}
	out, err := OutputSchema[Out]()
	if err != nil {
		fail(fmt.Errorf("output: %w", err))
	}
	if err := spec.fields(in); err != nil {
		fail(err)
	}
	r.byName[spec.Name] = &Activity{
		Spec:   spec,
		Input:  in,
		Output: out,

		registry: r,
		call: func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
			var input In
			if err := json.Unmarshal(raw, &input); err != nil {
				return nil, Permanent("BadInput", fmt.Errorf("read the input of %s: %w", spec.Name, err))
			}
			ctx = secret.With(ctx, r.secrets, spec.Name)
			defer quietPanic(ctx)
			output, err := fn(ctx, input)
			if err != nil {
				return nil, quiet(ctx, err)
			}
			encoded, err := json.Marshal(output)
			if err != nil {
				return nil, Permanent("BadOutput", fmt.Errorf("write the output of %s: %w", spec.Name, err))
			}
			return secret.CleanJSON(ctx, encoded), nil
		},
	}
}

// Previews gives an effect that is registered its preview: a read of what fn's call would change,
// before anything is. It panics, as Register does, when there is no such effect.
func Previews[In any](r *Registry, name string, fn func(context.Context, In) (preview.Preview, error)) {
	a, ok := r.byName[name]
	if !ok || a.Effect == Read || a.preview != nil {
		panic(fmt.Sprintf("activities: preview of %q: there is no effect of that name that has none", name))
	}
	a.preview = func(ctx context.Context, raw json.RawMessage) (preview.Preview, error) {
		var input In
		if err := json.Unmarshal(raw, &input); err != nil {
			return preview.Preview{}, Permanent("BadInput", fmt.Errorf("read the input of %s: %w", name, err))
		}
		ctx = secret.With(ctx, r.secrets, name)
		defer quietPanic(ctx)
		seen, err := fn(ctx, input)
		if err != nil {
			return preview.Preview{}, quiet(ctx, err)
		}
		return quietPreview(ctx, seen)
	}
}

// HasPreview reports whether what the effect would change can be read before.
func (a *Activity) HasPreview() bool { return a.preview != nil }

// PreviewName is the Temporal activity that reads the preview of an effect.
func PreviewName(effect string) string { return effect + ".preview" }

// Guard sets who decides about effects. Without, every effect is refused.
func (r *Registry) Guard(by Authority) { r.guard = by }

func (a *Activity) authority() Authority {
	if a.registry == nil || a.registry.guard == nil {
		return nobody{}
	}
	return a.registry.guard
}

// nobody is the authority of a worker that was given none.
type nobody struct{}

func (nobody) Begin(context.Context, Attempt) (Turn, error) {
	return nil, Permanent(NotPermitted, fmt.Errorf("%w: %w", ErrNotPermitted, errNoAuthority))
}

// holes are the places in the name of a resource where a field of the input goes.
var holes = regexp.MustCompile(`\{([a-z0-9_]+)\}`)

// FillScope puts values into the holes of a name of resources in Scopes.
func FillScope(scope string, value func(field string) string) string {
	return holes.ReplaceAllStringFunc(scope, func(hole string) string { return value(hole[1 : len(hole)-1]) })
}

// fields holds what a spec says of the fields of its input against the input.
func (s Spec) fields(in Schema) error {
	for _, target := range s.Targets {
		if !slices.Contains(in.Required, target) {
			return fmt.Errorf("target %q is not a required field of the input", target)
		}
	}
	for permission, resources := range s.narrowed() {
		for _, resource := range resources {
			for _, hole := range holes.FindAllStringSubmatch(resource, -1) {
				if p := in.Properties[hole[1]]; p == nil || p.Type != "string" {
					return fmt.Errorf("scope of %s: {%s} is not a field of the input that is a string", permission, hole[1])
				}
			}
		}
	}
	for field, sink := range s.Sinks {
		if p := in.Properties[field]; p == nil || p.Type != "string" {
			return fmt.Errorf("sink %q is not a field of the input that is a string", field)
		}
		if !slices.Contains([]Sink{Command, URLHost, Query}, sink) {
			return fmt.Errorf("sink %q is %q: want command, url_host or query", field, sink)
		}
	}
	return nil
}

// narrowed are all texts with holes, by permission.
func (s Spec) narrowed() map[string][]string {
	out := maps.Clone(s.Scopes)
	if out == nil {
		out = map[string][]string{}
	}
	for permission, keys := range s.Only {
		for _, values := range keys {
			out[permission] = slices.Concat(out[permission], values)
		}
	}
	return out
}

// Elsewhere reports whether runs call the activity at another program's worker. An effect they call
// at ours, whose guard admits it before it is handed on.
func (a *Activity) Elsewhere() bool { return a.TaskQueue != "" && a.Effect == Read }

// Lookup finds an activity by name.
func (r *Registry) Lookup(name string) (*Activity, bool) {
	a, ok := r.byName[name]
	return a, ok
}

// All returns every activity, by name.
func (r *Registry) All() []*Activity {
	all := make([]*Activity, 0, len(r.byName))
	for _, a := range r.byName {
		all = append(all, a)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Registrar is the part of a Temporal worker that Bind needs.
type Registrar interface {
	RegisterActivityWithOptions(activity any, options activity.RegisterOptions)
}

// Bind registers every activity, behind the guard, with a Temporal worker. A read is registered as
// a function of its input, an effect as one of its input and a *Permit. The function itself is out
// of reach otherwise, so no worker can run it unguarded. Described reads are left to their own.
func (r *Registry) Bind(w Registrar) {
	for _, a := range r.All() {
		if a.Elsewhere() {
			continue
		}
		var guarded any = a.run
		if a.Effect == Read {
			guarded = func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
				return a.run(ctx, input, nil)
			}
		}
		w.RegisterActivityWithOptions(guarded, activity.RegisterOptions{Name: a.Name})
		if a.preview != nil {
			w.RegisterActivityWithOptions(a.runPreview, activity.RegisterOptions{Name: PreviewName(a.Name)})
		}
	}
}

// runPreview is what Temporal calls to read a preview.
func (a *Activity) runPreview(ctx context.Context, input json.RawMessage) (preview.Preview, error) {
	if err := a.Input.Validate(input); err != nil {
		return preview.Preview{}, toTemporal(Permanent("BadInput", fmt.Errorf("preview of %s: the input does not fit: %w", a.Name, err)))
	}
	if err := (Call{Activity: a.Name, Version: a.Version, Input: input}).RefuseEmpty(a.Targets); err != nil {
		return preview.Preview{}, toTemporal(Permanent(NotPermitted, err))
	}
	seen, err := a.preview(withTemporalInfo(ctx), input)
	if err != nil {
		return preview.Preview{}, toTemporal(err)
	}
	return seen, nil
}
