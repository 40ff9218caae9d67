package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// The names by which runs are reached. They are part of every history: never change one.
const (
	RunType      = "countersign.run"
	StatusQuery  = "status"
	DecideUpdate = "decide" // takes a grant.Signed of an approval.Standing, returns a VoteResult
	DecideSignal = "decide" // takes the same; the same checks
	EditUpdate   = "edit"   // takes a grant.Signed of an approval.EditOrder, returns an EditResult
	AnswerUpdate = "answer" // takes a grant.Signed of an approval.AnswerOrder, returns an approval.Ending
	AnswerSignal = "answer" // takes the same; the same checks
	RepeatSignal = "repeat" // takes an EventRef: another event of the same matter
)

// Input is all that a run needs. It does not change while the run lives, whatever happens to the
// file the plan came from.
type Input struct {
	Plan   playbook.Plan              `json:"plan"`
	Event  event.Event                `json:"event"`
	Inputs map[string]json.RawMessage `json:"inputs"`
	// Parent is the run that called this one, if one did. Inputs are then what it gave; the rest
	// comes from the event, or is the default.
	Parent string `json:"parent,omitempty"`
}

// Report is the result of a run that is done. One that failed or was cancelled reports to the run
// that waits for it in the details of its error.
type Report struct {
	Outcome string `json:"outcome"`
	// Trail is what the run did, for the run that waits for it, which may have to put it back; of a
	// run that ended badly it is what is left done.
	Trail []*Trace `json:"trail,omitempty"`
}

// Run is the workflow of every playbook.
func Run(ctx workflow.Context, in Input) (Report, error) {
	r := &run{}
	err := r.setup(ctx, in)
	if err == nil {
		err = r.steps(ctx, r.pb.Steps)
	}
	if err == nil || errors.Is(err, errStopped) {
		err = r.finish(ctx)
	}
	if err != nil {
		r.putBack(ctx)
	}
	report, err := r.report(ctx, err)
	r.tellEnded(ctx)
	return report, err
}

// run is one execution while it runs. Only the workflow's own goroutines touch it. A branch works
// on a copy, see fork: what all of them share is behind a pointer.
type run struct {
	in     Input
	pb     *playbook.Playbook
	status *Status
	values map[string]any // what expressions see
	stop   *stopped       // set by a stop
	trail  *trail
	within []string // names of the steps around this place that are put back as a whole
	waits  *waits

	// Inside a loop: what stands before the ids of steps, and their rows of this round.
	path string
	rows map[string]*StepStatus
}

// stopped is how a stop ends the run.
type stopped struct {
	outcome string
	failed  bool
}

// errStopped ends the walk through the steps; the run is done.
var errStopped = errors.New("stopped")

// setup answers questions first and prepares the run second, so that one which cannot even begin
// still tells why.
func (r *run) setup(ctx workflow.Context, in Input) error {
	if err := r.open(ctx, in); err != nil {
		return err
	}
	r.values["run"] = map[string]any{"id": r.status.Run, "playbook": r.pb.Name, "time": r.status.Started}
	r.status.Inputs = map[string]json.RawMessage{}
	for _, name := range expr.Keys(r.in.Inputs) {
		r.status.Inputs[name] = r.show(r.in.Inputs[name])
	}
	r.list(r.pb.Steps, 0)
	return nil
}

// execution is Temporal's id of this execution, or of the one that was reset to make it: what was
// asked and answered stands in the history under that one, and must read the same when it is replayed.
// The guard asks the engine, and makes no effect for an execution after a reset.
func execution(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	if info.OriginalRunID != "" {
		return info.OriginalRunID
	}
	return info.WorkflowExecution.RunID
}

// open is what a run and a part of one have in common: the story, the answers and the plan.
func (r *run) open(ctx workflow.Context, in Input) error {
	r.in, r.trail, r.waits = in, newTrail(ctx), &waits{}
	info := workflow.GetInfo(ctx)
	r.status = &Status{
		Parent: in.Parent,
		Run:    info.WorkflowExecution.ID, Execution: execution(ctx),
		State: Running, Started: info.WorkflowStartTime, Event: refOf(in.Event),
	}
	if err := workflow.SetQueryHandlerWithOptions(ctx, StatusQuery, func() (*Status, error) { return r.status, nil },
		workflow.QueryHandlerOptions{Description: "the story of the run so far"}); err != nil {
		return fmt.Errorf("set up the status query: %w", err)
	}
	if err := r.listen(ctx); err != nil {
		return err
	}
	var err error
	if r.pb, err = load(in.Plan); err != nil {
		return err
	}
	if in.Parent != "" {
		in.Inputs, err = record(ctx, false, func() (map[string]json.RawMessage, error) { return r.pb.ResolveInputs(in.Event, in.Inputs) })
		if err != nil {
			return err
		}
		r.in.Inputs, r.in.Parent = in.Inputs, "" // a part need not do it again
	}
	if r.values, err = r.pb.Values(in.Event, in.Inputs); err != nil {
		return err
	}
	r.values["vars"] = map[string]any{}
	r.values["steps"] = map[string]any{}
	r.status.Playbook, r.status.Title, r.status.Labels, r.status.Plan = r.pb.Name, r.pb.Title, r.pb.Labels, r.pb.Digest()
	return nil
}

