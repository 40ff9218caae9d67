// Package forecast says what a run would do before there is one: which steps, with which inputs, what
// they depend on, whom they ask, and the worst that can come of it.
//
// [Of] walks a playbook as a run does, but makes no call. What a call will answer is not known, so
// everything that reads it is not known either, and is shown as its author wrote it; all the rest is
// decided. A [Reader] can be given that looks at the world: then what the reads answer decides more.
//
// A forecast supposes that no call fails. Where the playbook says what to do about a failure, those
// steps may run, and nothing that a failure could change is called decided.
//
// The package is pure but for the Reader, which by its type can only look.
package forecast

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// Chance is whether a step would run.
type Chance string

// The chances. A step that may run depends on what is not known yet.
const (
	Will Chance = "will"
	May  Chance = "may"
	Not  Chance = "not"
)

// Forecast is what a run would do.
type Forecast struct {
	Steps   []*Step `json:"steps"`
	Outcome *Text   `json:"outcome,omitempty"`
	// Worst are the calls of all that may run, by effect, the gravest first.
	Worst []Effect `json:"worst"`
}

// Text is a text or value as far as it is known; what it waits for is not.
type Text struct {
	Value json.RawMessage `json:"value"`
	Waits []string        `json:"waits,omitempty"`
}

// Condition is an expression that decides.
type Condition struct {
	Text  string   `json:"text"`
	Holds *bool    `json:"holds,omitempty"` // nil: not known
	Waits []string `json:"waits,omitempty"`
}

// Step is one step and what is in it.
type Step struct {
	ID     string     `json:"id"`
	Title  *Text      `json:"title,omitempty"`
	Verb   string     `json:"verb"`
	Chance Chance     `json:"chance"`
	If     *Condition `json:"if,omitempty"`
	// Error is why the step cannot do its work, or why a read told nothing.
	Error string `json:"error,omitempty"`
	// Says is what the verb itself takes: the question, the outcome, the time, the values.
	Says *Text `json:"says,omitempty"`

	Call     *Call     `json:"call,omitempty"`
	Approval *Approval `json:"approval,omitempty"`
	Blocks   []Block   `json:"blocks,omitempty"`
}

// Call is a call of an activity.
type Call struct {
	Activity string `json:"activity"`
	Effect   string `json:"effect"`
	Undo     string `json:"undo,omitempty"` // the activity that takes it back
	// Holds is after what time it is put back by itself, unless somebody keeps it; "": never.
	Holds   string   `json:"holds,omitempty"`
	Targets []string `json:"targets,omitempty"`
	Input   Text     `json:"input"`
	// Output is what a read answered, if it was made.
	Output json.RawMessage `json:"output,omitempty"`
}

// Approval is whom a step asks, and for how long.
type Approval struct {
	Groups  []string `json:"groups"`
	Quorum  int      `json:"quorum"`
	Expires string   `json:"expires"`
	// Escalate is whom it asks as well later; nil: nobody.
	Escalate *Escalation `json:"escalate,omitempty"`
}

// Escalation is whom an approval asks as well, and after how long.
type Escalation struct {
	Groups []string `json:"groups"`
	After  string   `json:"after"`
}

// Block is steps inside a step, and when they run.
type Block struct {
	Name   string     `json:"name"`
	Chance Chance     `json:"chance"`
	If     *Condition `json:"if,omitempty"`
	Steps  []*Step    `json:"steps,omitempty"`
}

// Code is the effect of a workflow written in Go: what it calls, and how often, cannot be told from
// here, but for the changes that it may call.
const Code = "workflow"

// Effect is an activity, or a workflow written in Go, that may be called.
type Effect struct {
	Activity string `json:"activity"`
	Effect   string `json:"effect"`
	Undo     string `json:"undo,omitempty"`
	Steps    int    `json:"steps"` // that call it
	// Many is true if one of them stands in a loop whose rounds are not known.
	Many bool `json:"many"`
	// Asked is true if all of them stand under an approval.
	Asked bool `json:"asked"`
	// Effects are the changes that a workflow written in Go may call; none: it only reads.
	Effects []string `json:"effects,omitempty"`
}

// Reader looks at the world. It makes no effect.
type Reader interface {
	Call(ctx context.Context, activity string, input json.RawMessage) (json.RawMessage, error)
}

// MaxReads bounds the calls that one forecast makes of a Reader.
const MaxReads = 100

// Of forecasts the run of a playbook with these values, as [playbook.Playbook.Values] gives them. A
// nil reader makes no call at all.
func Of(ctx context.Context, pb *playbook.Playbook, values map[string]any, reader Reader) *Forecast {
	reads, shown := MaxReads, 0
	w := &walker{ctx: ctx, reader: reader, reads: &reads, shown: &shown, plan: pb.Plan, values: map[string]any{}, worst: map[string]*Effect{}, outer: Will}
	for _, name := range expr.Keys(values) {
		w.values[name] = values[name]
	}
	w.values["steps"], w.values["vars"] = map[string]any{}, map[string]any{}
	f := &Forecast{Worst: []Effect{}}
	var chance Chance
	f.Steps, chance = w.steps(pb.Steps)
	if pb.Outcome != nil && chance != Not {
		p, err := pb.Outcome.Partial(w.values, w.unknown)
		if err == nil {
			f.Outcome = text(p)
		}
	}
	for _, name := range expr.Keys(w.worst) {
		f.Worst = append(f.Worst, *w.worst[name])
	}
	grave := []string{Code, string(playbook.EffectDestroy), string(playbook.EffectChange), string(playbook.EffectRead)}
	slices.SortStableFunc(f.Worst, func(a, b Effect) int { return slices.Index(grave, a.Effect) - slices.Index(grave, b.Effect) })
	return f
}

func text(p expr.Partial) *Text { return &Text{Value: p.Value, Waits: p.Waits} }
