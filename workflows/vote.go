package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/approval"
)

// VoteResult tells whoever cast a vote what it led to.
type VoteResult struct {
	Votes int `json:"votes"`
	// Decision is set once the request is decided.
	Decision *approval.Decision `json:"decision,omitempty"`
}

// signalled counts a vote that came by signal, after the checks that an update's validator makes.
func (r *run) signalled(ctx workflow.Context, v approval.Vote) {
	err := r.admit(ctx, v)
	if err == nil {
		_, err = r.vote(ctx, v)
	}
	if err == nil {
		return
	}
	workflow.GetLogger(ctx).Warn("a vote by signal does not count", "approval", clip(v.Approval), "person", clip(v.Person), "error", clip(err.Error()))
	if a := r.find(v.Approval); a != nil {
		a.Refused = remember(a.Refused, v.Person, err)
	}
}

// find finds a request by its name; the last one, where a step was run again.
func (r *run) find(id string) *ApprovalStatus {
	for _, a := range slices.Backward(r.status.Approvals) {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// admit changes nothing: it is also the update's validator.
func (r *run) admit(ctx workflow.Context, v approval.Vote) error {
	a := r.find(v.Approval)
	err := fmt.Errorf("%w: the run %s is not asking %q", approval.ErrRefused, r.status.Run, clip(v.Approval))
	if a != nil && a.Decision != nil && a.Decision.Outcome == approval.Withdrawn {
		err = fmt.Errorf("%w: the request was withdrawn: %s", approval.ErrRefused, a.Decision.Reason)
	} else if a != nil {
		err = a.Admit(a.Votes, v, workflow.Now(ctx))
	}
	if err == nil {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(err.Error(), RefusedType, nil)
}

// RefusedType is the error type of a vote, or an answer, that does not count.
const RefusedType = "VoteRefused"

// vote counts an admitted vote. Between the validator and here other votes may have been counted,
// so it is admitted again.
func (r *run) vote(ctx workflow.Context, v approval.Vote) (VoteResult, error) {
	if err := r.admit(ctx, v); err != nil {
		return VoteResult{}, err
	}
	a := r.find(v.Approval)
	now := workflow.Now(ctx)
	v.At = now
	repeated := false
	for _, earlier := range a.Votes {
		repeated = repeated || earlier.Person == v.Person
	}
	if !repeated {
		a.Votes = append(a.Votes, v)
	}
	if d, done := a.Decide(a.Votes, now); done && a.Decision == nil {
		a.Decision = &d
	}
	return VoteResult{Votes: len(a.Votes), Decision: a.Decision}, nil
}

// decide shows a request and waits for the decision, or for the end of its time.
func (r *run) decide(ctx workflow.Context, row *StepStatus, request approval.Request) (approval.Decision, error) {
	a := &ApprovalStatus{Request: request, size: weigh(request)}
	kept, gone := prune(append(r.status.Approvals, a))
	r.status.Approvals, r.status.Unlisted = kept, r.status.Unlisted+gone
	if err := r.forPeople(ctx, row, request.Expires, func() bool { return a.Decision != nil }); err != nil {
		a.withdraw("the run went on without it", workflow.Now(ctx))
		return approval.Decision{}, err
	}
	if a.Decision == nil {
		// The timer has ended the time to decide, whatever a server's clock says since.
		d, _ := a.Decide(a.Votes, later(workflow.Now(ctx), request.Expires))
		a.Decision = &d
	}
	return *a.Decision, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (a *ApprovalStatus) withdraw(why string, now time.Time) {
	if a.Decision == nil {
		a.Decision = &approval.Decision{Outcome: approval.Withdrawn, By: []string{}, Reason: why, At: now}
	}
}
