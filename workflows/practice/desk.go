// Package practice stands in for the gateway's desk and the worker's authority where runs are
// rehearsed and tested. Its desk signs what people say with a key of its own, and answers what a run
// asks the worker: the policy from a function, and which signatures are good. Nobody trusts the key,
// so what it signs permits nothing anywhere else.
package practice

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/policy"
)

// Desk is a desk for practice. Its methods may be called side by side.
type Desk struct {
	// Judge is what policy says of a call; nil: every call is automatic.
	Judge func(workflows.JudgeCall) policy.Verdict

	// Ticked tells what became of a tick; nil: nobody takes it.
	Ticked func(workflows.Ticking) (workflows.Ticked, error)

	// Told hears what runs tell; nil: nobody does.
	Told func(workflows.Told)

	signer grant.Signer
	mu     sync.Mutex
	open   map[digest.Digest]*approval.Standing
}

// New returns a desk with a new key.
func New() *Desk {
	_, key, _ := ed25519.GenerateKey(nil) // never fails
	return &Desk{signer: grant.NewSigner(key), open: map[digest.Digest]*approval.Standing{}}
}

// Bind registers what a run asks of the worker it runs in.
func (d *Desk) Bind(r activities.Registrar) {
	r.RegisterActivityWithOptions(d.judge, activity.RegisterOptions{Name: workflows.JudgeActivity})
	r.RegisterActivityWithOptions(d.check, activity.RegisterOptions{Name: workflows.CheckActivity})
	r.RegisterActivityWithOptions(d.tell, activity.RegisterOptions{Name: workflows.TellActivity})
	r.RegisterActivityWithOptions(d.tick, activity.RegisterOptions{Name: workflows.TickActivity})
}

func (d *Desk) judge(_ context.Context, in workflows.JudgeInput) (workflows.Judged, error) {
	judged := workflows.Judged{Policy: "sha256:practice"}
	for _, call := range in.Calls {
		verdict := policy.Verdict{Mode: policy.Automatic, Rule: "practice"}
		if d.Judge != nil {
			verdict = d.Judge(call)
		}
		judged.Verdicts = append(judged.Verdicts, verdict)
	}
	return judged, nil
}

func (d *Desk) check(_ context.Context, signed grant.Signed) (workflows.Checked, error) {
	var body json.RawMessage
	if err := d.signer.Keys().Open(&signed, signed.Kind, &body); err != nil {
		return workflows.Checked{}, activities.Permanent("Forged", err)
	}
	return workflows.Checked{Kind: signed.Kind, Body: body}, nil
}

func (d *Desk) tick(_ context.Context, in workflows.Ticking) (workflows.Ticked, error) {
	if d.Ticked == nil {
		return workflows.Ticked{State: workflows.TickWaiting}, nil
	}
	return d.Ticked(in)
}

func (d *Desk) tell(_ context.Context, told workflows.Told) error {
	if d.Told != nil {
		d.Told(told)
	}
	return nil
}

// Vote takes one person's answer to a request and signs how the request then stands. It counts as
// little as practice needs: one no decides, and so does as many yes as any group needs.
func (d *Desk) Vote(r approval.Request, v approval.Vote) (grant.Signed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	standing := d.open[r.Digest]
	if standing == nil {
		standing = &approval.Standing{Run: r.Run, Execution: r.Execution, Approval: r.ID, Request: r.Digest}
		d.open[r.Digest] = standing
	}
	voted := slices.ContainsFunc(standing.Votes, func(earlier approval.Vote) bool { return earlier.Person == v.Person })
	switch {
	case !slices.Contains(r.People, v.Person):
		return grant.Signed{}, fmt.Errorf("%w: %s is not among those who may answer (%s)", approval.ErrRefused, v.Person, strings.Join(r.Groups, ", "))
	case standing.Decision == nil && !voted:
		standing.Votes = append(standing.Votes, v)
		if err := d.decide(r, standing, v); err != nil {
			return grant.Signed{}, err
		}
	}
	return d.signer.Sign(grant.KindStanding, standing)
}

// decide sets the decision that the latest vote makes, with the grant of a yes.
func (d *Desk) decide(r approval.Request, s *approval.Standing, v approval.Vote) error {
	decision := approval.Decision{By: []string{}, Reason: v.Reason, At: v.At}
	if v.Verdict == approval.Reject {
		decision.Outcome, decision.By = approval.Rejected, []string{v.Person}
		if v.Reason == "" {
			decision.Reason = "rejected by " + v.Person
		}
		s.Decision = &decision
		return nil
	}
	quorum := 0
	for _, need := range r.Needs() {
		quorum = max(quorum, need.Quorum)
	}
	if len(s.Votes) < quorum {
		return nil
	}
	g, err := Grant(r, s.Votes)
	if err != nil {
		return err
	}
	signed, err := d.signer.Sign(grant.KindGrant, g)
	if err != nil {
		return err
	}
	decision.Outcome = approval.Approved
	for _, yes := range s.Votes {
		decision.By = append(decision.By, yes.Person)
	}
	s.Decision, s.Grant = &decision, &signed
	return nil
}

// Grant is what a yes to a request permits.
func Grant(r approval.Request, votes []approval.Vote) (grant.Grant, error) {
	g := grant.Grant{
		ID: grant.NewID(), Run: r.Run, Execution: r.Execution, Approval: r.ID, Request: r.Digest, Plan: r.Plan, Policy: r.PolicyDigest,
		Needs: r.Needs(), NotBefore: r.Asked, Expires: r.Asked.Add(365 * 24 * time.Hour),
	}
	for _, v := range votes {
		g.Approvers = append(g.Approvers, grant.Approver{Person: v.Person, At: v.At, Surface: "practice"})
	}
	calls, err := r.Grants()
	if err == nil {
		err = g.Cover(calls)
	}
	return g, err
}

// Keep signs a person's word that what was done for a while stays.
func (d *Desk) Keep(k grant.Keep) (grant.Signed, error) { return d.signer.Sign(grant.KindKeep, k) }

// Answer signs the answer to a question.
func (d *Desk) Answer(q approval.Question, a approval.Answer) (grant.Signed, error) {
	return d.signer.Sign(grant.KindAnswer, approval.AnswerOrder{Run: q.Run, Execution: q.Execution, Answer: a})
}

// Sign signs anything, for tests of what a run does not believe.
func (d *Desk) Sign(kind grant.Kind, body any) (grant.Signed, error) {
	return d.signer.Sign(kind, body)
}
