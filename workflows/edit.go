package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
)

// EditResult is the request that an edit has put in the place of another. All votes on that are void.
type EditResult struct {
	Request digest.Digest `json:"request"`
}

// maxEdits is how often what is asked may be changed: each time people get their whole time again.
const maxEdits = 10

// admitEditSigned is the update's validator. It changes nothing, and cannot check a signature.
func (r *run) admitEditSigned(ctx workflow.Context, signed grant.Signed) error {
	var claimed approval.EditOrder
	err := read(signed, grant.KindEdit, &claimed)
	if err == nil {
		_, err = r.admitEdit(claimed, workflow.Now(ctx))
	}
	return err
}

// admitEdit finds the open request that an edit is about.
func (r *run) admitEdit(o approval.EditOrder, now time.Time) (*ApprovalStatus, error) {
	a, err := r.admit(approval.Standing{Run: o.Run, Execution: o.Execution, Approval: o.Approval, Request: o.Request}, now)
	switch {
	case err != nil:
		return nil, err
	case a.Decision != nil:
		return nil, refusal("the request is already %s", a.Decision.Outcome)
	case o.By == "" || len(o.By) > approval.MaxPerson:
		return nil, refusal("an edit names who made it, in at most %d bytes", approval.MaxPerson)
	case len(a.Edits) == maxEdits:
		return nil, refusal("what is asked was changed %d times, which is the most", maxEdits)
	case !slices.ContainsFunc(a.Calls, func(c approval.Call) bool { return c.Step == o.Step }):
		return nil, refusal("%q is no call of the request", clip(o.Step))
	default:
		return a, nil
	}
}

// edit asks another question in the place of one: with another input of a call, which is judged and
// previewed as the first was. Where it cannot, the old question stands.
func (r *run) edit(ctx workflow.Context, signed grant.Signed) (EditResult, error) {
	apart, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	var order approval.EditOrder
	var a *ApprovalStatus
	err := r.hearing(ctx, func(arrived time.Time) (err error) {
		if err := r.admitEditSigned(ctx, signed); err != nil {
			return err
		}
		if err := verified(ctx, signed, grant.KindEdit, &order); err != nil {
			return err
		}
		a, err = r.admitEdit(order, arrived)
		return err
	})
	if err != nil {
		return EditResult{}, err
	}
	next, err := a.asker.changed(apart, a.from, order)
	if err != nil {
		return EditResult{}, refusal("%s", clip(reason(err)))
	}
	if a.Decision != nil { // meanwhile
		return EditResult{}, refusal("the request is already %s", a.Decision.Outcome)
	}
	a.edited = next
	a.withdraw(fmt.Sprintf("%s changed %s, and what is asked now is %s", order.By, order.Step, next.request.Digest.Short()), workflow.Now(ctx))
	return EditResult{Request: next.request.Digest}, nil
}

// changed is the asking of an edit.
func (r *run) changed(ctx workflow.Context, from *asking, o approval.EditOrder) (*asking, error) {
	next := *from
	next.calls, next.edits = slices.Clone(from.calls), slices.Clone(from.edits)
	i := slices.IndexFunc(next.calls, func(c *covered) bool { return c.r.name(c.step) == o.Step })
	c := *next.calls[i]
	before := c.name
	c.call.Input = o.Input
	_, err := c.verb.Signature.Input.Decode(o.Input)
	if err == nil {
		err = c.call.RefuseEmpty(c.verb.Signature.Targets)
	}
	if err == nil {
		c.name, err = c.call.Digest()
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", o.Step, err)
	case c.name == before:
		return nil, fmt.Errorf("%s: the input is the one that is asked about", o.Step)
	}
	next.calls[i] = &c
	next.edits = append(next.edits, approval.Edit{By: o.By, Step: o.Step, Before: before, After: c.name, At: o.At})
	if next.judged, err = judge(ctx, r.pb.Name, next.calls); err == nil {
		err = next.judged.underApproval(next.calls)
	}
	if err == nil {
		err = r.frame(ctx, &next)
	}
	return &next, err
}
