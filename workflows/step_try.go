package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// try runs a block, its catch when the block failed, and its finally whatever happened.
func (r *run) try(ctx workflow.Context, v *playbook.Try) (map[string]any, error) {
	err := r.steps(ctx, v.Steps)
	caught := isFailure(err) && len(v.Catch) > 0
	if caught {
		err = r.catch(ctx, v.Catch, err)
	} else {
		r.skipAll(v.Catch)
	}
	if len(v.Finally) > 0 {
		// A run that is cancelled meanwhile still cleans up: only the bounds of these steps end them.
		apart, release := workflow.NewDisconnectedContext(ctx)
		defer release()
		stop := r.stop
		r.stop = nil // blocks inside would take it for theirs
		err = beside(err, r.steps(apart, v.Finally))
		if errors.Is(err, errStopped) { // else a failure takes the place of the stop, and may be caught
			r.stop = stop
		}
	}
	return map[string]any{"caught": caught}, err
}

// catch runs a block that can read what failed.
func (r *run) catch(ctx workflow.Context, steps []*playbook.Step, err error) error {
	outer, nested := r.values["error"]
	value := map[string]any{"step": "", "reason": reason(err)}
	var failed *stepError
	if errors.As(err, &failed) {
		value["step"], value["reason"] = failed.step, failed.reason+failed.also
	}
	r.values["error"] = value
	err = r.steps(ctx, steps)
	if delete(r.values, "error"); nested {
		r.values["error"] = outer
	}
	return err
}

// beside adds the failure of a finally to what it ran after, which still decides how the run ends:
// a cancelled run is cancelled. After a stop the failure is all there is to tell.
func beside(first, err error) error {
	switch {
	case err == nil:
		return first
	case first == nil || errors.Is(first, errStopped):
		return err
	}
	also := "; then, in finally, " + err.Error()
	var failed *stepError
	var cancelled *cancelledError
	switch {
	case errors.As(first, &cancelled):
		return &cancelledError{err: cancelled.err, also: cancelled.also + also}
	case temporal.IsCanceledError(first):
		return &cancelledError{err: first, also: also}
	case errors.As(first, &failed):
		both := *failed
		both.also += also
		return &both
	default:
		return fmt.Errorf("%w%s", first, also)
	}
}

// cancelledError is a cancellation, and what went wrong beside it.
type cancelledError struct {
	err  error
	also string
}

func (e *cancelledError) Error() string { return "cancelled" + e.also }
func (e *cancelledError) Unwrap() error { return e.err }
