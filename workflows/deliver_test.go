package workflows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
)

// story is the answer to a query.
type story string

func (s story) HasValue() bool   { return true }
func (s story) Get(to any) error { return json.Unmarshal([]byte(s), to) }

// Whoever may write to the namespace can have a run say anything.
func TestStatusThatIsNone(t *testing.T) {
	for _, says := range []string{"steps", "approvals", "questions", "undone", "left", "expiring"} {
		m := mocks.NewClient(t)
		m.On("QueryWorkflow", mock.Anything, "p/1", "", workflows.StatusQuery).Return(story(`{"`+says+`":[null]}`), nil)
		_, err := workflows.Client{Temporal: m}.Status(t.Context(), "p/1")
		require.ErrorContains(t, err, "it lists what is not there", says)
	}
}

// An event costs one call, whether or not somebody waits for it; one that is too large is refused
// only where somebody does.
func TestDeliver(t *testing.T) {
	const id = "countersign.waits/lamp.mended"
	gone := serviceerror.NewNotFound("no such workflow")
	described := func(status enums.WorkflowExecutionStatus) *client.WorkflowExecutionDescription {
		d := &client.WorkflowExecutionDescription{}
		d.Status = status
		return d
	}
	small := json.RawMessage(`{}`)
	large := json.RawMessage(`"` + strings.Repeat("x", workflows.MaxCandidate) + `"`)
	for name, tc := range map[string]struct {
		data   json.RawMessage
		answer func(*mocks.Client)
		waited bool
		says   string
	}{
		"somebody waits": {small, func(c *mocks.Client) {
			c.On("SignalWorkflow", mock.Anything, id, "", workflows.EventSignal, mock.Anything).Return(nil)
		}, true, ""},
		"nobody waits": {small, func(c *mocks.Client) {
			c.On("SignalWorkflow", mock.Anything, id, "", workflows.EventSignal, mock.Anything).Return(gone)
		}, false, ""},
		"no answer": {small, func(c *mocks.Client) {
			c.On("SignalWorkflow", mock.Anything, id, "", workflows.EventSignal, mock.Anything).Return(errors.New("no route"))
		}, false, `deliver the event "m1" to the runs that wait for lamp.mended: no route`},
		"too large": {large, func(c *mocks.Client) {
			c.On("DescribeWorkflow", mock.Anything, id, "").Return(described(enums.WORKFLOW_EXECUTION_STATUS_RUNNING), nil)
		}, false, "the event is too large for the runs that wait for its type"},
		"too large, and nobody waits": {large, func(c *mocks.Client) {
			c.On("DescribeWorkflow", mock.Anything, id, "").Return(nil, gone)
		}, false, ""},
		"too large, and nobody waits any more": {large, func(c *mocks.Client) {
			c.On("DescribeWorkflow", mock.Anything, id, "").Return(described(enums.WORKFLOW_EXECUTION_STATUS_COMPLETED), nil)
		}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := &mocks.Client{}
			tc.answer(c)
			waited, err := workflows.Client{Temporal: c}.Deliver(t.Context(), event.Event{ID: "m1", Source: "hall", Type: "lamp.mended", Data: tc.data})
			require.Equal(t, tc.waited, waited)
			if tc.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.says)
			}
			c.AssertExpectations(t)
		})
	}
	waited, err := workflows.Client{Temporal: &mocks.Client{}}.Deliver(t.Context(), event.Event{Type: strings.Repeat("x", 300)})
	require.NoError(t, err)
	require.False(t, waited, "no playbook can wait for it, and nobody is asked")
}
