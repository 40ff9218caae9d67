package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// parallel runs every branch over its own view of the values and takes in what they leave, in the
// order of the file.
func (r *run) parallel(ctx workflow.Context, v *playbook.Parallel) (map[string]any, error) {
	branches := make([]*run, len(v.Branches))
	for i := range branches {
		branches[i] = r.fork()
	}
	result, err := r.sideBySide(ctx, len(branches), len(branches), v.ContinueOnError, func(ctx workflow.Context, i int) error {
		err := branches[i].steps(ctx, v.Branches[i])
		if errors.Is(err, errStopped) && r.stop == nil { // the first to stop decides
			r.stop = branches[i].stop
		}
		return err
	})
	for i, branch := range branches {
		r.join(branch, v.Branches[i])
	}
	if !errors.Is(err, errStopped) {
		r.stop = nil // something else came first
	}
	return result, err
}

// sideBySide runs n pieces, at most so many at once, begun in their order, and waits for all that
// were begun. The first one that stops or fails cancels the others and is what it returns; with
// goOn failures are counted.
//
// Each piece is a coroutine of its own, also when only one runs at a time: the engine bounds how
// long a coroutine may compute, and many small pieces must not count as one.
func (r *run) sideBySide(ctx workflow.Context, n, most int, goOn bool, piece func(workflow.Context, int) error) (map[string]any, error) {
	inner, cancel := workflow.WithCancel(ctx)
	defer cancel()
	running, failed, ended, firstFailure := 0, 0, error(nil), error(nil)
	for i := range n {
		if workflow.Await(inner, func() bool { return running < most }) != nil || inner.Err() != nil {
			break
		}
		running++
		workflow.Go(inner, func(ctx workflow.Context) {
			err := piece(ctx, i)
			running--
			if isFailure(err) {
				failed++
				if firstFailure == nil {
					firstFailure = err
				}
			}
			if err == nil || goOn && isFailure(err) {
				return
			}
			if ended == nil {
				ended = err
			}
			cancel()
		})
	}
	// Whatever is cancelled still comes to its end, with its finally.
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	if err := workflow.Await(apart, func() bool { return running == 0 }); err != nil {
		return nil, err
	}
	if ended == nil {
		ended = ctx.Err()
	}
	result := map[string]any{"failed": int64(failed)}
	if firstFailure != nil {
		result["error"] = firstFailure.Error()
	}
	return result, ended
}
