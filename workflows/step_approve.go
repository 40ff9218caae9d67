package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// approve resolves what it covers, asks, and on a yes makes exactly the calls that were shown.
func (r *run) approve(ctx workflow.Context, s *playbook.Step, v *playbook.Approve, row *StepStatus) (map[string]any, error) {
	request, calls, err := r.request(ctx, s, v)
	if err != nil {
		return nil, err
	}
	asked, err := r.decide(ctx, row, request)
	if err != nil {
		return nil, err
	}
	decision := asked.Decision
	by := make([]any, len(decision.By))
	for i, person := range decision.By {
		by[i] = person
	}
	result := map[string]any{"decision": string(decision.Outcome), "approved": decision.Outcome == approval.Approved, "reason": decision.Reason, "by": by}
	if decision.Outcome != approval.Approved {
		r.skipAll(v.Steps)
		return result, nil
	}
	permit := &activities.Permit{Approval: request.ID, By: decision.By, Grant: asked.grant}
	for _, c := range request.Calls {
		permit.Covers = append(permit.Covers, c.Digest)
	}
	for i, covered := range v.Steps {
		if err := r.covered(ctx, covered, calls[i], permit); err != nil {
			return result, err
		}
	}
	return result, nil
}

// covered makes one approved call.
func (r *run) covered(ctx workflow.Context, s *playbook.Step, call activities.Call, permit *activities.Permit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	row := r.row(s)
	r.begin(ctx, row)
	activity := s.Verb.(*playbook.Activity)
	if activity.Signature.Effect == playbook.EffectRead {
		permit = nil // looking needs none, and a read takes none
	}
	result, err := r.call(ctx, s, activity, row, call, permit)
	if err == nil {
		r.done(ctx, s, row, result)
		err = r.byCalls(ctx, s)
	}
	if err != nil {
		if err = r.failed(ctx, s, row, nil, err); s.Continue && isFailure(err) {
			return nil
		}
		return err
	}
	return nil
}

// request is the question with all of its calls resolved. From here on nothing in them changes.
func (r *run) request(ctx workflow.Context, s *playbook.Step, v *playbook.Approve) (approval.Request, []activities.Call, error) {
	fail := func(err error) (approval.Request, []activities.Call, error) {
		return approval.Request{}, nil, err
	}
	question, err := r.text(ctx, v.Message)
	if err != nil {
		return fail(fmt.Errorf("approve: %w", err))
	}
	request := approval.Request{
		ID: r.name(s), Run: r.status.Run, Execution: r.status.Execution, Playbook: r.pb.Name, Plan: r.pb.Digest(),
		Question: question, Groups: v.Approvers, Quorum: v.Quorum,
	}
	calls := make([]activities.Call, len(v.Steps))
	for i, covered := range v.Steps {
		activity := covered.Verb.(*playbook.Activity)
		var name digest.Digest
		if calls[i], name, err = r.resolve(ctx, activity); err != nil {
			return fail(fmt.Errorf("resolve the step %q: %w", covered.ID, err))
		}
		row := r.row(covered)
		if covered.Title != nil {
			if row.Title, err = r.text(ctx, covered.Title); err != nil {
				return fail(fmt.Errorf("title of the step %q: %w", covered.ID, err))
			}
		}
		request.Calls = append(request.Calls, approval.Call{
			Step: r.name(covered), Title: row.Title, Activity: activity.Name, Version: calls[i].Version,
			Effect: string(activity.Signature.Effect), Undo: activity.Signature.Undo, PutBack: covered.Undo != nil,
			PutBackAfter: covered.Undo.Holds(),
			Targets:      activity.Signature.Targets, Input: calls[i].Input, Digest: name,
		})
	}
	if request.People, err = r.people(ctx, v.Approvers, v.Quorum); err != nil {
		return fail(err)
	}
	request.Asked = workflow.Now(ctx)
	request.Expires = request.Asked.Add(v.Expires)
	return request, calls, request.Seal()
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
