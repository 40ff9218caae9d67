package card_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Of many calls the counts come first, and then every one of them with all that is decided about.
func TestManyCalls(t *testing.T) {
	a := &workflows.ApprovalStatus{Request: approval.Request{ID: "contain", Run: "r", Question: "All?"}}
	for i := range 1000 {
		c := approval.Call{
			Step: fmt.Sprintf("each[%d].disable", i), Activity: "aws.iam.disable_access_key", Version: 1, Effect: "change", Undo: "aws.iam.enable_access_key",
			Targets: []string{"user"}, Input: json.RawMessage(fmt.Sprintf(`{"account":"1111222%05d","user":"u-%d"}`, i%40, i)),
			Preview: &preview.Preview{Changes: []preview.Change{{Target: "key", What: "status", Before: "Active", After: fmt.Sprint("off-", i)}}},
		}
		if i == 500 {
			c.Input = json.RawMessage(`{"account":"111122200020","user":"u-500","force":true}`)
			c.Preview, c.Unshown = nil, &approval.Unshown{Changes: 12, Digest: "sha256:aabbccddeeff00112233"}
		}
		a.Calls = append(a.Calls, c)
	}
	st := &workflows.Status{Run: "r", Steps: []*workflows.StepStatus{{ID: "each", Verb: "for_each", Loop: &workflows.LoopStatus{Items: 1000, Done: 3, Left: 997}}}}
	var out strings.Builder
	require.NoError(t, card.Request(&out, st, a, time.Time{}))
	text := out.String()
	require.Contains(t, text, "1000  aws.iam.disable_access_key")
	require.Contains(t, text, "25  111122200039")
	for i := range 1000 {
		require.Contains(t, text, fmt.Sprintf("%4d. each[%d].disable  account 1111222%05d, user u-%d\n", i+1, i, i%40, i))
		if i != 500 {
			require.Contains(t, text, fmt.Sprintf("Active → off-%d\n", i))
		}
	}
	require.Contains(t, text, "12 things, not shown as there is no room for all (")
	require.Contains(t, text, "force    true")
	require.Contains(t, text, "each: 3 of 1000 done, 997 left")
}
