package redteam

import (
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
)

// history are the events of a kind in the history of a run.
func (w *world) history(run, execution string, kind enums.EventType) []*history.HistoryEvent {
	w.Helper()
	var found []*history.HistoryEvent
	events := w.mallory.GetWorkflowHistory(w.Context(), run, execution, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(w, err)
		if kind == enums.EVENT_TYPE_UNSPECIFIED || e.EventType == kind {
			found = append(found, e)
		}
	}
	return found
}