// id is the run's id as people know it, also inside a part.
func (r *run) id() string { return r.values["run"].(map[string]any)["id"].(string) }

// began is when the run began, also inside a part.
func (r *run) began() time.Time { return r.values["run"].(map[string]any)["time"].(time.Time) }

// maxShown bounds the inputs and outputs in a status, in bytes: Temporal refuses answers over
// 2 MiB, and a run that cannot tell its story cannot be approved either.
const maxShown = 1 << 20

// show keeps a value for the status, or says how large it is where there is no room.
func (r *run) show(raw json.RawMessage) json.RawMessage {
	if r.status.shown+len(raw) > maxShown {
		raw = json.RawMessage(fmt.Sprintf(`"%d bytes, not shown"`, len(raw)))
	}
	r.status.shown += len(raw)
	return raw
}

func refOf(ev event.Event) EventRef {
	return EventRef{ID: ev.ID, Source: ev.Source, Type: ev.Type, Subject: ev.Subject, Time: ev.Time}
}

// list writes down every step as pending, so that people see what is to come.
func (r *run) list(steps []*playbook.Step, depth int) {
	for _, s := range steps {
		row := &StepStatus{ID: s.ID, Verb: s.Verb.Keyword(), Status: playbook.StatusPending, Depth: depth}
		if a, ok := s.Verb.(*playbook.Activity); ok {
			row.Activity, row.Effect, row.Title = a.Name, string(a.Signature.Effect), a.Signature.Title
		}
		switch v := s.Verb.(type) {
		case *playbook.Child:
			row.Calls = v.Name
		case *playbook.Workflow:
			row.Calls, row.Title = v.Name, v.Signature.Title
		}
		r.status.Steps = append(r.status.Steps, row)
		for _, block := range playbook.Inner(s) {
			r.list(block, depth+1)
		}
	}
}

// finish evaluates the outcome of a run whose steps have run.
func (r *run) finish(ctx workflow.Context) error {
	if r.stop != nil {
		if r.stop.failed {
			return errors.New(r.stop.outcome)
		}
		r.status.Outcome = r.stop.outcome
		return nil
	}
	if r.pb.Outcome == nil {
		r.status.Outcome = "done"
		return nil
	}
	raw, err := record(ctx, r.pb.Outcome.Stable(), func() (json.RawMessage, error) { return r.pb.Outcome.Eval(r.values) })
	if err != nil {
		return fmt.Errorf("outcome: %w", err)
	}
	if err := json.Unmarshal(raw, &r.status.Outcome); err != nil {
		return fmt.Errorf("outcome: want a string, got %s", raw)
	}
	return nil
}

// report closes the story and gives Temporal the end of the run.
func (r *run) report(ctx workflow.Context, err error) (Report, error) {
	now := workflow.Now(ctx)
	r.status.Ended = &now
	r.withdraw(now)
	for _, s := range r.status.Steps {
		if s.Status == playbook.StatusPending {
			s.Status = playbook.StatusSkipped
		}
	}
	report := Report{Outcome: r.status.Outcome}
	waited := workflow.GetInfo(ctx).ParentWorkflowExecution != nil
	if waited {
		report.Trail = r.trail.traces
	}
	switch {
	case err == nil:
		r.status.State = Done
		return report, nil
	case temporal.IsCanceledError(err):
		r.status.State, r.status.Error = Cancelled, "cancelled"
		if waited {
			err = temporal.NewCanceledError(report)
		}
		return Report{}, err
	default:
		r.status.State, r.status.Error = Failed, err.Error()
		if waited {
			return Report{}, temporal.NewNonRetryableApplicationError(err.Error(), "RunFailed", nil, report)
		}
		return Report{}, temporal.NewNonRetryableApplicationError(err.Error(), "RunFailed", nil)
	}
}
