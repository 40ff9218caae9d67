package redteam

import (
	"encoding/json"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/aws/standin"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/playbooks"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// What somebody can do who has a token, or who has somebody's ear.

func refusedVote(w *world, person string, r approval.Request, says string) {
	w.Helper()
	_, err := w.desk.Vote(w.Context(), by(person), r.Run, vote(r, approval.Approve))
	require.ErrorContains(w, err, says)
	require.Empty(w, w.records(ledger.Decision))
}

// startedBy is the sample's run, started by a person.
func (w *world) startedBy(person string) approval.Request {
	w.Helper()
	_, err := w.desk.Receive(w.Context(), by(person), w.sample())
	require.NoError(w, err)
	return w.asked(sampleRun)
}

func approvesOwn(t *testing.T) {
	w := newWorld(t)
	r := w.startedBy("alice")
	refusedVote(w, "alice", r, "started")
	w.untouched()
	w.approve("bob", r)
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
}

func approvesOnSelf(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	refusedVote(w, "dora", r, "about")
	w.untouched()
}

func outsiderApproves(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	refusedVote(w, "carol", r, "")
	refusedVote(w, "mallory", r, "not in the directory")
	refusedVote(w, "pipeline", r, "source")
	w.untouched()
}

// leavesGroup is an approver who is removed after the click and before the effect.
func leavesGroup(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.between("alice", r, func() {
		w.write("people.yaml", replaced(people, "secops-oncall: [alice, bob, dora]", "secops-oncall: [bob, dora]"))
	})
	status := w.over(sampleRun)
	require.Contains(t, story(status), "still may")
	w.untouched()
}

func directoryGone(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.write("people.yaml", "not: a directory")
	_, err := w.desk.Vote(t.Context(), by("alice"), r.Run, vote(r, approval.Approve))
	require.Error(t, err)
	w.untouched()
	w.write("people.yaml", people)
	w.approve("alice", r)
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
}

// racingVotes are a hundred at once, yes and no: there is one decision, and if anybody said no in
// time there is no grant.
func racingVotes(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			v := vote(r, approval.Approve)
			if i%2 == 1 {
				v.Verdict = approval.Reject
			}
			_, err := w.desk.Vote(t.Context(), by([]string{"alice", "bob"}[i%2]), r.Run, v)
			if err != nil && !errors.Is(err, approval.ErrRefused) && !errors.Is(err, workflows.ErrNoWorker) {
				t.Errorf("vote %d: %v", i, err)
			}
		})
	}
	wait.Wait()
	require.Len(t, w.records(ledger.Vote), 2, "one vote a person")
	decisions := w.records(ledger.Decision)
	require.Len(t, decisions, 1)
	var d ledger.DecisionBody
	require.NoError(t, json.Unmarshal(decisions[0].Body, &d))
	require.Equal(t, d.Outcome == string(approval.Approved), d.Grant != nil)
	w.over(sampleRun)
	if d.Grant == nil {
		require.NotContains(t, w.changes(), "iam:UpdateAccessKey")
	} else {
		require.Equal(t, contained, w.changes())
	}
}

func repeatedVote(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	for range 5 {
		w.approve("alice", r)
	}
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
	require.Len(t, w.records(ledger.Vote), 1)
	require.Len(t, w.records(ledger.Decision), 1)
}

// decidesLate brings a run a decision that was made when the time was over.
func decidesLate(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	require.Error(t, w.update(sampleRun, workflows.DecideUpdate, standing(w, w.signer, r, func(s *approval.Standing, _ *grant.Grant) {
		s.Decision.At = r.Expires.Add(time.Minute)
	})))
	w.asked2(r)
	w.untouched()
}

// changesWorld lets the world be another one at the time of acting than what was shown.
func changesWorld(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.between("alice", r, func() {
		w.aws.Update(func(s *standin.State) {
			s.Accounts[standin.SampleAccount].IAM.Users[leakedUser].AccessKeys[leakedKey].Status = "Inactive"
		})
	})
	w.askedAgain(r)
	w.untouched()
}

// changesPlaybook changes what is in the library while people are asked: the run does what they saw.
func changesPlaybook(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	const file = "run/aws-compromised-access-key.yaml"
	raw, err := fs.ReadFile(playbooks.Files, file)
	require.NoError(t, err)
	w.open(fstest.MapFS{file: {Data: []byte(replaced(string(raw), "aws.iam.disable_access_key", "aws.iam.enable_access_key"))}})
	w.approve("alice", r)
	require.Equal(t, r.Plan, w.over(sampleRun).Plan)
	require.Equal(t, contained, w.changes())
}

// votesForOther votes for something that is not asked: another digest, an approval of another run.
func votesForOther(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	other := r
	other.Digest = r.Plan
	refusedVote(w, "alice", other, "look at the request again")
	other = r
	other.ID = "other"
	refusedVote(w, "alice", other, "not asking")
	_, err := w.desk.Vote(t.Context(), by("alice"), "aws-compromised-access-key/other", vote(r, approval.Approve))
	require.Error(t, err)
	w.untouched()
}

// forgedRequest is a run of somebody else's making that asks in the clothes of ours.
func forgedRequest(t *testing.T) {
	w := newWorld(t)
	pb := w.compile("forged", `
steps:
  - id: ask
    approve: A harmless thing?
    approvers: [secops-oncall]
    expires: 10m
    steps:
      - {id: act, activity: aws.iam.disable_access_key, with: `+inline(w, leaked)+`}
`)
	in, err := workflows.NewInput(pb, w.sample(), nil)
	require.NoError(t, err)
	_, err = w.runs.Start(t.Context(), pb, "1", in)
	require.NoError(t, err)
	r := w.asked("forged/1")
	refusedVote(w, "alice", r, "not started by this gateway")
	w.untouched()
}

// breaksGlass decides alone: only who may, only with a reason, and never unseen.
func breaksGlass(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	v := vote(r, approval.Approve)
	v.BreakGlass, v.Reason = true, "nobody answers, and the key is being used"
	_, err := w.desk.Vote(t.Context(), by("alice"), r.Run, v)
	require.Error(t, err)
	v.Reason = " "
	_, err = w.desk.Vote(t.Context(), by("carol"), r.Run, v)
	require.Error(t, err)
	w.untouched()
	v.Reason = "nobody answers, and the key is being used"
	_, err = w.desk.Vote(t.Context(), by("carol"), r.Run, v)
	require.NoError(t, err)
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
	require.Len(t, w.records(ledger.Review), 1, "a review is open")
}

// usesExpiredGrant holds a decision back until its grant is worth nothing.
func usesExpiredGrant(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	require.NoError(t, w.update(sampleRun, workflows.DecideUpdate, standing(w, w.signer, r, func(_ *approval.Standing, g *grant.Grant) {
		g.NotBefore, g.Expires = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	})))
	w.until(sampleRun, func(s *workflows.Status) bool {
		asking := s.Asking()
		return s.State.Over() || len(asking) == 1 && asking[0].Digest != r.Digest
	})
	w.untouched()
}
