package workflows

import (
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// approve resolves what it covers, asks, and on a yes makes exactly the calls that were shown. When
// one of them would do something else by then, it asks again about those that are left.
func (r *run) approve(ctx workflow.Context, s *playbook.Step, v *playbook.Approve, row *StepStatus) (map[string]any, error) {
	a, err := r.asks(ctx, s, v)
	if err != nil {
		return nil, err
	}
	for {
		if a.judged, err = judge(ctx, r.pb.Name, a.calls); err == nil {
			err = a.judged.underApproval(a.calls)
		}
		if err == nil {
			err = r.frame(ctx, a)
		}
		if err != nil {
			return nil, err
		}
		asked, final, err := r.decide(ctx, row, a)
		if err != nil {
			return nil, err
		}
		a = final
		result := decided(asked.Decision)
		if asked.Decision.Outcome != approval.Approved {
			r.unmade(ctx, a)
			if len(a.calls) < a.covers {
				return result, notPermitted("people were asked again about what was left, as it had changed: %s: %s; what was made before stands", asked.Decision.Outcome, asked.Decision.Reason)
			}
			return result, nil
		}
		permit, err := asked.permits()
		if err != nil {
			return result, err
		}
		why, err := r.makes(ctx, a, permit)
		if why == "" {
			return result, err
		}
	}
}

// decided is what a decision offers to later steps.
func decided(d *approval.Decision) map[string]any {
	by := make([]any, len(d.By))
	for i, person := range d.By {
		by[i] = person
	}
	return map[string]any{"decision": string(d.Outcome), "approved": d.Outcome == approval.Approved, "reason": d.Reason, "by": by}
}

// unmade marks what people did not say yes to.
func (r *run) unmade(ctx workflow.Context, a *asking) {
	for _, c := range a.calls {
		c.r.skipped(c.step)
	}
	for _, f := range a.fans {
		switch row := r.row(f.step); {
		case f.over:
		case row.Started == nil:
			r.mark(row, playbook.StatusSkipped)
			r.publish(f.step, playbook.StatusSkipped, nothing(f.step, string(playbook.StatusSkipped)))
		default: // some of it was made
			f.over = true
			_ = r.spreadOut(ctx, f, row, notPermitted("people were asked again about %d of %d items, and did not say yes", f.status.Items-f.status.Done-f.status.Failed, f.status.Items))
		}
	}
}

// permits are what a run says of each call of an approved request, by its place. Of many calls each has
// its own, with the proof that the grant covers it: together they would stand in the history once for
// each of them.
func (a *ApprovalStatus) permits() (func(int) *activities.Permit, error) {
	if len(a.Calls) <= grant.MaxListed {
		permit := a.permit()
		return func(int) *activities.Permit { return permit }, nil
	}
	calls, err := a.Grants()
	if err != nil {
		return nil, err
	}
	tree, err := grant.NewTree(calls)
	if err != nil {
		return nil, err
	}
	return func(i int) *activities.Permit {
		return &activities.Permit{Approval: a.ID, By: a.Decision.By, Grant: a.grant, Covers: []digest.Digest{a.Calls[i].Digest}, Proof: tree.Proof(i)}
	}, nil
}

// permit is what a run says of the calls of an approved request, with what the gateway signed.
func (a *ApprovalStatus) permit() *activities.Permit {
	permit := &activities.Permit{Approval: a.ID, By: a.Decision.By, Grant: a.grant}
	for _, c := range a.Calls {
		permit.Covers = append(permit.Covers, c.Digest)
	}
	return permit
}

// makes makes approved calls; again is why people must be asked anew, about those that a then holds.
func (r *run) makes(ctx workflow.Context, a *asking, permit func(int) *activities.Permit) (why string, err error) {
	for _, f := range a.fans {
		if len(f.items) == 0 && !f.over { // there is nothing to do
			f.over = true
			row := r.row(f.step)
			r.begin(ctx, row)
			r.done(ctx, f.step, row, nothing(f.step, ""))
		}
	}
	for i := 0; i < len(a.calls); i++ {
		c := a.calls[i]
		if c.item != nil {
			n := 1
			for i+n < len(a.calls) && a.calls[i+n].item != nil && a.calls[i+n].item.of == c.item.of {
				n++
			}
			f := c.item.of
			left, why, err := r.spread(ctx, f, a.calls[i:i+n], func(j int) *activities.Permit { return permit(i + j) })
			if why != "" {
				if err = a.askAgain(why, append(left, a.calls[i+n:]...)); err == nil {
					return why, nil
				}
				f.over = true
				err = r.spreadOut(ctx, f, r.row(f.step), err)
			}
			if err != nil {
				return "", err
			}
			i += n - 1
			continue
		}
		again, err := r.covered(ctx, c, permit(i))
		if again.why != "" {
			if err = a.askAgain(again.why, a.calls[i:]); err == nil {
				return again.why, nil
			}
			err = r.givenUp(ctx, c, err)
		}
		if err != nil {
			return "", err
		}
	}
	return "", nil
}

// asksAgain is why a call needs another yes first.
type asksAgain struct {
	why    string // "": it does not
	halted bool   // so does every other
}

// covered makes one approved call; again is why that needs another yes first.
func (r *run) covered(ctx workflow.Context, c *covered, permit *activities.Permit) (again asksAgain, err error) {
	if err := ctx.Err(); err != nil {
		return again, err
	}
	row := r.row(c.step)
	r.begin(ctx, row)
	if !c.effect() {
		permit = nil // looking needs none, and a read takes none
	}
	result, err := r.call(ctx, c.step, c.verb, row, c.call, permit)
	if why := outdated(err); why != "" {
		r.notYet(row)
		return asksAgain{why, isHalted(err)}, nil
	}
	if err == nil {
		r.done(ctx, c.step, row, result)
		err = r.byCalls(ctx, c.step)
	}
	if err != nil {
		return again, r.givenUp(ctx, c, err)
	}
	return again, nil
}

// givenUp is the failure of a covered step. It goes no further where the step says so.
func (r *run) givenUp(ctx workflow.Context, c *covered, err error) error {
	if err = r.failed(ctx, c.step, r.row(c.step), nil, err); c.step.Continue && isFailure(err) {
		return nil
	}
	return err
}

// notYet takes back that a call was begun.
func (r *run) notYet(row *StepStatus) {
	r.unshow(row)
	row.Started = nil
	r.mark(row, playbook.StatusPending)
}

// unshow takes the input of a call that was not made out of the story. That of a round is counted
// when the round has ended.
func (r *run) unshow(row *StepStatus) {
	if row.shown == nil {
		r.status.shown -= len(row.Input)
	}
	row.Input = nil
}

// asks resolves the question and all calls that it covers.
func (r *run) asks(ctx workflow.Context, s *playbook.Step, v *playbook.Approve) (*asking, error) {
	question, err := r.text(ctx, v.Message)
	if err != nil {
		return nil, fmt.Errorf("approve: %w", err)
	}
	a := &asking{id: r.name(s), question: question, groups: v.Approvers, quorum: v.Quorum, expires: v.Expires, escalate: v.Escalate}
	for _, step := range v.Steps {
		loop, ok := step.Verb.(*playbook.ForEach)
		if !ok {
			c, err := r.resolves(ctx, step)
			if err != nil {
				return nil, err
			}
			a.calls = append(a.calls, c)
			continue
		}
		if step.Title != nil {
			if r.row(step).Title, err = r.text(ctx, step.Title); err != nil {
				return nil, fmt.Errorf("title of the step %q: %w", step.ID, err)
			}
		}
		f, calls, err := r.fan(ctx, step, loop, len(a.calls))
		if err != nil {
			return nil, fmt.Errorf("resolve the step %q: %w", step.ID, err)
		}
		a.fans, a.calls = append(a.fans, f), append(a.calls, calls...)
	}
	if len(a.fans) > 0 && len(a.calls) == 0 {
		return nil, errors.New("approve: no item is in what it covers, so there is nothing to ask about: put a condition on the approval")
	}
	a.covers = len(a.calls)
	return a, nil
}

// resolves is a call that an approval covers, resolved.
func (r *run) resolves(ctx workflow.Context, step *playbook.Step) (*covered, error) {
	c := &covered{r: r, step: step, verb: step.Verb.(*playbook.Activity)}
	var err error
	if c.call, c.name, err = r.resolve(ctx, c.verb); err != nil {
		return nil, fmt.Errorf("resolve the step %q: %w", step.ID, err)
	}
	if step.Title != nil {
		if r.row(step).Title, err = r.text(ctx, step.Title); err != nil {
			return nil, fmt.Errorf("title of the step %q: %w", step.ID, err)
		}
	}
	return c, nil
}

// people looks up who may answer. What not enough people can answer is an error now, not a silence
// until it expires.
func (r *run) people(ctx workflow.Context, groups []string, least int) ([]string, error) {
	var found directory.MembersOutput
	input, err := json.Marshal(directory.MembersInput{Groups: groups})
	if err == nil {
		err = workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
			ScheduleToCloseTimeout: playbook.DefaultTimeout,
			StartToCloseTimeout:    activities.DefaultTimeout,
			RetryPolicy:            retryPolicy(playbook.DefaultRetry),
		}), directory.Members, json.RawMessage(input)).Get(ctx, &found)
	}
	if temporal.IsCanceledError(err) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("look up the people of %v: %s", groups, reason(err))
	}
	if len(found.People) < least {
		return nil, fmt.Errorf("%d people must answer, and the groups %v have %d; add people to the directory", least, groups, len(found.People))
	}
	return found.People, nil
}
