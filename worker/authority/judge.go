package authority

import (
	"context"
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/policy"
)

// Bind registers what a run may ask with a Temporal worker.
func (a *Authority) Bind(w activities.Registrar) {
	w.RegisterActivityWithOptions(a.Judge, activity.RegisterOptions{Name: workflows.JudgeActivity})
	w.RegisterActivityWithOptions(a.Check, activity.RegisterOptions{Name: workflows.CheckActivity})
	w.RegisterActivityWithOptions(a.Tick, activity.RegisterOptions{Name: workflows.TickActivity})
	w.RegisterActivityWithOptions(a.Tell, activity.RegisterOptions{Name: workflows.TellActivity})
}

// Judge says what policy says of calls, before anybody is asked. The guard asks anew.
func (a *Authority) Judge(ctx context.Context, in workflows.JudgeInput) (workflows.Judged, error) {
	p, err := a.policy()
	if err != nil {
		return workflows.Judged{}, err
	}
	judged := workflows.Judged{Policy: p.Digest(), Verdicts: []policy.Verdict{}}
	var ticket grant.Ticket
	started := a.Keys.Open(activities.TicketFrom(ctx), grant.KindTicket, &ticket) == nil
	for _, c := range in.Calls {
		facts, err := policy.FactsOf(c.Activity, c.Effect, c.Targets, c.Input)
		if err != nil {
			return workflows.Judged{}, temporal.NewNonRetryableApplicationError(err.Error(), activities.NotPermitted, nil)
		}
		facts.Playbook, facts.Now = in.Playbook, a.Now()
		if started {
			facts.Playbook, facts.StartedBy = ticket.Playbook, ticket.StartedBy
			if ticket.Undoes != "" {
				facts.Undo = policy.UndoByPerson
			}
		}
		judged.Verdicts = append(judged.Verdicts, p.Judge(facts))
	}
	return judged, nil
}

// Check opens something that the gateway signed for runs.
func (a *Authority) Check(_ context.Context, signed grant.Signed) (workflows.Checked, error) {
	if !grant.ForRuns(signed.Kind) {
		return workflows.Checked{}, temporal.NewNonRetryableApplicationError(fmt.Sprintf("a %q is not for a run", signed.Kind), workflows.RefusedType, nil)
	}
	var body json.RawMessage
	if err := a.Keys.Open(&signed, signed.Kind, &body); err != nil {
		return workflows.Checked{}, temporal.NewNonRetryableApplicationError(err.Error(), workflows.RefusedType, nil)
	}
	return workflows.Checked{Kind: signed.Kind, Body: body}, nil
}
