package workflows_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/workflows"
)

// chronicle writes the history that a server would, event by event.
type chronicle struct {
	*testing.T

	events []*history.HistoryEvent
	now    time.Time
}

func (c *chronicle) add(kind enums.EventType, set func(e *history.HistoryEvent, id int64)) int64 {
	e := &history.HistoryEvent{EventId: int64(len(c.events) + 1), EventType: kind, EventTime: timestamppb.New(c.now)}
	set(e, e.EventId)
	c.events = append(c.events, e)
	return e.EventId
}

func (c *chronicle) payloads(values ...any) *common.Payloads {
	p, err := converter.GetDefaultDataConverter().ToPayloads(values...)
	require.NoError(c, err)
	return p
}

// task is a workflow task: what follows it are its commands.
func (c *chronicle) task() {
	scheduled := c.add(enums.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &history.WorkflowTaskScheduledEventAttributes{}}
	})
	started := c.add(enums.EVENT_TYPE_WORKFLOW_TASK_STARTED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: &history.WorkflowTaskStartedEventAttributes{ScheduledEventId: scheduled}}
	})
	c.add(enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: &history.WorkflowTaskCompletedEventAttributes{ScheduledEventId: scheduled, StartedEventId: started}}
	})
}

func (c *chronicle) timer(d time.Duration) int64 {
	return c.add(enums.EVENT_TYPE_TIMER_STARTED, func(e *history.HistoryEvent, id int64) {
		e.Attributes = &history.HistoryEvent_TimerStartedEventAttributes{TimerStartedEventAttributes: &history.TimerStartedEventAttributes{TimerId: fmt.Sprint(id), StartToFireTimeout: durationpb.New(d)}}
	})
}

func (c *chronicle) fires(timer int64, after time.Duration) {
	c.now = c.now.Add(after)
	c.add(enums.EVENT_TYPE_TIMER_FIRED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_TimerFiredEventAttributes{TimerFiredEventAttributes: &history.TimerFiredEventAttributes{TimerId: fmt.Sprint(timer), StartedEventId: timer}}
	})
}

// attempt is one at the undo; it fails with an error that may go away, or is well.
func (c *chronicle) attempt(well bool) {
	scheduled := c.add(enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &history.ActivityTaskScheduledEventAttributes{
			ActivityId: "a.undo", ActivityType: &common.ActivityType{Name: "lamp.light"}, TaskQueue: &taskqueue.TaskQueue{Name: workflows.TaskQueue},
		}}
	})
	started := c.add(enums.EVENT_TYPE_ACTIVITY_TASK_STARTED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_ActivityTaskStartedEventAttributes{ActivityTaskStartedEventAttributes: &history.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled}}
	})
	if well {
		c.add(enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, func(e *history.HistoryEvent, _ int64) {
			e.Attributes = &history.HistoryEvent_ActivityTaskCompletedEventAttributes{ActivityTaskCompletedEventAttributes: &history.ActivityTaskCompletedEventAttributes{ScheduledEventId: scheduled, StartedEventId: started, Result: c.payloads(json.RawMessage(`{}`))}}
		})
		return
	}
	c.add(enums.EVENT_TYPE_ACTIVITY_TASK_FAILED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_ActivityTaskFailedEventAttributes{ActivityTaskFailedEventAttributes: &history.ActivityTaskFailedEventAttributes{
			ScheduledEventId: scheduled, StartedEventId: started,
			Failure: &failure.Failure{Message: "busy", FailureInfo: &failure.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failure.ApplicationFailureInfo{Type: "Busy"}}},
		}}
	})
}

func (c *chronicle) released() {
	c.add(enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, func(e *history.HistoryEvent, _ int64) {
		e.Attributes = &history.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &history.WorkflowExecutionSignaledEventAttributes{SignalName: workflows.ReleaseSignal, Input: c.payloads("p/1")}}
	})
}

func (c *chronicle) completed() {
	c.add(enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, func(e *history.HistoryEvent, id int64) {
		e.Attributes = &history.HistoryEvent_WorkflowExecutionCompletedEventAttributes{WorkflowExecutionCompletedEventAttributes: &history.WorkflowExecutionCompletedEventAttributes{WorkflowTaskCompletedEventId: id - 1}}
	})
}

// An expiry waits for hours and longer, so the worker that ends it is rarely the one that began: it
// goes on from its history, wherever the one before it stopped.
func TestExpiryReplays(t *testing.T) {
	for name, story := range map[string]func(c *chronicle){
		"waiting": func(c *chronicle) { c.task(); c.timer(4 * time.Hour) },
		"put back at the second attempt": func(c *chronicle) {
			c.task()
			c.fires(c.timer(4*time.Hour), 4*time.Hour)
			c.task()
			c.attempt(false)
			c.task()
			c.fires(c.timer(10*time.Second), 10*time.Second)
			c.task()
			c.attempt(true)
			c.task()
			c.completed()
		},
		"between two attempts": func(c *chronicle) {
			c.task()
			c.fires(c.timer(4*time.Hour), 4*time.Hour)
			c.task()
			c.attempt(false)
			c.task()
			c.timer(10 * time.Second)
		},
		"released": func(c *chronicle) {
			c.task()
			c.timer(4 * time.Hour)
			c.released()
			c.task()
			c.completed()
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &chronicle{T: t, now: time.Date(2026, 11, 20, 21, 14, 0, 0, time.UTC)}
			c.add(enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, func(e *history.HistoryEvent, _ int64) {
				e.Attributes = &history.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &history.WorkflowExecutionStartedEventAttributes{
					WorkflowType: &common.WorkflowType{Name: workflows.ExpiryType}, TaskQueue: &taskqueue.TaskQueue{Name: workflows.TaskQueue},
					WorkflowId: workflows.ExpiryID("p/1", "a"), OriginalExecutionRunId: "e1", FirstExecutionRunId: "e1", Attempt: 1,
					Input: c.payloads(workflows.ExpiryInput{
						Run: "p/1", Step: "a", Activity: "lamp.douse", Until: c.now.Add(4 * time.Hour),
						Undo: workflows.UndoCall{Call: activities.Call{Activity: "lamp.light", Version: 1, Input: json.RawMessage(`{"lamp":"desk"}`)}, Timeout: time.Minute},
					}),
				}}
			})
			story(c)
			r := worker.NewWorkflowReplayer()
			workflows.Bind(r)
			require.NoError(t, r.ReplayWorkflowHistoryWithOptions(nil, &history.History{Events: c.events}, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: workflows.ExpiryID("p/1", "a"), RunID: "e1"},
			}))
			// And one of something else does not replay.
			last := c.events[len(c.events)-1]
			if attributes := last.GetTimerStartedEventAttributes(); attributes != nil {
				attributes.TimerId = "99"
				require.Error(t, r.ReplayWorkflowHistoryWithOptions(nil, &history.History{Events: c.events}, worker.ReplayWorkflowHistoryOptions{}))
			}
		})
	}
}
