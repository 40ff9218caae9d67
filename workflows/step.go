package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// steps runs a block, one step after the other. The first failure ends the run.
func (r *run) steps(ctx workflow.Context, steps []*playbook.Step) error {
	for _, s := range steps {
		if err := r.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// step runs one step: its condition, its title, its verb; and writes down what became of it.
func (r *run) step(ctx workflow.Context, s *playbook.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	row := r.status.Step(s.ID)
	if s.If != nil {
		holds, err := record(ctx, s.If.Stable(), func() (bool, error) { return s.If.Holds(r.values) })
		if err != nil {
			return r.failed(ctx, row, fmt.Errorf("if: %w", err))
		}
		if !holds {
			r.skipped(s)
			return nil
		}
	}
	if s.Title != nil {
		title, err := r.text(ctx, s.Title)
		if err != nil {
			return r.failed(ctx, row, fmt.Errorf("title: %w", err))
		}
		row.Title = title
	}
	r.begin(ctx, row)
	var result map[string]any
	var err error
	switch v := s.Verb.(type) {
	case *playbook.Activity:
		result, err = r.activity(ctx, s, v, row)
	case *playbook.Approve:
		result, err = r.approve(ctx, s, v, row)
	case *playbook.Switch:
		result, err = r.choose(ctx, v, row)
	case *playbook.Set:
		err = r.set(ctx, v)
	case *playbook.Stop:
		err = r.end(ctx, v)
	default:
		err = fmt.Errorf("this worker does not know the verb %q; run a newer one", s.Verb.Keyword())
	}
	if err != nil && !errors.Is(err, errStopped) {
		return r.failed(ctx, row, err)
	}
	r.done(ctx, s, row, result)
	return err
}

func (r *run) begin(ctx workflow.Context, row *StepStatus) {
	now := workflow.Now(ctx)
	row.Status, row.Started = playbook.StatusRunning, &now
}

// done makes the step's result readable for later steps.
func (r *run) done(ctx workflow.Context, s *playbook.Step, row *StepStatus, result map[string]any) {
	now := workflow.Now(ctx)
	row.Status, row.Ended = playbook.StatusDone, &now
	r.publish(s.ID, playbook.StatusDone, result)
}

// skipped marks a step and all steps inside it. An approval that was skipped was not given.
func (r *run) skipped(s *playbook.Step) {
	playbook.Walk([]*playbook.Step{s}, func(s *playbook.Step) {
		r.status.Step(s.ID).Status = playbook.StatusSkipped
		var result map[string]any
		switch s.Verb.(type) {
		case *playbook.Approve:
			result = map[string]any{"decision": "skipped", "approved": false, "reason": "skipped", "by": []any{}}
		case *playbook.Switch:
			result = map[string]any{"case": int64(0)}
		}
		r.publish(s.ID, playbook.StatusSkipped, result)
	})
}

// failed writes down why a step did not do its work. A step inside it has already said the same of
// itself, so the error that goes up names only the innermost.
func (r *run) failed(ctx workflow.Context, row *StepStatus, err error) error {
	now := workflow.Now(ctx)
	row.Status, row.Ended = playbook.StatusFailed, &now
	if temporal.IsCanceledError(err) {
		row.Error = "cancelled"
		return err
	}
	var inner *stepError
	if errors.As(err, &inner) {
		row.Error = inner.Error()
		return err
	}
	row.Error = reason(err)
	return &stepError{step: row.ID, reason: row.Error}
}

// stepError is the failure of a step, as people read it.
type stepError struct{ step, reason string }

func (e *stepError) Error() string { return fmt.Sprintf("step %q: %s", e.step, e.reason) }

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
func (r *run) publish(id string, status playbook.Status, result map[string]any) {
	value := map[string]any{"status": string(status)}
	for _, field := range []string{"output", "decision", "approved", "reason", "by", "case"} {
		if v, ok := result[field]; ok {
			value[field] = v
		}
	}
	r.values["steps"].(map[string]any)[id] = value
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
