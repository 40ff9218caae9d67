package workflows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// TaskQueue is where workers take runs from, unless configured otherwise.
const TaskQueue = "countersign"

// Client starts, watches and answers runs. Every caller (commands, gateway, tests) goes through
// it, so the rules of starting and answering are in one place. The ticket that a run starts with is
// that of the context, see activities.WithTicket.
type Client struct {
	Temporal  client.Client
	TaskQueue string // "" is TaskQueue
	// Converter is that of Temporal; nil: the default one. The list of runs shows with it what is
	// kept with them.
	Converter converter.DataConverter
	// Namespace is that of Temporal; "": what only the plain API tells of schedules is not known.
	Namespace string
}

// ErrNoRun is returned for a run that does not exist, or that Temporal no longer keeps.
var ErrNoRun = errors.New("no such run")

// ErrNoWorker is returned when nobody answered in time: the run may be well, but no worker serves
// its task queue.
var ErrNoWorker = errors.New("no worker answered")

// Started says which run answers an event.
type Started struct {
	Run string `json:"run"`
	// Execution is Temporal's id of this execution, for links.
	Execution string `json:"execution,omitempty"`
	// New is false when the event joined a run that was there.
	New bool `json:"new"`
}

// Start starts the run for an event, or lets the event join the run of the same playbook and key.
// A run that is done answers its matter for as long as Temporal keeps it: nothing runs twice. One
// that failed or was cancelled has not answered, so the event starts another.
func (c Client) Start(ctx context.Context, pb *playbook.Playbook, key string, in Input) (Started, error) {
	return c.start(ctx, pb, key, in, enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)
}

// StartOnce is Start for what has one run, however that ended, for as long as Temporal keeps it.
func (c Client) StartOnce(ctx context.Context, pb *playbook.Playbook, key string, in Input) (Started, error) {
	return c.start(ctx, pb, key, in, enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
}

func (c Client) start(ctx context.Context, pb *playbook.Playbook, key string, in Input, again enums.WorkflowIdReusePolicy) (Started, error) {
	id := RunID(pb.Name, key)
	run, err := c.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                c.queue(),
		WorkflowIDReusePolicy:                    again,
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		EnableEagerStart:                         true,
		StaticSummary:                            pb.Title,
	}, RunType, in)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &already) {
		return Started{Run: id, Execution: already.RunId}, c.repeat(ctx, id, already.RunId, in.Event)
	}
	if err != nil {
		return Started{}, fmt.Errorf("start the run %s: %w", id, err)
	}
	return Started{Run: id, Execution: run.GetRunID(), New: true}, nil
}

// repeat tells a run of another event. One that has ended needs no telling.
func (c Client) repeat(ctx context.Context, id, execution string, ev event.Event) error {
	err := c.Temporal.SignalWorkflow(ctx, id, execution, RepeatSignal, refOf(ev))
	var gone *serviceerror.NotFound
	if err != nil && !errors.As(err, &gone) {
		return fmt.Errorf("tell the run %s of the event %s: %w", id, ev.ID, err)
	}
	return nil
}

func (c Client) queue() string {
	if c.TaskQueue != "" {
		return c.TaskQueue
	}
	return TaskQueue
}

// answerTime bounds a question to a run, and editTime one for which the run has to look at the world.
const (
	answerTime = 10 * time.Second
	editTime   = time.Minute
)

// Status asks a run for its story. It needs a worker, also for a run that has ended.
func (c Client) Status(ctx context.Context, id string) (*Status, error) {
	bounded, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	value, err := c.Temporal.QueryWorkflow(bounded, id, "", StatusQuery)
	if err != nil {
		return nil, c.explain(fmt.Sprintf("ask the run %s for its status", id), err)
	}
	var status Status
	if err := value.Get(&status); err != nil {
		return nil, fmt.Errorf("read the status of the run %s: %w", id, err)
	}
	if !status.whole() {
		return nil, fmt.Errorf("read the status of the run %s: it lists what is not there", id)
	}
	return &status, nil
}

