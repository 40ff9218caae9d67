package evidence

import (
	"encoding/json"
	"fmt"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
)

// of is the approval that a request belongs to. Where the request itself is not among the records,
// what was said of it is told nevertheless.
func (t *teller) of(request digest.Digest, r ledger.Record) *Approval {
	i, ok := t.asked[request]
	if !ok {
		i = len(t.story.Approvals)
		t.asked[request] = i
		t.story.Approvals = append(t.story.Approvals, Approval{Record: r.Seq, At: r.At, Run: r.Run, Digest: request, Request: json.RawMessage("null")})
	}
	return &t.story.Approvals[i]
}

func (t *teller) approval(r ledger.Record) error {
	switch r.Kind {
	case ledger.Request:
		var body ledger.RequestBody
		if err := r.Read(&body); err != nil {
			return err
		}
		a := t.of(body.Digest, r)
		a.Record, a.At, a.Card = r.Seq, r.At, body.Card
		if body.Request != nil {
			a.Request = body.Request
		}
	case ledger.Vote:
		v := Vote{Record: r.Seq, At: r.At}
		if err := r.Read(&v.VoteBody); err != nil {
			return err
		}
		a := t.of(v.VoteBody.Request, r)
		a.Votes = append(a.Votes, v)
	case ledger.Delegation:
		var body ledger.DelegationBody
		if err := r.Read(&body); err != nil {
			return err
		}
		a := t.of(body.Request, r)
		a.Delegations = append(a.Delegations, body)
	case ledger.Edit:
		var body ledger.EditBody
		if err := r.Read(&body); err != nil {
			return err
		}
		a := t.of(body.Request, r)
		a.Edits = append(a.Edits, body)
	case ledger.Decision:
		return t.decision(r)
	}
	return nil
}

func (t *teller) decision(r ledger.Record) error {
	var body ledger.DecisionBody
	if err := r.Read(&body); err != nil {
		return err
	}
	d := Decision{Record: r.Seq, At: r.At, Outcome: body.Outcome, By: body.By, Reason: body.Reason, BreakGlass: body.BreakGlass}
	if body.Grant != nil {
		d.Grant = &grant.Grant{}
		if err := json.Unmarshal(body.Grant.Body, d.Grant); err != nil {
			return fmt.Errorf("read the grant in record %d: %w", r.Seq, err)
		}
	}
	t.of(body.Request, r).Decision = &d
	return nil
}

func (t *teller) intent(r ledger.Record) error {
	var body ledger.IntentBody
	if err := r.Read(&body); err != nil {
		return err
	}
	key := ledger.UseKey(body.Permission, body.Workflow, body.Step)
	i, ok := t.called[key]
	if !ok {
		i = len(t.story.Calls)
		t.called[key] = i
		t.story.Calls = append(t.story.Calls, Call{IntentBody: body})
	}
	c := &t.story.Calls[i]
	t.tried[r.Seq] = [2]int{i, len(c.Attempts)}
	c.Attempts = append(c.Attempts, Attempt{Record: r.Seq, At: r.At})
	return nil
}

func (t *teller) end(r ledger.Record) error {
	var intent int64
	var end Attempt
	switch r.Kind {
	case ledger.Outcome:
		var body ledger.OutcomeBody
		if err := r.Read(&body); err != nil {
			return err
		}
		intent, end.Output, end.Requests = body.Intent, body.Output, body.Requests
	default:
		var body ledger.FailureBody
		if err := r.Read(&body); err != nil {
			return err
		}
		intent, end.Error, end.Requests = body.Intent, body.Error, body.Requests
	}
	at, ok := t.tried[intent]
	if !ok {
		t.story.Others = append(t.story.Others, Other{r.Seq, r.At, r.Kind, r.Body})
		return nil
	}
	a := &t.story.Calls[at[0]].Attempts[at[1]]
	a.Ended, a.Output, a.Error, a.Requests = &r.At, end.Output, end.Error, end.Requests
	return nil
}
