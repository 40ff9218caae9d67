package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// VoteResult tells whoever cast a vote what it led to.
type VoteResult struct {
	Votes int `json:"votes"`
	// Decision is set once the request is decided.
	Decision *approval.Decision `json:"decision,omitempty"`
}

// A run remembers so many refused signals, and so many bytes of each; anybody may send them.
const (
	maxRefused     = 20
	maxRefusedText = 300
)

func clip(s string) string {
	if len(s) <= maxRefusedText {
		return s
	}
	return strings.ToValidUTF8(s[:maxRefusedText], "") + "…"
}

// listen takes votes and repeats for as long as the run lives.
func (r *run) listen(ctx workflow.Context) error {
	err := workflow.SetUpdateHandlerWithOptions(ctx, DecideUpdate,
		func(ctx workflow.Context, v approval.Vote) (VoteResult, error) { return r.vote(ctx, v) },
		workflow.UpdateHandlerOptions{
			Validator:   func(ctx workflow.Context, v approval.Vote) error { return r.admit(ctx, v) },
			Description: "one person's answer to an approval",
		})
	if err != nil {
		return fmt.Errorf("set up the decide update: %w", err)
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		votes := workflow.GetSignalChannel(ctx, DecideSignal)
		repeats := workflow.GetSignalChannel(ctx, RepeatSignal)
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(votes, func(c workflow.ReceiveChannel, _ bool) {
			// Receive would wait for the next signal when this one is not a vote.
			var v approval.Vote
			if c.ReceiveAsync(&v) {
				r.signalled(ctx, v)
			}
		})
		selector.AddReceive(repeats, func(c workflow.ReceiveChannel, _ bool) {
			var ref EventRef
			if c.ReceiveAsync(&ref) {
				r.status.Repeats++
			}
		})
		for {
			selector.Select(ctx)
		}
	})
	return nil
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
	if a := r.find(v.Approval); a != nil && len(a.Refused) < maxRefused {
		a.Refused = append(a.Refused, clip(fmt.Sprintf("%s: %v", v.Person, err)))
	}
}

func (r *run) find(id string) *ApprovalStatus {
	for _, a := range r.status.Approvals {
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

// RefusedType is the error type of a vote that does not count.
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

// ask shows a request and waits for the decision, or for the end of its time.
func (r *run) ask(ctx workflow.Context, row *StepStatus, request approval.Request) (approval.Decision, error) {
	a := &ApprovalStatus{Request: request}
	r.status.Approvals = append(r.status.Approvals, a)
	r.status.prune()
	r.mark(row, playbook.StatusWaiting)
	r.status.State = Waiting
	r.status.waiting++
	defer func() {
		if r.status.waiting--; r.status.waiting == 0 {
			r.status.State = Running
		}
	}()
	_, err := workflow.AwaitWithTimeout(ctx, request.Expires.Sub(workflow.Now(ctx)), func() bool { return a.Decision != nil })
	if err != nil {
		a.withdraw("the run went on without it", workflow.Now(ctx))
		return approval.Decision{}, err
	}
	if a.Decision == nil {
		// The timer has ended the time to decide, whatever a server's clock says since.
		d, _ := a.Decide(a.Votes, later(workflow.Now(ctx), request.Expires))
		a.Decision = &d
	}
	r.mark(row, playbook.StatusRunning)
	return *a.Decision, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// maxApprovals is how many requests a status lists, unless more are open: a loop may ask hundreds,
// and Temporal refuses answers over 2 MiB.
const maxApprovals = 200

// prune takes requests that are decided off the list, the oldest first.
func (s *Status) prune() {
	for i := 0; i < len(s.Approvals) && len(s.Approvals) > maxApprovals; {
		if s.Approvals[i].Open() {
			i++
			continue
		}
		s.Approvals = slices.Delete(s.Approvals, i, i+1)
		s.Unlisted++
	}
}

// withdraw closes what nobody will decide any more.
func (r *run) withdraw(now time.Time) {
	for _, a := range r.status.Approvals {
		a.withdraw("the run ended first", now)
	}
}

func (a *ApprovalStatus) withdraw(why string, now time.Time) {
	if a.Decision == nil {
		a.Decision = &approval.Decision{Outcome: approval.Withdrawn, By: []string{}, Reason: why, At: now}
	}
}
