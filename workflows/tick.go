package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// The names by which ticks are reached. They are part of every history: never change one.
const (
	TickType     = "countersign.tick"
	TickQuery    = "tick"             // returns a TickStatus
	TickActivity = "countersign.tick" // takes a Ticking, which it puts on record, and returns a Ticked: what became of it
)

// tickPrefix begins the ids of ticks and of the schedules that start them. No run has one like it:
// the name of a playbook has no dot.
const tickPrefix = "countersign.schedule/"

// TickInput is what a schedule gives its tick.
type TickInput struct {
	Playbook string `json:"playbook"`
	// CatchUp is how late the playbook may start.
	CatchUp time.Duration `json:"catch_up"`
	// Wait is what a tick leaves to its next history; nil: it has only begun.
	Wait *TickWait `json:"wait,omitempty"`
}

// TickWait is how far a tick's wait is.
type TickWait struct {
	Scheduled time.Time  `json:"scheduled"`
	Began     time.Time  `json:"began"`
	Status    TickStatus `json:"status"`
}

// Ticking is what a tick has put on record: that it is due, or that it waits no longer.
type Ticking struct {
	Playbook  string    `json:"playbook"`
	Scheduled time.Time `json:"scheduled"`
	// Over is "", ledger.TickCancelled or ledger.TickMissed.
	Over string `json:"over,omitempty"`
}

// Ticked is what became of a tick, by the record.
type Ticked struct {
	State     TickState `json:"state"`
	Run       string    `json:"run,omitempty"`
	Execution string    `json:"execution,omitempty"`
	Joined    bool      `json:"joined,omitempty"` // the run was there already
	Outcome   string    `json:"outcome,omitempty"`
	Error     string    `json:"error,omitempty"` // of the run, or why none was started
}

// TickState is where a tick is.
type TickState string

// The states of a tick; all but the first two are final.
const (
	TickWaiting   TickState = "waiting" // for a gateway
	TickStarted   TickState = "started" // its run is under way
	TickDone      TickState = "done"    // the run is
	TickFailed    TickState = "failed"  // the run has
	TickCancelled TickState = "cancelled"
	TickRefused   TickState = "refused" // by the gateway
	TickMissed    TickState = "missed"  // no gateway took it
	TickLost      TickState = "lost"    // the run is longer under way than a tick waits
)

// Over reports whether nothing more will happen.
func (s TickState) Over() bool { return s != TickWaiting && s != TickStarted }

// TickStatus is what a tick tells.
type TickStatus struct {
	Ticked

	Playbook  string    `json:"playbook"`
	Scheduled time.Time `json:"scheduled"`
}

const (
	// tickFirst and tickMost are the pauses between two looks at the record: they grow with the wait.
	tickFirst = time.Second
	tickMost  = 10 * time.Minute
	// tickPatience is how long a gateway has at least to take a tick.
	tickPatience = 15 * time.Minute
	// tickLife is the longest that a tick waits for its run. A wait in a run takes 30 days at most, and an
	// approval after it a week; a run that takes longer goes on, and its schedule no longer waits for it.
	tickLife = 45 * 24 * time.Hour
	// tickUndoing is how long a tick that is cancelled waits for its run to stop, which may have
	// something to put back.
	tickUndoing = 15 * time.Minute
)

// Tick is the workflow that a Temporal Schedule starts at each of its times. It has its worker put on
// record that the schedule is due, and lives until the run has ended that the gateway started for it:
// so what Temporal knows of overlaps is true of runs. It starts nothing itself; only what the gateway
// signs runs.
func Tick(ctx workflow.Context, in TickInput) (TickStatus, error) {
	t := &tick{in: in}
	if err := t.setup(ctx); err != nil {
		return TickStatus{}, err
	}
	err := t.wait(ctx)
	if temporal.IsCanceledError(err) {
		return t.status, t.cancel(ctx, err)
	}
	if err != nil {
		return t.status, err
	}
	switch t.status.State {
	case TickDone:
		return t.status, nil
	case TickMissed:
		t.over(ctx, string(TickMissed))
	}
	return t.status, temporal.NewNonRetryableApplicationError(t.why(), tickFailure(t.status.State), nil, t.status)
}

type tick struct {
	in     TickInput
	status TickStatus
	began  time.Time
}