// explain gives the two failures that callers act on their own names.
func (c Client) explain(doing string, err error) error {
	var notFound *serviceerror.NotFound
	var late *serviceerror.DeadlineExceeded
	switch {
	case errors.As(err, &notFound):
		return fmt.Errorf("%s: %w", doing, ErrNoRun)
	case errors.As(err, &late), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w on the task queue %q", doing, ErrNoWorker, c.queue())
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// Decide brings a run how one of its requests stands, as the gateway signed it. What does not count
// is an error that wraps approval.ErrRefused. To bring it again is safe.
func (c Client) Decide(ctx context.Context, run string, standing grant.Signed) (VoteResult, error) {
	var result VoteResult
	err := c.update(ctx, run, DecideUpdate, standing, &result)
	return result, err
}

// Answer brings a run the answer to a question, as the gateway signed it, and returns how the
// question ended. Errors are those of Decide.
func (c Client) Answer(ctx context.Context, run string, answer grant.Signed) (approval.Ending, error) {
	var ending approval.Ending
	err := c.update(ctx, run, AnswerUpdate, answer, &ending)
	return ending, err
}

// Edit brings a run another input of a call that it asks about, as the gateway signed it, and returns
// the request that is asked from now on. Errors are those of Decide.
func (c Client) Edit(ctx context.Context, run string, order grant.Signed) (EditResult, error) {
	var result EditResult
	err := c.update(ctx, run, EditUpdate, order, &result)
	return result, err
}

// update brings something signed to a run and waits for what it led to. It goes without an id of its
// own: one that was refused for want of a worker's key is not refused for ever.
func (c Client) update(ctx context.Context, run, name string, signed grant.Signed, result any) error {
	doing := fmt.Sprintf("%s: bring a %s to the run %s", name, signed.Kind, run)
	patience := answerTime
	if name == EditUpdate {
		patience = editTime
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	handle, err := c.Temporal.UpdateWorkflow(bounded, client.UpdateWorkflowOptions{
		WorkflowID: run, UpdateName: name, Args: []any{signed}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(bounded, result)
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == RefusedType {
		return fmt.Errorf("%s: %w", doing, refused{app.Message()})
	}
	if err != nil {
		return c.explain(doing, err)
	}
	return nil
}

// refused is approval.ErrRefused as it comes back over the wire.
type refused struct{ message string }

func (r refused) Error() string        { return r.message }
func (r refused) Is(target error) bool { return target == approval.ErrRefused }

// Cancel asks a run to stop. What it has done stays done, and its story says what.
func (c Client) Cancel(ctx context.Context, run string) error {
	if err := c.Temporal.CancelWorkflow(ctx, run, ""); err != nil {
		return c.explain("cancel the run "+run, err)
	}
	return nil
}

// Listed is one run in a list.
type Listed struct {
	Run       string     `json:"run"`
	Execution string     `json:"execution"`
	Playbook  string     `json:"playbook"`
	Parent    string     `json:"parent,omitempty"` // the run that called it
	Status    string     `json:"status"`           // running, completed, failed, canceled, terminated, timed_out
	Started   time.Time  `json:"started"`
	Ended     *time.Time `json:"ended,omitempty"`
}

// Runs lists the newest runs, at most limit of them. With open those that have not ended, and with
// them the parts of loops: they ask people too. The list may lag behind the runs by a second or so.
func (c Client) Runs(ctx context.Context, open bool, limit int) ([]Listed, error) {
	query := fmt.Sprintf("TaskQueue = %q AND WorkflowType = %q", c.queue(), RunType)
	if open {
		query = fmt.Sprintf(`TaskQueue = %q AND WorkflowType IN (%q, %q) AND ExecutionStatus = "Running"`, c.queue(), RunType, PartType)
	}
	var runs []Listed
	var page []byte
	for len(runs) < limit {
		answer, err := c.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: query, NextPageToken: page, PageSize: int32(min(limit-len(runs), 100)), //nolint:gosec // at most 100
		})
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for _, e := range answer.Executions {
			playbookName, _, _ := strings.Cut(e.Execution.WorkflowId, "/")
			run := Listed{
				Run: e.Execution.WorkflowId, Execution: e.Execution.RunId, Playbook: playbookName,
				Status: snake(e.Status.String()), Started: e.StartTime.AsTime(),
			}
			if parent := e.ParentExecution; parent != nil {
				run.Parent = parent.WorkflowId
				_ = c.converter().FromPayload(e.Memo.GetFields()[playbookMemo], &run.Playbook) // without it: the caller's
			}
			if e.CloseTime != nil {
				ended := e.CloseTime.AsTime()
				run.Ended = &ended
			}
			runs = append(runs, run)
		}
		if page = answer.NextPageToken; len(page) == 0 {
			break
		}
	}
	return runs, nil
}

// snake writes Temporal's TimedOut as timed_out.
func snake(s string) string {
	var out strings.Builder
	for i, r := range s {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// NewInput gathers what a run needs.
func NewInput(pb *playbook.Playbook, ev event.Event, given map[string]json.RawMessage) (Input, error) {
	inputs, err := pb.ResolveInputs(ev, given)
	if err != nil {
		return Input{}, fmt.Errorf("playbook %s: %w", pb.Name, err)
	}
	return Input{Plan: pb.Plan, Event: ev, Inputs: inputs}, nil
}

func (c Client) converter() converter.DataConverter {
	if c.Converter == nil {
		return converter.GetDefaultDataConverter()
	}
	return c.Converter
}

// Over is how an execution of a run has ended on the cluster: completed, failed, canceled, terminated
// or timed_out; "" is that it has not.
type Over struct {
	Status string
	At     time.Time
}

// Over tells whether a run has ended, also where no worker is there to ask.
func (c Client) Over(ctx context.Context, run, execution string) (Over, error) {
	answer, err := c.Temporal.DescribeWorkflowExecution(ctx, run, execution)
	if err != nil {
		return Over{}, c.explain("look whether the run "+run+" has ended", err)
	}
	info := answer.GetWorkflowExecutionInfo()
	if info.GetCloseTime() == nil {
		return Over{}, nil
	}
	return Over{Status: snake(info.GetStatus().String()), At: info.GetCloseTime().AsTime()}, nil
}
