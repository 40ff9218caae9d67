package cli_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// record makes a ledger of one run that people let disable a key, with others in between, and signs
// checkpoints: record LEDGER KEY CHECKPOINTS.
func record(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: record LEDGER KEY CHECKPOINTS")
	}
	ctx := context.Background()
	signer, err := grant.LoadSigner(ts.MkAbs(args[1]), false)
	ts.Check(err)
	at := time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)
	l, err := ledger.Open(ctx, ts.MkAbs(args[0]), ledger.WithClock(func() time.Time { return at }))
	ts.Check(err)
	defer l.Close()
	file, last, err := ledger.OpenFile(ts.MkAbs(args[2]), signer.Keys())
	ts.Check(err)
	c := &ledger.Checkpointer{Ledger: l, Signer: signer, Places: []ledger.Place{file}, Last: last}
	for i, e := range recorded(ts, signer) {
		at = at.Add(time.Minute)
		ts.Check(l.Do(ctx, func(tx ledger.Tx) error {
			_, err := tx.Append(e)
			return err
		}))
		if i == 3 || i == 7 {
			_, err := c.Sign(ctx)
			ts.Check(err)
		}
	}
}

// recordedRun is the run that record records.
const recordedRun = "aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE"

func recorded(ts *testscript.TestScript, signer grant.Signer) []ledger.Entry {
	name := func(v any) digest.Digest {
		d, err := digest.Of(v)
		ts.Check(err)
		return d
	}
	sign := func(kind grant.Kind, v any) grant.Signed {
		s, err := signer.Sign(kind, v)
		ts.Check(err)
		return s
	}
	request := map[string]any{
		"id": "contain", "run": recordedRun, "execution": "x1", "playbook": "aws-compromised-access-key", "question": "Disable the key of ada?",
		"groups": []string{"secops"}, "people": []string{"bob"}, "quorum": 1, "digest": "",
	}
	asked := name(request)
	request["digest"] = asked
	event, inputs := map[string]any{"id": "1", "type": "aws.guardduty.finding"}, map[string]any{"user": "ada"}
	started := json.RawMessage(`{"playbook":"aws-compromised-access-key"}`)
	plan, call := name(started), name("call")
	ticket := grant.Ticket{ID: "t1", Run: recordedRun, Playbook: "aws-compromised-access-key", Plan: plan, Event: name(event), Inputs: name(inputs), Issued: time.Date(2026, 3, 14, 9, 0, 0, 0, time.UTC)}
	g := grant.Grant{
		ID: "g1", Run: recordedRun, Execution: "x1", Approval: "contain", Request: asked, Plan: plan,
		Calls:     []grant.Call{{Step: "disable", Digest: call}},
		Approvers: []grant.Approver{{Person: "bob", At: time.Date(2026, 3, 14, 9, 4, 0, 0, time.UTC), Surface: "cli"}},
		NotBefore: time.Date(2026, 3, 14, 9, 4, 0, 0, time.UTC), Expires: time.Date(2026, 3, 14, 9, 19, 0, 0, time.UTC),
	}
	signed := sign(grant.KindGrant, g)
	raw, err := json.Marshal(request)
	ts.Check(err)
	return []ledger.Entry{
		{Kind: ledger.Switch, Body: ledger.SwitchBody{By: "carol", Reason: "set up"}},
		{Kind: ledger.Run, Run: recordedRun, Key: ledger.TicketKey("t1"), Body: ledger.RunBody{
			Playbook: "aws-compromised-access-key", Digest: plan, Plan: started,
			Event: json.RawMessage(`{"id":"1","type":"aws.guardduty.finding"}`), Inputs: json.RawMessage(`{"user":"ada"}`), Ticket: sign(grant.KindTicket, ticket),
		}},
		{Kind: ledger.Request, Run: recordedRun, Key: ledger.RequestKey(asked), Body: ledger.RequestBody{Digest: asked, Request: raw, Card: "Disable the key of ada?"}},
		{Kind: ledger.Vote, Run: recordedRun, Key: ledger.VoteKey(asked, "bob"), Body: ledger.VoteBody{Request: asked, Approval: "contain", Person: "bob", Verdict: "approve", Surface: "cli"}},
		{Kind: ledger.Decision, Run: recordedRun, Key: ledger.DecisionKey(asked), Body: ledger.DecisionBody{Request: asked, Approval: "contain", Outcome: "approved", By: []string{"bob"}, Grant: &signed}},
		{Kind: ledger.Event, Body: ledger.EventBody{Event: json.RawMessage(`{"id":"of another run"}`)}},
		{Kind: ledger.Intent, Run: recordedRun, Key: ledger.UseKey("g1", recordedRun, "disable"), Body: ledger.IntentBody{
			Permission: "g1", PermissionKind: ledger.ByGrant, Workflow: recordedRun, Execution: "x1", Step: "disable", Attempt: 1,
			Activity: "aws.iam.disable_access_key", Version: 1, Effect: "change", Account: "1", Input: json.RawMessage(`{"user":"ada"}`), Digest: call, Approvers: []string{"bob"},
		}},
		{Kind: ledger.Outcome, Run: recordedRun, Key: ledger.OutcomeKey("g1", recordedRun, "disable"), Body: ledger.OutcomeBody{Intent: 7, Output: json.RawMessage(`{"status":"Inactive"}`), Requests: []string{"req-1"}}},
		{Kind: ledger.Switch, Body: ledger.SwitchBody{By: "carol", Reason: "a drill"}},
	}
}

// tamper changes a ledger below its triggers: tamper LEDGER STATEMENT.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper LEDGER STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	for _, statement := range []string{"DROP TRIGGER IF EXISTS records_update", "DROP TRIGGER IF EXISTS records_delete", args[1]} {
		_, err := db.Exec(statement)
		ts.Check(err)
	}
}