func (t *tick) setup(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, TickQuery, func() (TickStatus, error) { return t.status, nil },
		workflow.QueryHandlerOptions{Description: "what became of the time at which the schedule was due"}); err != nil {
		return fmt.Errorf("set up the tick query: %w", err)
	}
	if w := t.in.Wait; w != nil {
		t.status, t.began = w.Status, w.Began
		return nil
	}
	scheduled, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledAttribute)
	if !ok {
		return temporal.NewNonRetryableApplicationError("the tick does not know when it was due: schedules start ticks, nobody else (starter schedule trigger)", "NoSchedule", nil)
	}
	t.began = workflow.GetInfo(ctx).WorkflowStartTime
	t.status = TickStatus{Playbook: t.in.Playbook, Scheduled: scheduled.UTC().Truncate(time.Second), Ticked: Ticked{State: TickWaiting}}
	return nil
}

// scheduledAttribute is how Temporal tells a workflow for which time its schedule started it.
var scheduledAttribute = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

// wait looks at the record until the tick is over.
func (t *tick) wait(ctx workflow.Context) error {
	for {
		err := t.look(ctx)
		if err != nil && temporal.IsCanceledError(err) {
			return err
		}
		if err != nil && final(err) {
			return err
		}
		now := workflow.Now(ctx)
		switch {
		case t.status.State.Over():
			return nil
		case t.status.State == TickWaiting && now.After(t.deadline()):
			t.status.State, t.status.Error = TickMissed, "missed: no gateway took it"
			return nil
		case now.After(t.began.Add(tickLife)):
			t.status.State, t.status.Error = TickLost, "the run is under way since "+playbook.Span(tickLife)+", and its schedule waits no longer"
			return nil
		case workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			return workflow.NewContinueAsNewError(ctx, TickType, TickInput{
				Playbook: t.in.Playbook, CatchUp: t.in.CatchUp, Wait: &TickWait{Scheduled: t.status.Scheduled, Began: t.began, Status: t.status},
			})
		}
		// A wait of an hour is looked at every few minutes, one of a second every second.
		if err := workflow.Sleep(ctx, min(max(now.Sub(t.began)/4, tickFirst), tickMost)); err != nil {
			return err
		}
	}
}

// deadline is until when a gateway may take the tick.
func (t *tick) deadline() time.Time {
	late := t.status.Scheduled.Add(t.in.CatchUp)
	if least := t.began.Add(tickPatience); least.After(late) {
		return least
	}
	return late
}

// look puts the tick on record, the first time, and sees what became of it. A record that cannot be
// read is looked at again later.
func (t *tick) look(ctx workflow.Context) error {
	var found Ticked
	err := onRecord(ctx, "look what became of the tick", Ticking{Playbook: t.status.Playbook, Scheduled: t.status.Scheduled}, &found)
	if err != nil {
		workflow.GetLogger(ctx).Warn("what became of the tick is not known", "playbook", t.status.Playbook, "scheduled", t.status.Scheduled, "error", clip(reason(err)))
		return err
	}
	t.status.Ticked = found
	return nil
}

// over has it put on record that the tick waits no longer: whoever takes it later does not start it,
// and of one that was cancelled the gateway cancels the run.
func (t *tick) over(ctx workflow.Context, why string) {
	var found Ticked
	err := onRecord(ctx, "tell that the tick is over", Ticking{Playbook: t.status.Playbook, Scheduled: t.status.Scheduled, Over: why}, &found)
	if err != nil {
		workflow.GetLogger(ctx).Warn("that the tick is over could not be told", "playbook", t.status.Playbook, "scheduled", t.status.Scheduled, "error", clip(reason(err)))
		return
	}
	if found.State.Over() {
		t.status.Ticked = found
	}
}

// cancel ends the tick and its run. It ends with the run, or after a while without it: the next one
// is not to begin before this one has put back what it did.
func (t *tick) cancel(ctx workflow.Context, err error) error {
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	t.over(apart, string(TickCancelled))
	for until := workflow.Now(apart).Add(tickUndoing); t.status.State == TickStarted && workflow.Now(apart).Before(until); {
		if workflow.Sleep(apart, 5*time.Second) != nil {
			break
		}
		_ = t.look(apart) // it is tried again
	}
	return err
}

func (t *tick) why() string {
	switch {
	case t.status.Error != "":
		return t.status.Error
	default:
		return "the run " + t.status.Run + " is " + string(t.status.State)
	}
}

// tickFailure is the type of the error that a tick ends with.
func tickFailure(s TickState) string {
	switch s {
	case TickMissed:
		return "Missed"
	case TickRefused:
		return "Refused"
	case TickLost:
		return "Lost"
	default:
		return "RunFailed"
	}
}

// final reports an error that another attempt does not change.
func final(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.NonRetryable()
}

// onRecord is one look at the record, tried for a few seconds.
func onRecord(ctx workflow.Context, what string, in Ticking, out *Ticked) error {
	return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    tellTime,
		ScheduleToCloseTimeout: 3 * tellTime,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
		Summary:                what,
	}), TickActivity, in).Get(ctx, out)
}
