package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// An effect of another program's worker passes our guard like any other: to the run it is an
// activity of our worker, which when it is admitted has a workflow of one step make the call where it
// belongs. Without that nothing would stand between a run and a worker that is not ours.

// RelayWorkflow is the type of that workflow. It is part of histories: never change it.
const RelayWorkflow = "countersign.relay"

// Relay is what it is given.
type Relay struct {
	Activity  string          `json:"activity"`
	TaskQueue string          `json:"task_queue"`
	Step      string          `json:"step"`
	Input     json.RawMessage `json:"input"`
	Permit    *Permit         `json:"permit"`
	Timeout   time.Duration   `json:"timeout"`
	Heartbeat time.Duration   `json:"heartbeat,omitempty"`
}

type permitKey struct{}

func withPermit(ctx context.Context, p *Permit) context.Context {
	return context.WithValue(ctx, permitKey{}, p)
}

// relayEnd is how long a call that was cancelled may take to say how it ended.
const relayEnd = 10 * time.Second

// relayTo returns the call of an effect that the worker of another program makes. The workflow is
// named after the run, its execution and the step, so an attempt that follows a crash finds the call
// of the one before it, under way or done.
func relayTo(queue string, spec Spec) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
		if _, err := Remember(ctx, true); err != nil { // from here on it may be done
			return nil, err
		}
		info := activity.GetInfo(ctx)
		permit, _ := ctx.Value(permitKey{}).(*Permit)
		id := fmt.Sprintf("%s/%s/%s", info.WorkflowExecution.ID, info.ActivityID, info.WorkflowExecution.RunID)
		c := activity.GetClient(ctx)
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: id, TaskQueue: info.TaskQueue, WorkflowRunTimeout: 2 * spec.Timeout,
			WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
			WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, RelayWorkflow, Relay{
			Activity: spec.Name, TaskQueue: queue, Step: info.ActivityID, Input: input, Permit: permit, Timeout: spec.Timeout, Heartbeat: spec.Heartbeat,
		})
		var done *serviceerror.WorkflowExecutionAlreadyStarted
		if errors.As(err, &done) {
			run, err = c.GetWorkflow(ctx, id, done.RunId), nil
		}
		if err != nil {
			return nil, fmt.Errorf("hand the call of %s on to the task queue %q: %w", spec.Name, queue, err)
		}
		var output json.RawMessage
		if err := run.Get(ctx, &output); err == nil {
			return output, nil
		} else if ctx.Err() == nil {
			return nil, ofRelay(err)
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), relayEnd)
		defer cancel()
		_ = c.CancelWorkflow(bounded, id, run.GetRunID()) // where it cannot be told, it ends with its time
		if err := run.Get(bounded, &output); err == nil {
			return output, nil
		}
		return nil, ctx.Err()
	}
}

// ofRelay is the error of the call, as its worker gave it.
func ofRelay(err error) error {
	var app *temporal.ApplicationError
	switch {
	case !errors.As(err, &app):
		return err
	case app.NonRetryable():
		return Permanent(app.Type(), errors.New(app.Message()))
	default:
		return Passing(app.Type(), app.NextRetryDelay(), errors.New(app.Message()))
	}
}
