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

// A list of texts among the targets is said once, text by text; what else a call is given stands below.
func TestManyCallsOnLists(t *testing.T) {
	a := &workflows.ApprovalStatus{Request: approval.Request{ID: "close", Run: "r", Question: "All?"}}
	for i := range 30 {
		input := fmt.Sprintf(`{"account":"111122223333","rule_ids":["sgr-%d","sgr b"]}`, i)
		switch i {
		case 1:
			input = `{"account":"111122223333","rule_ids":[]}`
		case 2:
			input = `{"account":"111122223333","rule_ids":["sgr-2",null]}`
		}
		a.Calls = append(a.Calls, approval.Call{
			Step: fmt.Sprintf("each[%d].revoke", i), Activity: "aws.ec2.revoke_open_ingress", Version: 1, Effect: "change", Undo: "aws.ec2.restore_ingress",
			Targets: []string{"rule_ids"}, Input: json.RawMessage(input),
		})
	}
	var out strings.Builder
	require.NoError(t, card.Request(&out, &workflows.Status{Run: "r"}, a, time.Time{}))
	require.Contains(t, out.String(), "1. each[0].revoke  account 111122223333, rule_ids sgr-0, rule_ids sgr b\n     2. each[1]")
	require.Contains(t, out.String(), "2. each[1].revoke  account 111122223333, rule_ids \"[]\"\n        account   111122223333\n")
	require.Contains(t, out.String(), "3. each[2].revoke  account 111122223333, rule_ids \"[\\\"sgr-2\\\",null]\"\n        account   111122223333\n")
}
