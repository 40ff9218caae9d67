package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// A run that waits cannot call anybody, and nobody asks ten thousand runs whether they wait. So a run
// has its worker put on record that it asks people, and how it has ended: the gateway follows the
// record. What cannot be told changes nothing: the run waits, and takes a decision, all the same.

const (
	// tellTime bounds one attempt: until it is over the run answers nobody else.
	tellTime = 3 * time.Second
	// tellEvery is the first pause between attempts, and tellMost the longest. It is longer than a
	// workflow task: the run does not hold one open to wait for the next attempt.
	tellEvery = 15 * time.Second
	tellMost  = 10 * time.Minute
	// endTime bounds how long the end of a run waits to be told.
	endTime = time.Minute
)

// tellAsked tells that people are asked, beside everything else, until it is told or the context ends.
func (r *run) tellAsked(ctx workflow.Context, a Asked) {
	r.status.asked = true
	a.Execution = r.status.Execution
	workflow.Go(ctx, func(ctx workflow.Context) {
		if err := tell(ctx, a.Expires.Sub(workflow.Now(ctx)), Told{Asked: &a}); err != nil && !temporal.IsCanceledError(err) {
			workflow.GetLogger(ctx).Warn("that people are asked could not be told", "asked", a.ID, "digest", a.Digest, "error", clip(reason(err)))
		}
	})
}

// tellEnded tells how a run has ended that asked people, that a schedule started, or that failed with
// nobody waiting for it. It is the last that a run does, also where it was cancelled.
func (r *run) tellEnded(ctx workflow.Context) {
	waited := workflow.GetInfo(ctx).ParentWorkflowExecution != nil
	if r.status == nil || !r.status.asked && (waited || r.status.State != Failed) && !r.ticked(ctx) {
		return
	}
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	err := tell(apart, endTime, Told{Ended: &Ended{
		Execution: r.status.Execution, Playbook: r.status.Playbook, State: r.status.State, Outcome: r.status.Outcome, Error: r.status.Error,
	}})
	if err != nil {
		workflow.GetLogger(ctx).Warn("the end of the run could not be told", "error", clip(reason(err)))
	}
}

// ticked reports whether a tick waits for the end of the run. Runs from before there were ticks told
// nothing.
func (r *run) ticked(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.ParentWorkflowExecution == nil && r.in.Event.Source == playbook.ScheduleSource && r.in.Event.Type == playbook.ScheduleEvent &&
		workflow.GetVersion(ctx, "tell the end to the tick", workflow.DefaultVersion, 1) >= 1
}

func tell(ctx workflow.Context, within time.Duration, told Told) error {
	what := "tell of the end"
	if told.Asked != nil {
		what = "tell that people are asked"
	}
	return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    tellTime,
		ScheduleToCloseTimeout: max(within, tellTime),
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: tellEvery, BackoffCoefficient: 2, MaximumInterval: tellMost},
		Summary:                what,
	}), TellActivity, told).Get(ctx, nil)
}
