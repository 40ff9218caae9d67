package slack_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// fakeRuns is how the runs of an office behave.
type fakeRuns struct{ *office }

func (o fakeRuns) Start(ctx context.Context, pb *playbook.Playbook, key string, _ workflows.Input) (workflows.Started, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := workflows.RunID(pb.Name, key)
	o.started = append(o.started, id)
	return workflows.Started{Run: id, Execution: "e1", New: true}, nil
}

func (o fakeRuns) StartOnce(ctx context.Context, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error) {
	return o.Start(ctx, pb, key, in)
}

func (o fakeRuns) Over(context.Context, string, string) (workflows.Over, error) {
	return workflows.Over{}, nil
}

func (o fakeRuns) Deliver(context.Context, event.Event) (bool, error) { return false, nil }

func (o fakeRuns) Status(ctx context.Context, run string) (*workflows.Status, error) {
	o.mu.Lock()
	slow := o.slow
	st, ok := o.status[run]
	o.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
			return nil, fmt.Errorf("ask %s: %w", run, workflows.ErrNoWorker)
		}
	}
	if !ok {
		return nil, fmt.Errorf("ask %s: %w", run, workflows.ErrNoRun)
	}
	return st, nil
}

func (o fakeRuns) Runs(context.Context, bool, int) ([]workflows.Listed, error) {
	return []workflows.Listed{{Run: run, Playbook: "aws-compromised-access-key", Status: "running", Started: time.Now()}}, nil
}

func (o fakeRuns) Decide(_ context.Context, _ string, signed grant.Signed) (workflows.VoteResult, error) {
	var s approval.Standing
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindStanding, &s))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.standings = append(o.standings, s)
	return workflows.VoteResult{Votes: len(s.Votes), Decision: s.Decision}, nil
}

func (o fakeRuns) Answer(_ context.Context, _ string, signed grant.Signed) (approval.Ending, error) {
	var a approval.AnswerOrder
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindAnswer, &a))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = append(o.answers, a)
	return approval.Ending{Outcome: approval.Answered, Answer: &a.Answer, At: a.Answer.At}, nil
}

func (o fakeRuns) Edit(_ context.Context, _ string, signed grant.Signed) (workflows.EditResult, error) {
	var e approval.EditOrder
	require.NoError(o.t, o.signer.Keys().Open(&signed, grant.KindEdit, &e))
	o.mu.Lock()
	o.edits = append(o.edits, e)
	st := o.now()
	st.Approvals = slices.DeleteFunc(st.Approvals, func(a *workflows.ApprovalStatus) bool { return a.Digest == e.Request })
	o.status[run] = st
	o.mu.Unlock()
	r := o.asks(func(r *approval.Request) {
		c := &r.Calls[0]
		c.Input = e.Input
		sum, err := activities.Call{Activity: c.Activity, Version: c.Version, Input: c.Input}.Digest()
		require.NoError(o.t, err)
		r.Edits = []approval.Edit{{By: e.By, Step: e.Step, Before: c.Digest, After: sum, At: e.At}}
		c.Digest = sum
	})
	return workflows.EditResult{Request: r.Digest}, nil
}

func (o fakeRuns) Cancel(_ context.Context, run string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cancelled = append(o.cancelled, run)
	return nil
}

func (o fakeRuns) Keep(_ context.Context, until workflows.Until, _ grant.Signed) (workflows.ExpiryStatus, error) {
	return workflows.ExpiryStatus{Run: until.Run, Step: until.Step, State: workflows.ExpiryKept}, nil
}
