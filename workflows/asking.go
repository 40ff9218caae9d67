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
	r    *run     // where it stands: of a loop, the round
	item *fanItem // of a loop that is covered; nil: it stands in none
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
	covers       int    // calls, when people were asked first
	fans         []*fan // loops among them
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

// maxRequest bounds a request about a loop, in bytes: the record of it takes a MiB, beside its card, and
// a status two, beside much else.
const maxRequest = 640 << 10

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
			Step: c.r.name(c.step), Title: c.r.row(c.step).Title, Activity: c.verb.Name, Version: c.call.Version,
			Effect: string(signature.Effect), Undo: signature.Undo, PutBack: c.step.Undo != nil,
			PutBackAfter: c.step.Undo.Holds(), Targets: signature.Targets, Input: c.call.Input, Digest: c.name,
		}
		previews[i].into(&shown)
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
	if size := weigh(request); len(a.fans) > 0 && size > maxRequest {
		return fmt.Errorf("what people would be asked about is %d bytes, and at most %d are shown and kept at once: ask in several approvals", size, maxRequest)
	}
	a.request = request
	return nil
}

// differ names the calls that do something else than was shown before.
func differ(before, now []approval.Call) []string {
	type seen struct{ call, preview digest.Digest }
	of := func(c approval.Call) seen {
		name, err := c.Previewed()
		if err != nil {
			name = ""
		}
		return seen{c.Digest, name}
	}
	was := make(map[string]seen, len(before))
	for _, c := range before {
		was[c.Step] = of(c)
	}
	var steps []string
	for _, c := range now {
		if earlier, ok := was[c.Step]; !ok || earlier != of(c) {
			steps = append(steps, c.Step)
		}
	}
	return steps
}

// looked is what a call would change, whole or where there is no room its name; neither: it has none.
type looked struct {
	whole *preview.Preview
	name  *approval.Unshown
}

func (l looked) into(c *approval.Call) { c.Preview, c.Unshown = l.whole, l.name }

// maxLooking is how many previews of a loop are read side by side.
const maxLooking = 20

// previews reads what calls would change, side by side.
func (r *run) previews(ctx workflow.Context, calls []*covered) ([]looked, error) {
	look := func(ctx workflow.Context, c *covered) workflow.Future {
		return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
			StartToCloseTimeout:    min(c.verb.Signature.Timeout, maxLocal),
			ScheduleToCloseTimeout: playbook.DefaultTimeout,
			RetryPolicy:            retryPolicy(playbook.DefaultRetry),
			Summary:                c.r.name(c.step) + " preview",
		}), activities.PreviewName(c.verb.Name), c.call.Input)
	}
	wanted := func(c *covered) bool { return c.effect() && c.verb.Signature.Preview }
	read := make([]*preview.Preview, len(calls))
	if slices.ContainsFunc(calls, func(c *covered) bool { return c.item != nil }) {
		// Of hundreds at once the provider would throttle most.
		each := pieces{n: len(calls), most: maxLooking}
		err := each.run(ctx, func(ctx workflow.Context, i int) error {
			if !wanted(calls[i]) {
				return nil
			}
			return unread(calls[i], look(ctx, calls[i]).Get(ctx, &read[i]))
		})
		if err != nil {
			return nil, err
		}
		return fitting(read)
	}
	futures := make([]workflow.Future, len(calls))
	for i, c := range calls {
		if wanted(c) {
			futures[i] = look(ctx, c)
		}
	}
	all := make([]looked, len(calls))
	size := 0
	for i, c := range calls {
		if futures[i] == nil {
			continue
		}
		if err := unread(c, futures[i].Get(ctx, &read[i])); err != nil {
			return nil, err
		}
		size += weigh(read[i])
		all[i].whole = read[i]
	}
	if size > maxPreviews {
		return nil, fmt.Errorf("what the steps would change is %d bytes, and nobody can be shown more than %d: ask about less at once", size, maxPreviews)
	}
	return all, nil
}

// unread is why a preview could not be read.
func unread(c *covered, err error) error {
	if err == nil || temporal.IsCanceledError(err) {
		return err
	}
	return fmt.Errorf("read what the step %q would change: %s", c.r.name(c.step), reason(err))
}

// fitting keeps as many previews as there is room for, and of the others how many changes they have and
// their names: at the effect the world is held against those.
func fitting(read []*preview.Preview) ([]looked, error) {
	all := make([]looked, len(read))
	size := 0
	for i, p := range read {
		if p == nil {
			continue
		}
		if n := weigh(p); size+n <= maxPreviews {
			size += n
			all[i].whole = p
			continue
		}
		name, err := p.Digest()
		if err != nil {
			return nil, err
		}
		all[i].name = &approval.Unshown{Changes: len(p.Changes), Digest: name}
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

// isHalted reports a refusal for now that is not about the one call.
func isHalted(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == activities.Halted
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
