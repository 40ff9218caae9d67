package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// covered is a call that people are asked about, resolved.
type covered struct {
	step *playbook.Step
	verb *playbook.Activity
	call activities.Call
	name digest.Digest // of call
}

func (c *covered) effect() bool { return c.verb.Signature.Effect != playbook.EffectRead }

// asking is a request in the making: what the playbook asks, and of whom. The calls shrink as they
// are made, and an edit makes another asking of it.
type asking struct {
	id, question string
	groups       []string
	quorum       int
	expires      time.Duration
	escalate     *playbook.Escalation
	calls        []*covered
	edits        []approval.Edit

	judged  judgement
	request approval.Request // once it is framed

	// Of calls that are asked about again: why, how often, and what was approved before.
	again    *approval.Again
	times    int
	approved []approval.Call
}

// maxPreviews bounds what the calls of a request would change, in bytes: a run tells it in its
// status, beside much else.
const maxPreviews = 256 << 10

// frame makes the request: what policy asks beyond the playbook, what every call would change now,
// who may answer and until when. From here on nothing in it changes.
func (r *run) frame(ctx workflow.Context, a *asking) error {
	previews, err := r.previews(ctx, a.calls)
	if err != nil {
		return err
	}
	request := approval.Request{
		ID: a.id, Run: r.status.Run, Execution: r.status.Execution, Playbook: r.pb.Name, Plan: r.pb.Digest(),
		Question: a.question, Groups: a.groups, Quorum: a.quorum, Policies: a.judged.needs(), PolicyDigest: a.judged.policy,
		Edits: a.edits,
	}
	for i, c := range a.calls {
		signature := c.verb.Signature
		shown := approval.Call{
			Step: r.name(c.step), Title: r.row(c.step).Title, Activity: c.verb.Name, Version: c.call.Version,
			Effect: string(signature.Effect), Undo: signature.Undo, PutBack: c.step.Undo != nil,
			PutBackAfter: c.step.Undo.Holds(), Targets: signature.Targets, Input: c.call.Input, Digest: c.name, Preview: previews[i],
		}
		if v := a.judged.verdicts[i]; v.Mode == policy.Approval {
			shown.Rule, shown.Why = v.Rule, v.Reason
		}
		request.Calls = append(request.Calls, shown)
	}
	for _, need := range request.Needs() {
		people, err := r.people(ctx, need.Groups, need.Quorum)
		if err != nil {
			return err
		}
		request.People = append(request.People, people...)
	}
	slices.Sort(request.People)
	request.People = slices.Compact(request.People)
	request.Asked = workflow.Now(ctx)
	request.Expires = request.Asked.Add(a.judged.expires(a.expires))
	if e := a.escalate; e != nil && request.Asked.Add(e.After).Before(request.Expires) {
		request.Escalate = &approval.Escalation{Groups: e.Groups, At: request.Asked.Add(e.After)}
	}
	if a.again != nil {
		again := *a.again
		again.Steps = differ(a.approved, request.Calls)
		request.Again = &again
	}
	if err := request.Seal(); err != nil {
		return err
	}
	a.request = request
	return nil
}

// differ names the calls that do something else than was shown before.
func differ(before, now []approval.Call) []string {
	var steps []string
	for _, c := range now {
		i := slices.IndexFunc(before, func(b approval.Call) bool { return b.Step == c.Step })
		if i < 0 || before[i].Digest != c.Digest || previewed(before[i].Preview) != previewed(c.Preview) {
			steps = append(steps, c.Step)
		}
	}
	return steps
}

// previewed names a preview; "" is none.
func previewed(p *preview.Preview) digest.Digest {
	if p == nil {
		return ""
	}
	name, err := p.Digest()
	if err != nil {
		return ""
	}
	return name
}

// previews reads what calls would change, side by side; nil stands for one that has none.
func (r *run) previews(ctx workflow.Context, calls []*covered) ([]*preview.Preview, error) {
	futures := make([]workflow.Future, len(calls))
	for i, c := range calls {
		if c.effect() && c.verb.Signature.Preview {
			futures[i] = workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
				StartToCloseTimeout:    min(c.verb.Signature.Timeout, maxLocal),
				ScheduleToCloseTimeout: playbook.DefaultTimeout,
				RetryPolicy:            retryPolicy(playbook.DefaultRetry),
				Summary:                r.name(c.step) + " preview",
			}), activities.PreviewName(c.verb.Name), c.call.Input)
		}
	}
	all := make([]*preview.Preview, len(calls))
	size := 0
	for i, c := range calls {
		if futures[i] == nil {
			continue
		}
		err := futures[i].Get(ctx, &all[i])
		if temporal.IsCanceledError(err) {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("read what the step %q would change: %s", c.step.ID, reason(err))
		}
		size += weigh(all[i])
	}
	if size > maxPreviews {
		return nil, fmt.Errorf("what the steps would change is %d bytes, and nobody can be shown more than %d: ask about less at once", size, maxPreviews)
	}
	return all, nil
}

// maxAgain is how often people are asked anew about the same calls.
const maxAgain = 3

// outdated is why people are to be asked anew about a call that they approved; "" is for no reason.
func outdated(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && (app.Type() == activities.AskAgain || app.Type() == activities.Halted) { // halted is for now
		return app.Message()
	}
	return ""
}

// askAgain prepares another round: about the calls that are left, as they are.
func (a *asking) askAgain(why string, left []*covered) error {
	if a.times == maxAgain {
		return notPermitted("people were asked anew %d times, and still: %s", maxAgain, why)
	}
	a.times++
	a.again, a.approved, a.calls = &approval.Again{Of: a.request.Digest, Why: why}, a.request.Calls, left
	return nil
}
