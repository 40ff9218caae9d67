package slack_test

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

// asks lets the run ask, and say so.
func (o *office) asks(change ...func(*approval.Request)) approval.Request {
	o.t.Helper()
	r := o.request(change...)
	o.tells(r.ID, r.Digest, false, r.Asked, r.Expires)
	return r
}

func (o *office) request(change ...func(*approval.Request)) approval.Request {
	o.t.Helper()
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(o.t, err)
	now := time.Now().UTC()
	r := approval.Request{
		ID: "contain_user", Run: run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), Question: "Disable the key?",
		Groups: []string{"secops-oncall"}, People: []string{"alice", "bob"}, Quorum: 1, Asked: now, Expires: now.Add(time.Hour),
	}
	input := json.RawMessage(`{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`)
	const name = "aws.iam.disable_access_key"
	s := pb.Plan.Activities[name]
	sum, err := activities.Call{Activity: name, Version: s.Version, Input: input}.Digest()
	require.NoError(o.t, err)
	r.Calls = []approval.Call{{
		Step: "disable", Activity: name, Version: s.Version, Effect: string(s.Effect), Undo: s.Undo, Targets: s.Targets, Input: input, Digest: sum,
		Preview: &preview.Preview{Changes: []preview.Change{{Target: "AKIAIOSFODNN7EXAMPLE", What: "status", Before: "Active", After: "Inactive"}}},
	}}
	for _, f := range change {
		f(&r)
	}
	require.NoError(o.t, r.Seal())
	o.mu.Lock()
	defer o.mu.Unlock()
	st := o.now()
	st.Approvals = append(st.Approvals, &workflows.ApprovalStatus{Request: r})
	o.status[run] = st
	return r
}

// now is a copy of the run's status.
func (o *office) now() *workflows.Status {
	if st := o.status[run]; st != nil {
		again := *st
		again.Approvals, again.Questions = slices.Clone(st.Approvals), slices.Clone(st.Questions)
		return &again
	}
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(o.t, err)
	return &workflows.Status{Run: run, Execution: "e1", Playbook: pb.Name, Title: pb.Title, Plan: pb.Digest(), State: workflows.Waiting, Started: time.Now()}
}

// questions lets the run ask a question.
func (o *office) questions() approval.Question {
	o.t.Helper()
	pb, err := shipped().ByName("aws-compromised-access-key")
	require.NoError(o.t, err)
	now := time.Now().UTC()
	q := approval.Question{
		ID: "expected", Run: run, Execution: "e1", Playbook: pb.Name, Plan: pb.Digest(), Question: "Is it expected?",
		Form: approval.Form{{Name: "note", Type: expr.String}}, Groups: []string{"secops-oncall"}, People: []string{"alice", "bob"}, Asked: now, Expires: now.Add(time.Hour),
	}
	require.NoError(o.t, q.Seal())
	o.mu.Lock()
	st := o.now()
	st.Questions = append(st.Questions, &workflows.QuestionStatus{Question: q})
	o.status[run] = st
	o.mu.Unlock()
	o.tells(q.ID, q.Digest, true, q.Asked, q.Expires)
	return q
}

// tells puts a run's word on record that it asks.
func (o *office) tells(id string, name digest.Digest, question bool, asked, expires time.Time) {
	o.t.Helper()
	o.append(ledger.Entry{Kind: ledger.Asked, Run: run, Key: ledger.AskedKey(run, name), Topic: string(name), Body: ledger.AskedBody{
		ID: id, Digest: name, Execution: "e1", Question: question, Asked: asked, Expires: expires,
	}})
}

func (o *office) append(e ledger.Entry) ledger.Record {
	o.t.Helper()
	var rec ledger.Record
	require.NoError(o.t, o.ledger.Do(context.Background(), func(tx ledger.Tx) (err error) {
		rec, err = tx.Append(e)
		return err
	}))
	return rec
}

// ends lets the run end.
func (o *office) ends(state workflows.State, outcome, why string) {
	o.t.Helper()
	o.mu.Lock()
	st := o.now()
	st.State, st.Outcome, st.Error = state, outcome, why
	o.status[run] = st
	o.mu.Unlock()
	o.append(ledger.Entry{Kind: ledger.Ended, Run: run, Key: ledger.EndedKey(run, "e1"), Body: ledger.EndedBody{
		Execution: "e1", Playbook: "aws-compromised-access-key", State: string(state), Outcome: outcome, Error: why,
	}})
}

// decides lets a request end by itself, as its run tells.
func (o *office) decides(r approval.Request, how approval.Outcome) {
	o.t.Helper()
	o.append(ledger.Entry{Kind: ledger.Decision, Run: run, Key: ledger.DecisionKey(r.Digest), Body: ledger.DecisionBody{
		Request: r.Digest, Approval: r.ID, Outcome: string(how), Decided: time.Now().UTC(),
	}})
}

// does lets the covered call be made, or fail.
func (o *office) does(r approval.Request, why string) {
	o.t.Helper()
	decisions := records[ledger.DecisionBody](o, ledger.Decision)
	var g grant.Grant
	require.NoError(o.t, o.signer.Keys().Open(decisions[len(decisions)-1].Grant, grant.KindGrant, &g))
	c := r.Calls[0]
	intent := o.append(ledger.Entry{Kind: ledger.Intent, Run: run, Body: ledger.IntentBody{
		Permission: g.ID, PermissionKind: ledger.ByGrant, Workflow: run, Execution: "e1", Step: c.Step, Activity: c.Activity, Version: c.Version, Input: c.Input, Digest: c.Digest,
	}})
	if why != "" {
		o.append(ledger.Entry{Kind: ledger.Failure, Run: run, Body: ledger.FailureBody{Intent: intent.Seq, Error: why}})
		return
	}
	undo := ledger.CallBody{Activity: "aws.iam.enable_access_key", Version: 1, Input: c.Input}
	topic, err := activities.Call{Activity: undo.Activity, Version: undo.Version, Input: undo.Input}.Digest()
	require.NoError(o.t, err)
	o.append(ledger.Entry{Kind: ledger.Outcome, Run: run, Topic: string(topic), Body: ledger.OutcomeBody{Intent: intent.Seq, Output: json.RawMessage(`{}`), Undo: &undo}})
}

// records are the bodies of all records of a kind.
func records[T any](o *office, kind ledger.Kind) []T {
	o.t.Helper()
	var bodies []T
	require.NoError(o.t, o.ledger.View(context.Background(), func(tx ledger.Tx) error {
		list, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{kind}})
		for _, r := range list {
			var b T
			require.NoError(o.t, json.Unmarshal(r.Body, &b))
			bodies = append(bodies, b)
		}
		return err
	}))
	return bodies
}

// takesBack lets the run that undoes make its call.
func (o *office) takesBack(run string) {
	o.t.Helper()
	outcomes := records[ledger.OutcomeBody](o, ledger.Outcome)
	undo := outcomes[0].Undo
	sum, err := activities.Call{Activity: undo.Activity, Version: undo.Version, Input: undo.Input}.Digest()
	require.NoError(o.t, err)
	intent := o.append(ledger.Entry{Kind: ledger.Intent, Run: run, Body: ledger.IntentBody{
		Permission: "t", PermissionKind: ledger.ByTicket, Workflow: run, Execution: "e1", Step: "undo", Activity: undo.Activity, Version: undo.Version, Input: undo.Input, Digest: sum, Undo: ledger.UndoByPerson,
	}})
	o.append(ledger.Entry{Kind: ledger.Outcome, Run: run, Body: ledger.OutcomeBody{Intent: intent.Seq, Output: json.RawMessage(`{}`)}})
}
