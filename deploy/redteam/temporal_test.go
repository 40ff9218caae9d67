package redteam

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// What somebody can do who may write to the Temporal namespace.

// standing is a yes to a request, signed with whatever key.
func standing(w *world, signer grant.Signer, r approval.Request, change func(*approval.Standing, *grant.Grant)) grant.Signed {
	w.Helper()
	now := time.Now().UTC()
	g := grant.Grant{
		ID: grant.NewID(), Run: r.Run, Execution: r.Execution, Approval: r.ID, Request: r.Digest, Plan: r.Plan,
		Approvers: []grant.Approver{{Person: "alice", At: now, Surface: "cli"}}, Needs: r.Needs(),
		NotBefore: now, Expires: now.Add(grant.Life),
	}
	for _, c := range r.Calls {
		g.Calls = append(g.Calls, grant.Call{Step: c.Step, Digest: c.Digest})
	}
	s := approval.Standing{
		Run: r.Run, Execution: r.Execution, Approval: r.ID, Request: r.Digest,
		Votes:    []approval.Vote{{Approval: r.ID, Digest: r.Digest, Person: "alice", Verdict: approval.Approve, At: now}},
		Decision: &approval.Decision{Outcome: approval.Approved, By: []string{"alice"}, Reason: "yes", At: now},
	}
	if change != nil {
		change(&s, &g)
	}
	signed, err := signer.Sign(grant.KindGrant, g)
	require.NoError(w, err)
	s.Grant = &signed
	all, err := signer.Sign(grant.KindStanding, s)
	require.NoError(w, err)
	return all
}

// stranger is a key that nobody trusts.
func stranger(t testing.TB) grant.Signer {
	t.Helper()
	other := &world{TB: t, dir: t.TempDir()}
	other.keys()
	return other.signer
}

func (w *world) update(run, name string, arg any) error {
	ctx, cancel := context.WithTimeout(w.Context(), longest)
	defer cancel()
	handle, err := w.mallory.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: run, UpdateName: name, WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{arg},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	return err
}

func signalsApproval(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	for _, v := range []any{
		approval.Vote{Approval: r.ID, Digest: r.Digest, Person: "alice", Verdict: approval.Approve},
		approval.Decision{Outcome: approval.Approved, By: []string{"alice"}},
		standing(w, stranger(t), r, nil), "approved", true, nil,
	} {
		require.NoError(t, w.mallory.SignalWorkflow(t.Context(), sampleRun, "", workflows.DecideSignal, v))
	}
	require.Equal(t, workflows.Waiting, w.asked2(r).State, "the run still waits")
	w.untouched()
	w.approve("alice", r) // and can be approved by who may
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
}

// asked2 asks for the story of a run that must still ask r.
func (w *world) asked2(r approval.Request) *workflows.Status {
	w.Helper()
	s, err := w.runs.Status(w.Context(), r.Run)
	require.NoError(w, err)
	require.Len(w, s.Asking(), 1)
	require.Equal(w, r.Digest, s.Asking()[0].Digest)
	require.Empty(w, s.Asking()[0].Votes)
	return s
}

func updatesApproval(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	for name, arg := range map[string]any{
		"a vote":                 approval.Vote{Approval: r.ID, Digest: r.Digest, Person: "alice", Verdict: approval.Approve},
		"a stranger's signature": standing(w, stranger(t), r, nil),
		"another run":            standing(w, w.signer, r, func(s *approval.Standing, _ *grant.Grant) { s.Run = "other/1" }),
		"another execution":      standing(w, w.signer, r, func(s *approval.Standing, _ *grant.Grant) { s.Execution = "00000000-0000-0000-0000-000000000000" }),
		"another step":           standing(w, w.signer, r, func(s *approval.Standing, _ *grant.Grant) { s.Approval = "other" }),
		"what was asked before":  standing(w, w.signer, r, func(s *approval.Standing, _ *grant.Grant) { s.Request = "sha256:" + r.Plan[7:] }),
		"a grant in a standing's cloth": func() grant.Signed {
			s := standing(w, w.signer, r, nil)
			s.Kind = grant.KindGrant
			return s
		}(),
	} {
		require.Error(t, w.update(sampleRun, workflows.DecideUpdate, arg), name)
	}
	w.asked2(r)
	w.untouched()
}

// archives is a run that does something by itself which policy leaves to runs, and disables one that
// does what policy asks people about.
func (w *world) archives() workflows.Input {
	w.Helper()
	return w.forgedInput("aws.guardduty.archive_finding", map[string]any{
		"account": standin.SampleAccount, "region": standin.SampleRegion, "finding_id": w.finding(),
	})
}

// startsForged starts runs that the gateway knows nothing of, with plans that ask nobody.
func startsForged(t *testing.T) {
	w := newWorld(t)
	run, err := w.mallory.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "forged/1", TaskQueue: queue}, workflows.RunType, w.archives())
	require.NoError(t, err)
	require.ErrorContains(t, run.Get(t.Context(), nil), "not started by the gateway")
	require.Contains(t, w.refusals(), "not started by the gateway")

	// Where policy asks people the run asks; nobody's yes counts for a run that the gateway did not start.
	_, err = w.mallory.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "forged/2", TaskQueue: queue}, workflows.RunType,
		w.forgedInput("aws.iam.disable_access_key", leaked))
	require.NoError(t, err)
	refusedVote(w, "alice", w.asked("forged/2"), "not started by this gateway")
	w.untouched()
}

