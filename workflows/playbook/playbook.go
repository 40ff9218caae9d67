package playbook

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/expr"
)

// Playbook is a file that was read and checked: what it says, with every expression compiled.
type Playbook struct {
	Name     string
	Title    string
	Stage    string
	Labels   map[string]string
	Triggers []*Trigger
	Schedule *Schedule // nil: it starts for events, or when it is called
	Inputs   []*Input  // by name
	Steps    []*Step
	Outcome  *Expr // nil: the outcome is "done"

	// Plan is the same in the form that a run carries.
	Plan Plan

	digest func() digest.Digest
	data   *expr.Type // of the event's data, as far as the triggers tell
}

// Digest is the name of the plan. Whoever only checks playbooks never asks for it.
func (pb *Playbook) Digest() digest.Digest { return pb.digest() }

// Stages are where in the pipeline a playbook belongs.
var Stages = []string{"code", "build", "deploy", "run", "audit"}

// Trigger says which events start the playbook, and which of them are the same matter.
type Trigger struct {
	Event  string
	If     *Expr // nil: every event of the type
	Dedupe *Expr // nil: the event's source and id

	data  *expr.Type // of the event's data
	reads [][]string // what it reads of the event
	node  *yaml.Node // the type of event
}

// Input is a value the playbook needs, taken from the event or given by whoever starts it.
type Input struct {
	Name    string
	Title   string
	Type    *expr.Type
	From    *Expr  // nil: it must be given or have a default
	Default *Value // nil: none

	node     *yaml.Node
	typeNode *yaml.Node
}

// Step is one entry of a playbook: a verb and its modifiers.
type Step struct {
	// ID names the step in expressions, messages and the record. One that the author did not
	// name gets its verb and a number, which no expression can spell.
	ID string
	// Title is shown to people in place of the id; nil if the author gave none.
	Title *Value
	// If skips the step where it does not hold; nil: the step runs.
	If *Expr
	// Timeout bounds the step, with all of its attempts. Where the author names none it is, for a
	// call, DefaultTimeout, or the time that one attempt of the activity may take if that is longer;
	// for anything else it is zero: the bounds of what is inside are all there is.
	Timeout time.Duration
	// Retry is DefaultRetry for a call of which the author says nothing else. Any other step is
	// made once unless the author says so.
	Retry Retry
	// Continue is on_error: continue. A failure of the step is written down and the run goes on.
	Continue bool
	// Undo puts back what the step did when the run ends badly; nil: it stays.
	Undo *Undo
	Verb Verb

	named bool
	node  *yaml.Node
}

// Retry says how often a step is tried, and how long between.
type Retry struct {
	Times    int           // attempts in all
	Every    time.Duration // before the second
	Backoff  int           // how many times longer each further wait is
	MaxEvery time.Duration // the longest wait
}

// Bounds and defaults of a step.
const (
	DefaultTimeout = 15 * time.Minute
	maxTimeout     = 24 * time.Hour
	// maxSteps keeps the time that checking takes well below the second that a worker may spend
	// on it inside a run.
	maxSteps = 250
)

// DefaultRetry is 5 attempts within about half a minute.
var DefaultRetry = Retry{Times: 5, Every: 2 * time.Second, Backoff: 2, MaxEvery: time.Minute}

// Pause is the time between attempt n, counted from 1, and the next.
func (r Retry) Pause(n int) time.Duration {
	pause := r.Every
	for range n - 1 {
		if pause >= r.MaxEvery {
			break
		}
		pause *= time.Duration(r.Backoff)
	}
	return min(pause, r.MaxEvery)
}

// Overtime says that the step took longer than it may.
func (s *Step) Overtime() string { return "took longer than " + Span(s.Timeout) }

// Verb is what a step does. One file each: verb_activity.go, verb_approve.go, ...
type Verb interface {
	// Keyword is the verb's key in the file.
	Keyword() string
	// check compiles the verb's expressions in a scope and returns what steps.<id> offers beside
	// status. It may add names to the scope for the steps that follow.
	check(c *checker, step *Step, sc *scope) []expr.Field
}

// Expr is a bare expression in its place in the file.
type Expr struct {
	*expr.Program

	node *yaml.Node
}

// Place is where the step is in its file, from 1.
func (s *Step) Place() (line, column int) { return s.node.Line, s.node.Column }

// Place is where the expression is in its file, from 1.
func (e *Expr) Place() (line, column int) { return e.node.Line, e.node.Column }

// Inner returns the blocks of steps inside a step, in the order of the file.
func Inner(s *Step) [][]*Step {
	if outer, ok := s.Verb.(interface{ inner() [][]*Step }); ok {
		return outer.inner()
	}
	return nil
}

// Walk calls visit for every step, outer ones first, in the order of the file.
func Walk(steps []*Step, visit func(*Step)) {
	for _, s := range steps {
		visit(s)
		for _, block := range Inner(s) {
			Walk(block, visit)
		}
	}
}
