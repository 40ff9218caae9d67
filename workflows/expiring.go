package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/playbook"
)

// Until says when what was done is put back by itself, unless somebody keeps it, and which workflow
// waits for that.
type Until struct {
	At time.Time `json:"at"`
	// Workflow and Execution are Temporal's ids of it, see [Expiry].
	Workflow  string `json:"workflow"`
	Execution string `json:"execution"`
	// Run and Step are what did it, as that run knows it: a called run, or the run itself.
	Run  string `json:"run"`
	Step string `json:"step"`

	// What became of it, where somebody has asked: a run does not know. See [Client.AskExpiring].
	State  ExpiryState `json:"state,omitempty"`
	Ended  *time.Time  `json:"ended,omitempty"`
	KeptBy string      `json:"kept_by,omitempty"`
	Reason string      `json:"reason,omitempty"`
	Error  string      `json:"error,omitempty"`
}

// expires starts what puts a call back after some time. It outlives the run, also one that Temporal
// ends by force: whatever happens, what was done for a while ends.
func (r *run) expires(ctx workflow.Context, after time.Duration, t *Trace) error {
	until := &Until{At: t.Act.At.Add(after), Run: r.id(), Step: t.Step}
	in := ExpiryInput{Run: until.Run, Step: t.Step, Activity: t.Act.Activity, Targets: t.Act.Targets, Undo: t.Back[0], Until: until.At}
	// A context that is never cancelled: to cancel it would cancel the expiry.
	apart, _ := workflow.NewDisconnectedContext(ctx)
	id := ExpiryID(until.Run, t.Step)
	started, err := startExpiry(apart, id, in)
	var already *temporal.ChildWorkflowExecutionAlreadyStartedError
	if errors.As(err, &already) { // that of an execution of the run before this one still waits
		started, err = startExpiry(apart, id+"~"+r.status.Execution, in)
	}
	if err != nil {
		return fmt.Errorf("it is done, but nothing would put it back after %s: %s", after, reason(err))
	}
	until.Workflow, until.Execution = started.ID, started.RunID
	t.Act.Until = until
	r.status.expiring(t.Act)
	return nil
}

func startExpiry(ctx workflow.Context, id string, in ExpiryInput) (workflow.Execution, error) {
	var started workflow.Execution
	err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}), ExpiryType, in).GetChildWorkflowExecution().Get(ctx, &started)
	return started, err
}

// soon is how near its time an expiry is left to itself: it may begin before the word reaches it.
const soon = time.Minute

// Why something that would expire is not put back at once.
const (
	leftToItself = "left to its time, which has come"
	leftKept     = "left: somebody has kept it, or it is put back already"
)

// release takes over from an expiry, before the run puts back by itself what that waits for. It says
// why not where that has ended or is about to act: so nothing is put back twice, and nothing that a
// person has kept.
func (r *run) release(ctx workflow.Context, t *Trace) (why string) {
	if t.Act == nil || t.Act.Until == nil {
		return ""
	}
	until := t.Act.Until
	if workflow.Now(ctx).Add(soon).After(until.At) {
		return leftToItself
	}
	if err := workflow.SignalExternalWorkflow(ctx, until.Workflow, until.Execution, ReleaseSignal, r.status.Run).Get(ctx, nil); err != nil {
		return leftKept
	}
	t.Act.Until = nil
	return ""
}

// leaveToExpiry tells that something is not put back at once.
func (r *run) leaveToExpiry(ctx workflow.Context, t *Trace, why string) {
	now := workflow.Now(ctx)
	r.status.undone(&UndoStatus{Step: t.Step, Activity: t.Back[0].Activity, Status: playbook.StatusSkipped, Started: &now, Ended: &now, Input: r.show(t.Back[0].Input), Error: why})
}

// maxExpiring bounds what a status lists that will be put back by itself.
const maxExpiring = 100

// expiring lists what will be put back by itself.
func (s *Status) expiring(acts ...*Act) {
	for _, act := range acts {
		switch {
		case act == nil || act.Until == nil:
		case len(s.Expiring) < maxExpiring:
			s.Expiring = append(s.Expiring, act)
		default:
			s.ExpiringUnlisted++
		}
	}
}

// expiringOf lists anew what will be put back by itself, of what a trail has not put back.
func (s *Status) expiringOf(traces []*Trace) {
	s.Expiring, s.ExpiringUnlisted = nil, 0
	for _, t := range traces {
		if !t.PutBack {
			s.expiring(t.Act)
		}
	}
}
