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
	all := pieces{n: len(branches), most: len(branches), goOn: v.ContinueOnError}
	err := all.run(ctx, func(ctx workflow.Context, i int) error {
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
	result := map[string]any{"failed": int64(all.failed)}
	if all.firstFailure != nil {
		result["error"] = all.firstFailure.Error()
	}
	return result, err
}

// pieces are what runs side by side, and what became of them.
type pieces struct {
	n, most int  // so many, at most so many at once
	goOn    bool // whether the others go on when one fails
	// enough is asked before a further piece is begun; nil: all are.
	enough func(failed int) bool

	begun, done, failed int
	firstFailure        error
}

// run runs the pieces, begun in their order, and waits for all that were begun. The first one that
// stops or fails cancels the others and is what it returns; with goOn failures are counted.
//
// Each piece is a coroutine of its own, also when only one runs at a time: the engine bounds how
// long a coroutine may compute, and many small pieces must not count as one.
func (p *pieces) run(ctx workflow.Context, piece func(workflow.Context, int) error) error {
	inner, cancel := workflow.WithCancel(ctx)
	defer cancel()
	running, ended := 0, error(nil)
	for i := range p.n {
		if workflow.Await(inner, func() bool { return running < p.most }) != nil || inner.Err() != nil {
			break
		}
		if p.enough != nil && p.enough(p.failed) {
			break
		}
		running++
		p.begun++
		workflow.Go(inner, func(ctx workflow.Context) {
			err := piece(ctx, i)
			running--
			if err == nil {
				p.done++
			}
			if isFailure(err) {
				p.failed++
				if p.firstFailure == nil {
					p.firstFailure = err
				}
			}
			if err == nil || p.goOn && isFailure(err) {
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
		return err
	}
	if ended == nil {
		ended = ctx.Err()
	}
	return ended
}
