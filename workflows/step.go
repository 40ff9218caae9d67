package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// steps runs a block, one step after the other, up to the first failure.
func (r *run) steps(ctx workflow.Context, steps []*playbook.Step) error {
	for i, s := range steps {
		if err := r.step(ctx, s); err != nil {
			r.leave(steps[i:])
			return err
		}
	}
	return nil
}

// step runs one step. A failure goes no further where the step says so.
func (r *run) step(ctx workflow.Context, s *playbook.Step) error {
	err := r.attempt(ctx, s)
	if !s.Continue || !isFailure(err) {
		return err
	}
	r.leave([]*playbook.Step{s})
	return nil
}

// attempt runs a step's condition, its title and its verb, and writes down what became of it.
func (r *run) attempt(ctx workflow.Context, s *playbook.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	row := r.row(s)
	if s.If != nil {
		holds, err := record(ctx, s.If.Stable(), func() (bool, error) { return s.If.Holds(r.values) })
		if err != nil {
			return r.failed(ctx, s, row, nil, fmt.Errorf("if: %w", err))
		}
		if !holds {
			r.skipped(s)
			return nil
		}
	}
	if s.Title != nil {
		title, err := r.text(ctx, s.Title)
		if err != nil {
			return r.failed(ctx, s, row, nil, fmt.Errorf("title: %w", err))
		}
		row.Title = title
	}
	r.begin(ctx, row)
	inside := r.around(s)
	result, err := inside.timed(ctx, s, row)
	r.stop = inside.stop
	if err == nil || errors.Is(err, errStopped) {
		r.done(ctx, s, row, result)
	}
	if err == nil && row.ByHand == "" {
		err = r.byCalls(ctx, s)
	}
	if err != nil && !errors.Is(err, errStopped) {
		return r.failed(ctx, s, row, result, err)
	}
	return err
}

func (r *run) verb(ctx workflow.Context, s *playbook.Step, row *StepStatus) (map[string]any, error) {
	switch v := s.Verb.(type) {
	case *playbook.Activity:
		return r.activity(ctx, s, v, row)
	case *playbook.Approve:
		return r.approve(ctx, s, v, row)
	case *playbook.Ask:
		return r.ask(ctx, s, v, row)
	case *playbook.Child:
		return r.child(ctx, s, v, row)
	case *playbook.Workflow:
		return r.flow(ctx, s, v, row)
	case *playbook.Switch:
		return r.choose(ctx, v, row)
	case *playbook.Set:
		return nil, r.set(ctx, v)
	case *playbook.Stop:
		return nil, r.end(ctx, v)
	case *playbook.Try:
		return r.try(ctx, v)
	case *playbook.Parallel:
		return r.parallel(ctx, v)
	case *playbook.Wait:
		if v.Event != "" {
			return r.waitForEvent(ctx, s, v, row)
		}
		return nil, r.wait(ctx, v)
	case *playbook.Repeat:
		return r.repeat(ctx, s, v)
	case *playbook.ForEach:
		return r.forEach(ctx, s, v)
	default:
		return nil, fmt.Errorf("this worker does not know the verb %q; run a newer one", s.Verb.Keyword())
	}
}

func (r *run) begin(ctx workflow.Context, row *StepStatus) {
	now := workflow.Now(ctx)
	row.Started = &now
	r.mark(row, playbook.StatusRunning)
}

// done makes the step's result readable for later steps.
func (r *run) done(ctx workflow.Context, s *playbook.Step, row *StepStatus, result map[string]any) {
	now := workflow.Now(ctx)
	row.Ended = &now
	row.Error, _ = result["error"].(string) // of a part that was allowed to fail
	r.mark(row, playbook.StatusDone)
	r.publish(s, playbook.StatusDone, result)
}

// skipped marks a step and all steps inside it.
func (r *run) skipped(s *playbook.Step) {
	playbook.Walk([]*playbook.Step{s}, func(s *playbook.Step) {
		r.mark(r.row(s), playbook.StatusSkipped)
		r.publish(s, playbook.StatusSkipped, nothing(s, string(playbook.StatusSkipped)))
	})
}

func (r *run) skipAll(steps []*playbook.Step) {
	for _, s := range steps {
		r.skipped(s)
	}
}

