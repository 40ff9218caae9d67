package playbook

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
)

// format is the version of the plan's form. A worker refuses a plan of another one.
const format = 1

// Plan is a playbook in its canonical form: the document as JSON, and what it names outside of its
// file as that was when it was compiled: the signatures of activities and workflows, of the types of
// the events the parts that it reads, and the plans of the playbooks that it calls. A run carries it
// by value, so a playbook that changes touches new runs only.
type Plan struct {
	Format     int                          `json:"format"`
	Document   json.RawMessage              `json:"document"`
	Activities map[string]Signature         `json:"activities"`
	Events     map[string]*expr.Type        `json:"events,omitempty"`
	Playbooks  map[string]Plan              `json:"playbooks,omitempty"`
	Workflows  map[string]WorkflowSignature `json:"workflows,omitempty"`
}

// Signature is what a playbook must know of an activity.
type Signature struct {
	Title   string   `json:"title"`
	Effect  Effect   `json:"effect"`
	Version int      `json:"version"`
	Undo    string   `json:"undo,omitempty"`
	Targets []string `json:"targets,omitempty"`
	// Sinks are the fields of the input in which text can do more than be read.
	Sinks   map[string]Sink `json:"sinks,omitempty"`
	Timeout time.Duration   `json:"timeout"`
	// Heartbeat is the longest silence of a long activity; zero: none.
	Heartbeat time.Duration `json:"heartbeat,omitempty"`
	// TaskQueue is where another program's worker takes the call from; empty: the run's own.
	TaskQueue string `json:"task_queue,omitempty"`
	// Preview says that what the effect would change can be read before.
	Preview bool       `json:"preview,omitempty"`
	Input   *expr.Type `json:"input"`
	Output  *expr.Type `json:"output"`
}

// Sink is what text in a field becomes a part of, as package activities names it: command, url_host
// or query.
type Sink string

// Effect is what an activity does to the world: read, change or destroy.
type Effect string

// The effects, as package activities names them.
const (
	EffectRead    Effect = "read"
	EffectChange  Effect = "change"
	EffectDestroy Effect = "destroy"
)

// Compile reads and checks a playbook. Either the problems are empty or the playbook is nil.
func Compile(file string, text []byte, catalog Catalog) (*Playbook, Problems) {
	d, problems := Parse(file, text)
	if d == nil {
		return nil, problems
	}
	return d.Compile(catalog)
}

// Draft is a playbook that was read and not yet checked. It tells which others it calls, so that
// whoever has many can compile those first.
type Draft struct {
	source *source
	root   *yaml.Node
	pb     *Playbook
}

// Parse reads a playbook. The draft is nil if nothing can be told of the file; the problems are
// then why.
func Parse(file string, text []byte) (*Draft, Problems) {
	src := &source{file: file, text: text}
	root := src.read()
	if root == nil {
		return nil, src.problems.sorted()
	}
	pb := (&parser{source: src, verbs: verbs()}).playbook(root)
	if pb == nil {
		return nil, src.problems.sorted()
	}
	return &Draft{src, root, pb}, nil
}

// Name is what the playbook calls itself; it may be empty.
func (d *Draft) Name() string { return d.pb.Name }

// Compile checks the draft, once. Either the problems are empty or the playbook is nil.
func (d *Draft) Compile(catalog Catalog) (*Playbook, Problems) {
	src, pb := d.source, d.pb
	c := &checker{
		source: src, catalog: catalog, used: map[string]Signature{}, events: map[string]*expr.Type{}, called: map[string]Plan{}, flows: map[string]WorkflowSignature{},
		ids: map[string]*Step{}, vars: map[string]varType{}, reads: map[string]bool{}, starts: pb.starts(),
		laws: &expr.Laws{}, hostile: map[string]bool{}, unread: len(src.problems) > 0,
	}
	c.playbook(pb)
	if len(src.problems) > 0 {
		return nil, src.problems.sorted()
	}
	document, err := tree(d.root)
	if err == nil {
		// Written as JSON, some text grows. What a worker would refuse to read is refused here.
		pb.Plan, err = newPlan(document, c)
	}
	if err != nil {
		src.report(ruleSyntax, 1, 1, "write the plan: %v", err)
		return nil, src.problems
	}
	if size := len(pb.Plan.Document); size > MaxSize {
		src.report(ruleLimits, 1, 1, "the playbook as JSON, which is how a run carries it, is %d bytes; at most %d are read", size, MaxSize)
		return nil, src.problems
	}
	pb.digest = sync.OnceValue(func() digest.Digest {
		name, _ := digest.Of(pb.Plan) // it was JSON before, so it can be again
		return name
	})
	return pb, nil
}

func newPlan(document any, c *checker) (Plan, error) {
	raw, err := digest.Canonical(document)
	return Plan{Format: format, Document: raw, Activities: c.used, Events: c.events, Playbooks: c.called, Workflows: c.flows}, err
}

// Load gives back the playbook that a plan was compiled from. JSON is YAML, so it takes the same
// way as a file, and a plan that somebody else made is checked like any other. The plans inside it
// are checked by the runs that they are for.
func (p Plan) Load() (*Playbook, error) {
	if p.Format != format {
		return nil, fmt.Errorf("load the plan: its format is %d; this version reads %d", p.Format, format)
	}
	for _, name := range expr.Keys(p.Activities) {
		if err := p.Activities[name].validate(); err != nil {
			return nil, fmt.Errorf("load the plan: the activity %q: %w", name, err)
		}
	}
	for _, name := range expr.Keys(p.Events) {
		if p.Events[name] == nil {
			return nil, fmt.Errorf("load the plan: the event %q has no type", name)
		}
	}
	for _, name := range expr.Keys(p.Workflows) {
		if err := p.Workflows[name].validate(); err != nil {
			return nil, fmt.Errorf("load the plan: the workflow %q: %w", name, err)
		}
	}
	pb, problems := Compile("plan", p.Document, Catalog{
		Activities: p.Activities, Events: p.Events, Playbooks: callees(p.Playbooks), Workflows: p.Workflows, partial: true,
	})
	if len(problems) > 0 {
		return nil, fmt.Errorf("load the plan: %w", problems)
	}
	want, err := digest.Of(p)
	if err != nil {
		return nil, fmt.Errorf("load the plan: %w", err)
	}
	if pb.Digest() != want {
		return nil, errors.New("load the plan: it is not in its canonical form")
	}
	return pb, nil
}

// validate holds a signature that came with a plan to what a registered activity always has.
func (s Signature) validate() error {
	switch {
	case s.Input == nil || s.Output == nil:
		return errors.New("it has no types")
	case s.Input.Kind() != expr.KindObject && s.Input.Kind() != expr.KindMap:
		return fmt.Errorf("its input is %s; want an object", s.Input)
	case s.Effect != EffectRead && s.Effect != EffectChange && s.Effect != EffectDestroy:
		return fmt.Errorf("its effect is %q; want read, change or destroy", s.Effect)
	case s.Version < 1:
		return fmt.Errorf("its version is %d; want at least 1", s.Version)
	case s.Timeout <= 0 || s.Timeout > maxTimeout || s.Heartbeat < 0:
		return fmt.Errorf("its timeout is %s and its heartbeat %s; want a timeout of at most %s", s.Timeout, s.Heartbeat, Span(maxTimeout))
	default:
		return nil
	}
}
