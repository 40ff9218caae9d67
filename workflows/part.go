package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// PartType is the workflow of a part: some of the items of a loop that has too many for one
// history. It is part of every history: never change it.
const PartType = "countersign.part"

const (
	// partItems is how many items a loop works on by itself; more of them go in parts of so many. An
	// item of a few steps leaves some ten events, so that a part stays far below Temporal's bound.
	partItems = 200
	// maxPartBytes bounds what one part is told, and maxToldBytes all parts of a loop together: it
	// stands in the history, for which Temporal takes 2 MiB at once and 50 MiB in all.
	maxPartBytes = 1536 << 10
	maxToldBytes = 16 << 20
)

// PartInput is all that a part needs.
type PartInput struct {
	Input

	Run   string    `json:"run"` // the one that people know
	Time  time.Time `json:"time"`
	Step  string    `json:"step"`           // the loop
	Path  string    `json:"path,omitempty"` // rounds around the loop
	First int       `json:"first"`          // the number of the first item
	Items []json.RawMessage
	// Sees is what the steps read of the run around the loop, as playbook.ForEach.Sees types it.
	Sees json.RawMessage `json:"sees"`
	// Size and Made are the results collected, in bytes, and the rounds made before this part.
	Size int `json:"size,omitempty"`
	Made int `json:"made,omitempty"`
	// Allowed is how many of the items may fail before no further one is begun; nil: any number.
	Allowed *int `json:"allowed,omitempty"`
}

// PartReport is what a part has come to. One that failed, stopped or was cancelled reports too, in
// the details of its error.
type PartReport struct {
	batch

	// Rounds counts what became of each step inside the loop, and Made the rounds of all loops.
	Rounds map[string]Rounds `json:"rounds"`
	Made   int               `json:"made"`
	// Trail is what the part did.
	Trail []*Trace `json:"trail,omitempty"`
	// How it ended before its time; nil or empty: it did not.
	Stopped *Stopped     `json:"stopped,omitempty"`
	Failure *StepFailure `json:"failure,omitempty"`
	Reason  string       `json:"reason,omitempty"` // of a failure that is not a step's
	Also    string       `json:"also,omitempty"`   // what went wrong beside a cancellation
}

// Stopped is how a stop ends a run, as a part reports it.
type Stopped struct {
	Outcome string `json:"outcome"`
	Failed  bool   `json:"failed,omitempty"`
}

