package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/playbook"
)

// The names by which an expiry is reached. They are part of every history: never change one.
const (
	ExpiryType    = "countersign.expiry"
	ExpiryQuery   = "expiry"  // returns an ExpiryStatus
	KeepUpdate    = "keep"    // takes a grant.Signed of a grant.Keep, returns an ExpiryStatus
	ReleaseSignal = "release" // the run puts it back by itself
)

// ExpiryID is the workflow that puts back by itself what a step of a run did.
func ExpiryID(run, step string) string { return run + "/expiry/" + step }

// ExpiryInput is all that an expiry needs: what was done, and the call that takes it back.
type ExpiryInput struct {
	Run      string                     `json:"run"`
	Step     string                     `json:"step"` // with the rounds around it
	Activity string                     `json:"activity"`
	Targets  map[string]json.RawMessage `json:"targets,omitempty"`
	Undo     UndoCall                   `json:"undo"`
	Until    time.Time                  `json:"until"`
}

// ExpiryState is where an expiry is.
type ExpiryState string

// The states of an expiry; all but the first two are final.
const (
	ExpiryWaiting  ExpiryState = "waiting"
	ExpiryActing   ExpiryState = "acting" // its time has come, and the call is under way
	ExpiryPutBack  ExpiryState = "put_back"
	ExpiryKept     ExpiryState = "kept"     // by a person
	ExpiryReleased ExpiryState = "released" // its run ended badly and puts it back
	ExpiryFailed   ExpiryState = "failed"   // it could not be put back
	// ExpiryOvertaken: there was nothing left to put back, or others have changed it since.
	ExpiryOvertaken ExpiryState = "overtaken"
	ExpiryEnded     ExpiryState = "cancelled"
)

// Over reports whether nothing more will happen.
func (s ExpiryState) Over() bool { return s != ExpiryWaiting && s != ExpiryActing }

// ExpiryStatus is what an expiry tells: what will be put back, by what, until when, and who kept it.
type ExpiryStatus struct {
	Run       string                     `json:"run"`
	Step      string                     `json:"step"`
	Execution string                     `json:"execution"` // of the expiry
	Activity  string                     `json:"activity"`
	Targets   map[string]json.RawMessage `json:"targets,omitempty"`
	Undo      string                     `json:"undo"`
	Until     time.Time                  `json:"until"`
	State     ExpiryState                `json:"state"`
	Ended     *time.Time                 `json:"ended,omitempty"`
	KeptBy    string                     `json:"kept_by,omitempty"`
	Reason    string                     `json:"reason,omitempty"` // of who kept it
	Error     string                     `json:"error,omitempty"`
}

// undoTries are the attempts at an undo whose time has come and that nobody waits for: whatever is
// broken has a day to mend.
const undoTries = 24 * time.Hour

var undoRetry = playbook.Retry{Every: 10 * time.Second, Backoff: 2, MaxEvery: 10 * time.Minute}

// Expiry is the workflow that holds the undo of one call until its time, and then makes it through
// the guard like any other, unless a person keeps what was done. It outlives its run.
func Expiry(ctx workflow.Context, in ExpiryInput) (ExpiryStatus, error) {
	e := &expiry{status: ExpiryStatus{
		Run: in.Run, Step: in.Step, Execution: execution(ctx), Activity: in.Activity,
		Targets: in.Targets, Undo: in.Undo.Activity, Until: in.Until, State: ExpiryWaiting,
	}}
	err := e.listen(ctx)
	if err == nil {
		err = e.wait(ctx)
	}
	if err == nil && e.status.State == ExpiryWaiting {
		err = e.act(ctx, in.Undo)
	}
	switch {
	case temporal.IsCanceledError(err):
		e.end(ctx, ExpiryEnded)
	case err != nil:
		e.status.Error = reason(err)
		e.end(ctx, ExpiryFailed)
		workflow.GetLogger(ctx).Error("what should have been put back by now could not be", "run", in.Run, "step", in.Step, "activity", in.Undo.Activity, "error", e.status.Error)
		err = temporal.NewNonRetryableApplicationError(e.status.Error, "NotPutBack", nil, e.status)
	}
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	_ = workflow.Await(apart, func() bool { return workflow.AllHandlersFinished(apart) }) // it is not cancelled
	return e.status, err
}

