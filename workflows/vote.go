package workflows

import (
	"reflect"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// A run counts no votes. Whoever may write to its namespace could send them, so it believes only how
// a request stands in the words that the gateway has signed, and of those only what is about exactly
// the request that it asks now.

// VoteResult tells whoever brought a standing what it led to.
type VoteResult struct {
	Votes int `json:"votes"`
	// Decision is set once the request is decided.
	Decision *approval.Decision `json:"decision,omitempty"`
}

// signalled takes a standing that came by signal, after the same checks.
func (r *run) signalled(ctx workflow.Context, signed grant.Signed) {
	_, err := r.stands(ctx, signed)
	if err == nil {
		return
	}
	var claimed approval.Standing
	_ = read(signed, grant.KindStanding, &claimed) // else it names none
	workflow.GetLogger(ctx).Warn("a standing by signal does not count", "approval", clip(claimed.Approval), "error", clip(err.Error()))
	if a := r.find(claimed.Approval); a != nil {
		a.Refused = remember(a.Refused, err)
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

// admitSigned is the update's validator. It changes nothing, and cannot check a signature.
func (r *run) admitSigned(ctx workflow.Context, signed grant.Signed) error {
	var claimed approval.Standing
	err := read(signed, grant.KindStanding, &claimed)
	if err == nil {
		_, err = r.admit(claimed, workflow.Now(ctx))
	}
	return err
}

// admit finds the request that a standing is about, and refuses one that changes nothing any more.
func (r *run) admit(s approval.Standing, now time.Time) (*ApprovalStatus, error) {
	if err := r.mine(s.Run, s.Execution); err != nil {
		return nil, err
	}
	a := r.find(s.Approval)
	switch {
	case a == nil:
		return nil, refusal("the run %s is not asking %q", r.status.Run, clip(s.Approval))
	case s.Request != a.Digest:
		return nil, refusal("it is about %s, and what is asked now is %s; look at the request again", s.Request.Short(), a.Digest.Short())
	case a.Decision != nil && a.Decision.Outcome == approval.Withdrawn:
		return nil, refusal("the request was withdrawn: %s", a.Decision.Reason)
	case a.Decision != nil && s.Decision != nil && !reflect.DeepEqual(*a.Decision, *s.Decision):
		return nil, refusal("the request is already %s", a.Decision.Outcome)
	case a.Decision == nil && now.After(a.Expires.Add(approval.Grace)):
		return nil, refusal("the time to decide ended at %s", a.Expires.Format(time.RFC3339))
	case s.Decision == nil:
		return a, nil
	case s.Decision.At.After(a.Expires):
		return nil, refusal("it was decided at %s, and the time ended at %s", s.Decision.At.Format(time.RFC3339), a.Expires.Format(time.RFC3339))
	}
	switch s.Decision.Outcome {
	case approval.Rejected, approval.Expired:
		return a, nil
	case approval.Approved:
		if s.Grant == nil && slices.ContainsFunc(a.Calls, func(c approval.Call) bool { return c.Effect != string(playbook.EffectRead) }) {
			return nil, refusal("a yes to effects comes with a grant, and there is none")
		}
		return a, nil
	default:
		return nil, refusal("%q is no decision", clip(string(s.Decision.Outcome)))
	}
}

// stands takes a standing. Between the validator and here there may have been another.
func (r *run) stands(ctx workflow.Context, signed grant.Signed) (result VoteResult, err error) {
	err = r.hearing(ctx, func(arrived time.Time) error {
		if err := r.admitSigned(ctx, signed); err != nil {
			return err
		}
		var s approval.Standing
		if err := verified(ctx, signed, grant.KindStanding, &s); err != nil {
			return err
		}
		a, err := r.admit(s, arrived)
		if err != nil {
			return err
		}
		if len(s.Votes) > len(a.Votes) { // they may overtake each other
			a.Votes = s.Votes
		}
		if a.Decision == nil && s.Decision != nil {
			a.Decision, a.grant = s.Decision, s.Grant
		}
		result = VoteResult{Votes: len(a.Votes), Decision: a.Decision}
		return nil
	})
	return result, err
}

// decide shows a request and waits for the decision, or for the end of its time. An edit puts another
// request in its place; the one that was decided is returned.
func (r *run) decide(ctx workflow.Context, row *StepStatus, from *asking) (*ApprovalStatus, *asking, error) {
	for {
		a := &ApprovalStatus{Request: from.request, size: weigh(from.request), asker: r, from: from}
		if a.size > maxListedBytes { // it takes the room of inputs and outputs
			r.status.shown += a.size
		}
		kept, gone := prune(append(r.status.Approvals, a))
		r.status.Approvals, r.status.Unlisted = kept, r.status.Unlisted+gone
		telling, told := workflow.WithCancel(ctx)
		r.tellAsked(telling, a.told())
		err := r.forPeople(ctx, row, a.Expires.Add(approval.Grace), a.alarms(), func() bool { return a.Decision != nil })
		told() // who has decided knows
		if err != nil {
			a.withdraw("the run went on without it", workflow.Now(ctx))
			return nil, nil, err
		}
		if a.edited != nil {
			from = a.edited
			continue
		}
		if a.Decision == nil {
			expired := a.Expire()
			a.Decision = &expired
		}
		return a, from, nil
	}
}

// told is what the gateway is told of a request.
func (a *ApprovalStatus) told() Asked {
	told := Asked{ID: a.ID, Digest: a.Digest, Asked: a.Asked, Expires: a.Expires}
	if a.Escalate != nil {
		told.Escalates = &a.Escalate.At
	}
	return told
}

// alarms are when people are to be reminded, at half and nine tenths of the time, and when further
// groups are asked. The run notes them; who speaks with people reads that in the status.
func (a *ApprovalStatus) alarms() []alarm {
	span := a.Expires.Sub(a.Asked)
	remind := func(now time.Time) { a.Reminders = append(a.Reminders, now) }
	alarms := []alarm{{a.Asked.Add(span / 2), remind}, {a.Asked.Add(span / 10 * 9), remind}}
	if e := a.Escalate; e != nil {
		alarms = append(alarms, alarm{e.At, func(now time.Time) { a.Escalated = &now }})
	}
	slices.SortStableFunc(alarms, func(a, b alarm) int { return a.at.Compare(b.at) })
	return alarms
}

func (a *ApprovalStatus) withdraw(why string, now time.Time) {
	if a.Decision == nil {
		a.Decision = &approval.Decision{Outcome: approval.Withdrawn, By: []string{}, Reason: why, At: now}
	}
}
