package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// timed runs a step's verb for as long as the step may take. When that is over, what is under way
// is cancelled, which lets every finally inside run, and the step has failed: whoever looks from
// outside sees no cancellation. A call has its bound from the engine.
func (r *run) timed(ctx workflow.Context, s *playbook.Step, row *StepStatus) (map[string]any, error) {
	if _, call := s.Verb.(*playbook.Activity); call || s.Timeout == 0 {
		return r.tries(ctx, s, row)
	}
	var result map[string]any
	over, err := bounded(ctx, s.Timeout, func(ctx workflow.Context) (err error) {
		result, err = r.tries(ctx, s, row)
		return err
	})
	if !over || errors.Is(err, errStopped) { // a stop came in time, and so did its word
		return result, err
	}
	return result, overtime(s.Overtime(), err)
}

// bounded does something for so long, and then cancels it and waits for its end. over says that it
// did, and that nobody else wanted the end.
func bounded(ctx workflow.Context, limit time.Duration, do func(workflow.Context) error) (over bool, err error) {
	inner, cancel := workflow.WithCancel(ctx)
	defer cancel()
	clock, stop := workflow.WithCancel(ctx)
	timer := workflow.NewTimer(clock, limit)
	workflow.Go(clock, func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			over = true
			cancel()
		}
	})
	err = do(inner)
	stop()
	return over && ctx.Err() == nil, err
}

// overtime is the failure of what took too long, with what went wrong inside meanwhile.
func overtime(says string, err error) error {
	var cancelled *cancelledError
	switch {
	case errors.As(err, &cancelled):
		return errors.New(says + cancelled.also)
	case err != nil && !temporal.IsCanceledError(err):
		return errors.New(says + "; then, " + reason(err))
	default:
		return errors.New(says)
	}
}

// tries runs a step's verb, and again as often as the step says when it fails. Calls are tried
// again by the engine.
func (r *run) tries(ctx workflow.Context, s *playbook.Step, row *StepStatus) (map[string]any, error) {
	result, err := r.verb(ctx, s, row)
	if _, call := s.Verb.(*playbook.Activity); call {
		return result, err
	}
	for n := 1; n < s.Retry.Times && isFailure(err); n++ {
		before := err
		row.Error = reason(before)
		if err = workflow.Sleep(ctx, s.Retry.Pause(n)); err != nil {
			return result, beforeThat(err, before)
		}
		again, full := r.again(ctx, s, n+1)
		if full != nil {
			return result, before // which says more
		}
		row.Attempts = n + 1
		r.anew(s)
		result, err = again.verb(ctx, s, row)
		r.stop = again.stop
		if temporal.IsCanceledError(err) {
			return result, beforeThat(err, before)
		}
	}
	return result, err
}

// beforeThat keeps, of a step that was cancelled, why the attempt before had failed.
func beforeThat(err, before error) error {
	also := "; before that, " + before.Error()
	var cancelled *cancelledError
	if errors.As(err, &cancelled) {
		also = cancelled.also + also
	}
	return &cancelledError{err: err, also: also}
}

// again is the run as attempt n of a step sees it: what stands inside is named after the attempt,
// contain~2.disable, and so is what people are asked, contain~2.contain. An answer to the attempt
// before counts for nothing.
func (r *run) again(ctx workflow.Context, s *playbook.Step, n int) (*run, error) {
	f, err := r.round(ctx, s, n) // an attempt takes as much of the run as a round does
	if err != nil {
		return nil, err
	}
	f.path, f.rows = fmt.Sprintf("%s~%d.", r.name(s), n), r.rows
	return f, nil
}

// anew takes back what the steps inside a step have told. Values that they set stay, as in the next
// round of a repeat, and so do the rows of loops, which count all rounds.
func (r *run) anew(s *playbook.Step) {
	for _, block := range playbook.Inner(s) {
		r.forget(block)
		playbook.Walk(block, func(inner *playbook.Step) {
			row := r.row(inner)
			if row.Rounds != nil {
				return
			}
			if row.shown == nil {
				r.status.shown -= len(row.Input) + len(row.Output)
			}
			row.Case, row.Started, row.Ended, row.Input, row.Output, row.Error, row.Attempts, row.ByHand = nil, nil, nil, nil, nil, "", 0, ""
			r.mark(row, playbook.StatusPending)
		})
	}
}