// leave marks the rest of a block that has ended early as skipped, so that a catch, a finally or a
// later step can ask what became of any of it.
func (r *run) leave(steps []*playbook.Step) {
	for _, s := range steps {
		if !r.told(s) {
			r.skipped(s)
			continue
		}
		switch v := s.Verb.(type) {
		case *playbook.ForEach: // nobody outside can ask
		case *playbook.Repeat:
			r.unreached(v.Steps)
		default:
			for _, block := range playbook.Inner(s) {
				r.leave(block)
			}
		}
	}
}

// unreached is leave for the steps of a repeat, whose rounds have told their stories.
func (r *run) unreached(steps []*playbook.Step) {
	playbook.Walk(steps, func(s *playbook.Step) {
		if !r.told(s) {
			r.publish(s, playbook.StatusSkipped, nothing(s, string(playbook.StatusSkipped)))
		}
	})
}

// told reports whether a step has come to an end, whatever end.
func (r *run) told(s *playbook.Step) bool {
	_, ok := r.values["steps"].(map[string]any)[s.ID]
	return ok
}

// nothing is what a step offers that did not do its work. An approval that was not decided was not
// given.
func nothing(s *playbook.Step, why string) map[string]any {
	switch v := s.Verb.(type) {
	case *playbook.Wait:
		if v.Event == "" {
			return nil
		}
		return map[string]any{"arrived": false}
	case *playbook.Approve:
		return map[string]any{"decision": why, "approved": false, "reason": why, "by": []any{}}
	case *playbook.Ask:
		return map[string]any{"answered": false, "by": "", "reason": why}
	case *playbook.Switch:
		return map[string]any{"case": int64(0)}
	case *playbook.Try:
		return map[string]any{"caught": false}
	case *playbook.Parallel:
		return map[string]any{"failed": int64(0)}
	case *playbook.Repeat:
		return map[string]any{"times": int64(0), "held": false}
	case *playbook.ForEach:
		result := new(batch).offers(v, 0)
		result["results"] = []any{}
		return result
	default:
		return nil
	}
}

// isFailure tells a step that failed from a run that was stopped or cancelled.
func isFailure(err error) bool {
	return err != nil && !errors.Is(err, errStopped) && !temporal.IsCanceledError(err)
}

// failed writes down why a step did not do its work. A step inside it has already said the same of
// itself, so the error that goes up names only the innermost. result is what the step offers all
// the same.
func (r *run) failed(ctx workflow.Context, s *playbook.Step, row *StepStatus, result map[string]any, err error) error {
	now := workflow.Now(ctx)
	row.Ended = &now
	var inner *stepError
	var cancelled *cancelledError
	switch {
	case errors.As(err, &cancelled):
		row.Error = cancelled.Error()
	case temporal.IsCanceledError(err):
		row.Error = "cancelled"
	case errors.As(err, &inner):
		row.Error = inner.Error()
	default:
		row.Error = reason(err)
		err = &stepError{step: s.ID, name: r.name(s), reason: row.Error}
	}
	r.mark(row, playbook.StatusFailed)
	offers := nothing(s, string(playbook.StatusFailed))
	if offers == nil {
		offers = map[string]any{}
	}
	for _, field := range expr.Keys(result) {
		offers[field] = result[field]
	}
	offers["error"] = row.Error
	r.publish(s, playbook.StatusFailed, offers)
	return err
}

// stepError is the failure of a step, as people read it, and of the finally that ran after it.
// name is the step with the rounds around it.
type stepError struct{ step, name, reason, also string }

func (e *stepError) Error() string { return fmt.Sprintf("step %q: %s%s", e.name, e.reason, e.also) }

// reason takes the engine's wrapping off an activity's error.
func reason(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "no answer in time: " + timeout.Message()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time: " + context.DeadlineExceeded.Error()
	}
	var activity *temporal.ActivityError
	if errors.As(err, &activity) && activity.Unwrap() != nil {
		return activity.Unwrap().Error()
	}
	return err.Error()
}

// publish sets steps.<id>.
func (r *run) publish(s *playbook.Step, status playbook.Status, result map[string]any) {
	value := map[string]any{"status": string(status)}
	for _, field := range expr.Keys(result) {
		value[field] = result[field]
	}
	r.values["steps"].(map[string]any)[s.ID] = value
}

// text evaluates what people will read.
func (r *run) text(ctx workflow.Context, v *playbook.Value) (string, error) {
	raw, err := record(ctx, v.Stable(), func() (json.RawMessage, error) { return v.Eval(r.values) })
	if err != nil {
		return "", err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("want a text, got %s", raw)
	}
	return s, nil
}
