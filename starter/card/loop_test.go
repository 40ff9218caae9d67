package card_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/playbook"
)

// A loop tells how many of its items are done, and each that failed; what is theirs is made harmless.
func TestLoop(t *testing.T) {
	row := &workflows.StepStatus{ID: "each", Verb: "for_each", Status: playbook.StatusFailed, Error: "stopped after 8 of 20", Loop: &workflows.LoopStatus{
		Items: 20, Done: 5, Failed: 3, Left: 12, Wave: 2, Waves: 3, Stopped: true,
		Failures: []workflows.Failure{{Index: 3, Item: json.RawMessage(`{"account":"111122223333"}`), Error: "denied\x1b[31m"}, {Index: 5, Error: "gone"}},
	}}
	st := &workflows.Status{Run: "r", State: workflows.Failed, Steps: []*workflows.StepStatus{row}}
	var out strings.Builder
	require.NoError(t, card.Story(&out, st))
	require.Contains(t, out.String(), "5 of 20 done, 3 failed, 12 left, wave 2 of 3, stopped")
	require.Contains(t, out.String(), `failed [3] {"account":"111122223333"}: denied`)
	require.NotContains(t, out.String(), "\x1b[31m")
	require.Contains(t, out.String(), "failed [5]: gone")
	require.Contains(t, out.String(), "…[+1 failed]")

	// While it runs, each wave is told once.
	out.Reset()
	p := card.NewProgress(&out)
	row.Status, row.Error = playbook.StatusRunning, ""
	for range 2 {
		p.See(st)
	}
	require.Equal(t, 1, strings.Count(out.String(), "wave 2 of 3"))
}