// stealsTicket gives a run of its own the ticket of another, which stands in its history for all of
// the namespace to read.
func stealsTicket(t *testing.T) {
	w := newWorld(t)
	w.started()
	stolen := w.ticketOf(sampleRun)
	start := func(id string, in workflows.Input) {
		_, err := w.runs.Temporal.ExecuteWorkflow(activities.WithTicket(t.Context(), stolen), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, workflows.RunType, in)
		require.NoError(t, err)
	}
	for _, id := range []string{"forged/1", sampleRun + "x"} {
		start(id, w.archives())
		require.Contains(t, story(w.over(id)), "the ticket is for the run")
	}
	// Below the run's own name it may do what the run does by itself, and nothing else.
	start(sampleRun+"/forged", w.forgedInput("aws.iam.disable_access_key", leaked))
	refusedVote(w, "alice", w.asked(sampleRun+"/forged"), "is none that the run was started with")
	w.untouched()
}

// callsActivity asks the worker for the effect itself, in the name of the run, with everything of it
// that can be copied.
func callsActivity(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	stolen := w.ticketOf(sampleRun)
	permit := &activities.Permit{Approval: r.ID, By: []string{"alice"}}
	for _, c := range r.Calls {
		permit.Covers = append(permit.Covers, c.Digest)
	}
	evil := worker.New(w.runs.Temporal, "evil", worker.Options{})
	evil.RegisterWorkflowWithOptions(func(ctx workflow.Context, name string, input json.RawMessage, step string, permit *activities.Permit) error {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			ActivityID: step, TaskQueue: queue, StartToCloseTimeout: longest, ScheduleToCloseTimeout: longest,
		}), name, input, permit).Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "evil"})
	require.NoError(t, evil.Start())
	t.Cleanup(evil.Stop)
	call := func(id string, p *activities.Permit) error {
		run, err := w.runs.Temporal.ExecuteWorkflow(activities.WithTicket(t.Context(), stolen), client.StartWorkflowOptions{ID: id, TaskQueue: "evil"},
			"evil", r.Calls[0].Activity, r.Calls[0].Input, r.Calls[0].Step, p)
		require.NoError(t, err)
		return run.Get(t.Context(), nil)
	}
	require.ErrorContains(t, call("evil/1", permit), "the ticket is for the run")
	require.ErrorContains(t, call(sampleRun+"/evil", permit), "people must approve it")
	require.Error(t, call(sampleRun+"/evil", nil))
	forged := *permit
	signed, err := stranger(t).Sign(grant.KindGrant, grant.Grant{ID: "x", Run: sampleRun + "/evil", Calls: []grant.Call{{Step: r.Calls[0].Step, Digest: r.Calls[0].Digest}}})
	require.NoError(t, err)
	forged.Grant = &signed
	require.ErrorContains(t, call(sampleRun+"/evil", &forged), "not the gateway's")
	w.untouched()

	// With the real grant, once there is one, it is too late: the run has used it, and it is for no other.
	w.approve("alice", r)
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
	w.aws.Update(activate)
	forged.Grant = w.grantOf(r)
	require.ErrorContains(t, call(sampleRun+"/evil", &forged), "the grant is for the run")
	require.Equal(t, contained, w.changes())
}

// resetsRun lets the run be executed again, from before and from after the approval.
func resetsRun(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.approve("alice", r)
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
	old := w.standingOf(r)
	w.aws.Update(activate) // so that a second time would show
	for _, at := range w.workflowTasks(sampleRun, r.Execution) {
		_, err := w.mallory.WorkflowService().ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &common.WorkflowExecution{WorkflowId: sampleRun, RunId: r.Execution},
			Reason: "to have it twice", WorkflowTaskFinishEventId: at, RequestId: grant.NewID(),
			ResetReapplyType: enums.RESET_REAPPLY_TYPE_ALL_ELIGIBLE,
		})
		require.NoError(t, err)
		settled := func(s *workflows.Status) bool {
			return s.State.Over() || len(s.Asking()) > 0
		}
		if s := w.until(sampleRun, settled); !s.State.Over() { // it asks again, at another time: the old yes is to another question
			require.Error(t, w.update(sampleRun, workflows.DecideUpdate, old))
			require.NoError(t, w.mallory.TerminateWorkflow(t.Context(), sampleRun, "", "the attack is over"))
		}
		require.Equal(t, contained, w.changes(), "reset to the task that ended with event %d", at)
	}
}

// completesCheck takes the run's calls from the queue in the worker's place, and says that all is
// well: nothing was done, and nothing on record says that it was.
func completesCheck(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.stop()
	rogue := worker.New(w.runs.Temporal, queue, worker.Options{})
	workflows.Bind(rogue)
	for _, c := range r.Calls {
		rogue.RegisterActivityWithOptions(func(context.Context, json.RawMessage, *activities.Permit) (map[string]any, error) {
			return map[string]any{"previous_status": "Active", "changed": true, "verified": true}, nil
		}, activity.RegisterOptions{Name: c.Activity})
	}
	rogue.RegisterActivityWithOptions(func(_ context.Context, s grant.Signed) (workflows.Checked, error) {
		return workflows.Checked{Kind: s.Kind, Body: s.Body}, nil
	}, activity.RegisterOptions{Name: workflows.CheckActivity})
	require.NoError(t, rogue.Start())
	t.Cleanup(rogue.Stop)
	_ = w.update(sampleRun, workflows.DecideUpdate, standing(w, stranger(t), r, nil)) // the rogue may close the run before it answers
	w.until(sampleRun, func(s *workflows.Status) bool { return s.State.Over() || len(s.Asking()) == 0 })
	w.untouched()
	require.Empty(t, w.records(ledger.Intent, ledger.Outcome, ledger.Decision))
}
