package workflows

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"
)

// recordOnce calls record in a workflow. With a history, what was recorded there is given back in
// place of the evaluation, as a replay does.
func recordOnce[T any](t *testing.T, stable bool, history any, evaluate func() (T, error)) (T, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	if history != nil {
		env.OnSideEffect().Return(history)
	}
	var value T
	var failed error
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		value, failed = record(ctx, stable, evaluate)
		return nil
	})
	require.NoError(t, env.GetWorkflowError())
	return value, failed
}

func TestRecord(t *testing.T) {
	calls := 0
	evaluate := func() (json.RawMessage, error) {
		calls++
		return json.RawMessage(`{"b":1.0,"a":[9007199254740993,null]}`), nil
	}
	for _, stable := range []bool{true, false} {
		got, err := recordOnce(t, stable, nil, evaluate)
		require.NoError(t, err)
		require.Equal(t, `{"b":1.0,"a":[9007199254740993,null]}`, string(got), "what comes back is what was evaluated")
	}
	require.Equal(t, 2, calls)

	list, err := recordOnce(t, false, nil, func() ([]json.RawMessage, error) {
		return []json.RawMessage{json.RawMessage(`1.0`), json.RawMessage(`"<&>"`)}, nil
	})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, `1.0`, string(list[0]))
	require.JSONEq(t, `"<&>"`, string(list[1]))

	holds, err := recordOnce(t, false, nil, func() (bool, error) { return true, nil })
	require.NoError(t, err)
	require.True(t, holds)
}

// An error is a result like any other: on replay it must come again, and as the same text.
func TestRecordedErrors(t *testing.T) {
	for _, stable := range []bool{true, false} {
		_, err := recordOnce(t, stable, nil, func() (json.RawMessage, error) { return nil, errors.New("no such key: n") })
		require.EqualError(t, err, "no such key: n")
	}
}

// What stands in the history counts, whatever an evaluation would give today; what is proved to be
// stable leaves nothing there.
func TestRecordReplays(t *testing.T) {
	never := func() (bool, error) {
		require.Fail(t, "evaluated again")
		return false, nil
	}
	got, err := recordOnce(t, false, map[string]any{"value": true}, never)
	require.NoError(t, err)
	require.True(t, got)
	_, err = recordOnce(t, false, map[string]any{"value": false, "error": "no such key: n"}, never)
	require.EqualError(t, err, "no such key: n")

	got, err = recordOnce(t, true, map[string]any{"value": true}, func() (bool, error) { return false, nil })
	require.NoError(t, err)
	require.False(t, got)
}
