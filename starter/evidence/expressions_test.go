package evidence_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/all"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/starter/evidence"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// What decided in a run can be evaluated again: what reads the event and the inputs from the record
// alone, the rest from what the run says that its steps gave.
func TestExpressions(t *testing.T) {
	const run = "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE"
	registry := activities.NewRegistry()
	all.Register(registry, all.Options{})
	lib, problems, err := library.Load(playbooks.Files, library.Catalog(registry))
	require.NoError(t, err)
	require.Empty(t, problems)
	pb, err := lib.ByName("aws-compromised-access-key")
	require.NoError(t, err)
	raw, err := os.ReadFile("../../playbooks/events/guardduty-iam-malicious-ip-caller.json")
	require.NoError(t, err)
	ev, err := gateway.Normalise(raw)
	require.NoError(t, err)
	in, err := workflows.NewInput(pb, ev, nil)
	require.NoError(t, err)
	body := ledger.RunBody{Playbook: pb.Name, Plan: encode(t, pb.Plan), Event: encode(t, ev), Inputs: encode(t, in.Inputs)}
	records := []ledger.Record{{Seq: 1, Kind: ledger.Run, Run: run, Body: encode(t, body)}}

	// From the record alone.
	b := evidence.Bundle{Run: run, Records: records}
	require.NoError(t, b.Evaluate())
	byWhere := map[string]evidence.Expression{}
	for _, e := range b.Expressions {
		byWhere[e.Where] = e
	}
	require.True(t, byWhere["if of the trigger"].Proven)
	require.JSONEq(t, "true", string(byWhere["if of the trigger"].Value))
	require.JSONEq(t, `"AKIAIOSFODNN7EXAMPLE"`, string(byWhere["dedupe of the trigger"].Value))
	require.Equal(t, `inputs.user_type == "IAMUser"`, byWhere["case 1 of kind"].Source)
	require.JSONEq(t, "true", string(byWhere["case 1 of kind"].Value))
	require.NotEmpty(t, byWhere["outcome"].Error, "what reads steps has no value without the run's word")
	require.False(t, byWhere["outcome"].Proven)

	// With the run's own story.
	one := 1
	status := workflows.Status{
		Run: run, Steps: []*workflows.StepStatus{
			{ID: "finding", Status: playbook.StatusDone, Output: json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","user_name":"ci-deployer","user_type":"IAMUser","severity":5,"title":"t"}`)},
			{ID: "kind", Status: playbook.StatusDone, Case: &one},
			{ID: "contain_user", Status: playbook.StatusDone},
		},
		Approvals: []*workflows.ApprovalStatus{{
			Request:  approval.Request{ID: "contain_user"},
			Decision: &approval.Decision{Outcome: approval.Approved, By: []string{"alice"}, Reason: "it is leaked", At: time.Unix(1, 0)},
		}},
	}
	b.Status = encode(t, status)
	require.NoError(t, b.Evaluate())
	last := b.Expressions[len(b.Expressions)-1]
	require.Equal(t, "outcome", last.Where)
	require.Contains(t, string(last.Value)+last.Error, "contained")
}

func TestExpressionsWithoutRecord(t *testing.T) {
	_, err := evidence.Expressions(nil, "absent/1", nil)
	require.ErrorIs(t, err, evidence.ErrNoRun)
	long := []ledger.Record{{Kind: ledger.Run, Run: "long/1", Body: encode(t, ledger.RunBody{Plan: json.RawMessage(`{"format":1,"document":{}}`)})}}
	_, err = evidence.Expressions(long, "long/1", nil)
	require.ErrorContains(t, err, "too long for the record")
}

func encode(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}