// expiry is one while it runs.
type expiry struct {
	status  ExpiryStatus
	keep    *grant.Keep // believed
	refused int
	hearing int // words that have arrived and are being checked
}

func (e *expiry) listen(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, ExpiryQuery, func() (ExpiryStatus, error) { return e.status, nil },
		workflow.QueryHandlerOptions{Description: "what will be put back, and when"})
	if err != nil {
		return fmt.Errorf("set up the expiry query: %w", err)
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, KeepUpdate,
		func(ctx workflow.Context, s grant.Signed) (ExpiryStatus, error) {
			status, err := e.kept(ctx, s)
			return status, refusedAs(err)
		},
		workflow.UpdateHandlerOptions{
			Validator:   func(_ workflow.Context, s grant.Signed) error { return refusedAs(e.admit(s)) },
			Description: "a person's word, signed by the gateway, that what was done stays",
		})
	if err != nil {
		return fmt.Errorf("set up the keep update: %w", err)
	}
	return nil
}

// wait ends with the time, with the word of a person, or with the run's that puts it back itself.
func (e *expiry) wait(ctx workflow.Context) error {
	released := workflow.GetSignalChannel(ctx, ReleaseSignal)
	_, err := workflow.AwaitWithTimeout(ctx, max(e.status.Until.Sub(workflow.Now(ctx)), time.Millisecond), func() bool {
		return e.keep != nil || released.Len() > 0
	})
	if err == nil {
		err = settle(ctx) // what comes together with the time counts as before it
	}
	if err == nil {
		err = workflow.Await(ctx, func() bool { return e.keep != nil || e.hearing == 0 })
	}
	switch {
	case err != nil:
	case e.keep != nil:
		e.keeps(ctx)
	case released.Len() > 0:
		e.end(ctx, ExpiryReleased)
	}
	return err
}

// act makes the call, and again until it can be made. Between two attempts a person may still keep
// what was done; not while one is under way, as nobody could say then which of both came first.
func (e *expiry) act(ctx workflow.Context, call UndoCall) error {
	e.status.State = ExpiryActing
	what, err := call.Digest()
	if err != nil {
		return err
	}
	s := &playbook.Step{Timeout: max(playbook.DefaultTimeout, call.Timeout), Retry: playbook.Retry{Times: 1}}
	until := workflow.Now(ctx).Add(undoTries)
	for n := 1; ; n++ {
		err := execute(ctx, e.status.Step+".undo", s, call.verb(), call.Call, &activities.Permit{Covers: []digest.Digest{what}}).Get(ctx, nil)
		if err == nil {
			e.status.Error = ""
			e.end(ctx, ExpiryPutBack)
			return nil
		}
		e.status.Error = reason(err)
		var app *temporal.ApplicationError
		switch final := errors.As(err, &app) && app.NonRetryable() && app.Type() != activities.Halted; {
		case final && app.Type() == activities.Overtaken:
			e.end(ctx, ExpiryOvertaken)
			return nil
		case final || ctx.Err() != nil || !workflow.Now(ctx).Before(until):
			return err
		}
		unsure := cutOff(err) // it may be put back; another attempt tells
		kept, err := workflow.AwaitWithTimeout(ctx, undoRetry.Pause(n), func() bool { return e.keep != nil && !unsure })
		if err != nil {
			return err
		}
		if kept {
			e.keeps(ctx)
			return nil
		}
	}
}

func (e *expiry) keeps(ctx workflow.Context) {
	e.status.KeptBy, e.status.Reason, e.status.Error = e.keep.By, e.keep.Reason, ""
	e.end(ctx, ExpiryKept)
}

func (e *expiry) end(ctx workflow.Context, state ExpiryState) {
	now := workflow.Now(ctx)
	e.status.State, e.status.Ended = state, &now
}