// StepFailure is the failure of a step, as a part reports it.
type StepFailure struct {
	Step   string `json:"step"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Also   string `json:"also,omitempty"`
}

// Part is the workflow of some items of a loop.
func Part(ctx workflow.Context, in PartInput) (PartReport, error) {
	r := &run{path: in.Path}
	var report PartReport
	s, v, err := r.setupPart(ctx, in)
	if err == nil {
		report.Size = in.Size
		err = r.each(ctx, s, v, in.Items, in.First, in.Allowed, &LoopStatus{}, &report.batch)
		report.Size -= in.Size
		report.Rounds, report.Made, report.Trail = r.rounds(v), r.status.rounds-in.Made, r.trail.traces
	}
	report, err = r.reportPart(ctx, report, err)
	r.tellEnded(ctx)
	return report, err
}

func (r *run) setupPart(ctx workflow.Context, in PartInput) (*playbook.Step, *playbook.ForEach, error) {
	if err := r.open(ctx, in.Input); err != nil {
		return nil, nil, err
	}
	var loop *playbook.Step
	playbook.Walk(r.pb.Steps, func(s *playbook.Step) {
		if s.ID == in.Step {
			loop = s
		}
	})
	if loop == nil {
		return nil, nil, fmt.Errorf("the playbook %s has no step %q", r.pb.Name, in.Step)
	}
	v, ok := loop.Verb.(*playbook.ForEach)
	if !ok {
		return nil, nil, fmt.Errorf("the step %q is no loop", in.Step)
	}
	seen, err := v.Sees.Decode(in.Sees)
	if err != nil {
		return nil, nil, fmt.Errorf("read what the loop sees: %w", err)
	}
	names := seen.(map[string]any)
	for _, name := range expr.Keys(names) {
		r.values[name] = names[name]
	}
	r.values["run"] = map[string]any{"id": in.Run, "playbook": r.pb.Name, "time": in.Time}
	r.status.Part = &PartOf{Run: in.Run, Step: r.name(loop), First: in.First, Last: in.First + len(in.Items) - 1}
	r.status.rounds = in.Made
	r.list(v.Steps, 0)
	return loop, v, nil
}

// rounds counts what became of the steps inside a loop.
func (r *run) rounds(v *playbook.ForEach) map[string]Rounds {
	counts := map[string]Rounds{}
	playbook.Walk(v.Steps, func(s *playbook.Step) {
		if row := r.status.Step(s.ID); row.Rounds != nil {
			counts[s.ID] = *row.Rounds
		}
	})
	return counts
}

// reportPart gives Temporal the end of a part. A failure carries the report, as what came before it
// counts all the same.
func (r *run) reportPart(ctx workflow.Context, report PartReport, err error) (PartReport, error) {
	now := workflow.Now(ctx)
	r.status.Ended = &now
	r.withdraw(now)
	var failed *stepError
	switch {
	case err == nil:
		r.status.State = Done
		return report, nil
	case errors.Is(err, errStopped):
		r.status.State, r.status.Outcome = Done, r.stop.outcome
		report.Stopped = &Stopped{r.stop.outcome, r.stop.failed}
		return report, nil
	case temporal.IsCanceledError(err):
		var more *cancelledError
		if errors.As(err, &more) {
			report.Also = more.also
		}
		r.status.State, r.status.Error = Cancelled, "cancelled"+report.Also
		return report, temporal.NewCanceledError(report)
	case errors.As(err, &failed):
		report.Failure = &StepFailure{failed.step, failed.name, failed.reason, failed.also}
	default:
		report.Reason = reason(err)
	}
	r.status.State, r.status.Error = Failed, err.Error()
	return report, temporal.NewApplicationErrorWithOptions(err.Error(), "PartFailed", temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{report},
	})
}

// inParts gives the items of a wave of a loop, from the one with the number first, to parts, one after
// the other, so that max_parallel holds and the first failure ends the loop. of is how many items the
// loop has.
func (r *run) inParts(ctx workflow.Context, s *playbook.Step, v *playbook.ForEach, in PartInput, size int, items []json.RawMessage, first, of int, all *batch) error {
	row := r.row(s)
	for ; first < len(items); first += size {
		if err := errors.Join(r.room(ctx), r.trail.room()); err != nil {
			return err
		}
		in.First, in.Items = first, items[first:min(first+size, len(items))]
		in.Size, in.Made, in.Allowed = all.Size, r.status.rounds, r.allowed(v, of, all)
		row.Part = fmt.Sprintf("%s/%s[%d-%d]", r.status.Run, r.name(s), first, first+len(in.Items)-1)
		r.mark(row, playbook.StatusRunning)
		report, err := part(ctx, row.Part, in)
		all.add(report.batch)
		r.tellPart(row.Loop, report.batch)
		r.status.rounds += report.Made
		r.take("", report.Trail)
		for _, id := range expr.Keys(report.Rounds) {
			r.status.Step(id).take(report.Rounds[id])
		}
		if report.Stopped != nil {
			r.stop, err = &stopped{report.Stopped.Outcome, report.Stopped.Failed}, errStopped
		}
		row.Part = ""
		if err == nil {
			err = all.spent(v, of, 0, false)
		}
		if err != nil {
			row.Loop.Stopped = all.Stopped
			return err
		}
	}
	return nil
}

// tell makes what every part of a loop is told, and says how many items each gets.
func (r *run) tell(s *playbook.Step, v *playbook.ForEach, items int) (PartInput, int, error) {
	in := PartInput{Input: r.in, Run: r.id(), Time: r.began(), Step: s.ID, Path: r.path}
	seen := map[string]any{}
	for _, f := range v.Sees.Fields() {
		value, ok := r.values[f.Name]
		if !ok {
			continue
		}
		if f.Name == "vars" || f.Name == "steps" {
			value = pick(value.(map[string]any), f.Type.FieldNames())
		}
		seen[f.Name] = value
	}
	var err error
	if in.Sees, err = expr.Encode(seen); err != nil {
		return in, 0, err
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return in, 0, err
	}
	if room := maxPartBytes - playbook.MaxItemBytes; len(raw) > room {
		return in, 0, fmt.Errorf("a part of %d items would have to be told %d bytes (plan, event, inputs and what the steps read); at most %d: take what the steps need out of it with set", items, len(raw), room)
	}
	most := maxToldBytes / len(raw) // parts
	return in, max(partItems, (items+most-1)/most), nil
}

func pick(from map[string]any, names []string) map[string]any {
	picked := map[string]any{}
	for _, name := range names {
		if value, ok := from[name]; ok {
			picked[name] = value
		}
	}
	return picked
}

// part runs one part to its end. It reports also where it failed.
func part(ctx workflow.Context, id string, in PartInput) (PartReport, error) {
	var report PartReport
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WaitForCancellation:   true,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}), PartType, in).Get(ctx, &report)
	var cancelled *temporal.CanceledError
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return report, nil
	case errors.As(err, &cancelled):
		if cancelled.HasDetails() {
			_ = cancelled.Details(&report) // where it cannot be read, nothing is known
		}
		err = ended(ctx, id, err)
		if report.Also != "" && temporal.IsCanceledError(err) {
			err = &cancelledError{err, report.Also}
		}
		return report, err
	case errors.As(err, &app) && app.HasDetails() && app.Details(&report) == nil && report.Failure != nil:
		f := report.Failure
		return report, &stepError{step: f.Step, name: f.Name, reason: f.Reason, also: f.Also}
	case errors.As(err, &app):
		return report, errors.New(app.Message())
	default:
		return report, err
	}
}
