package redteam

import (
	"database/sql"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // drivers of the two databases
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

func replaced(text, old, with string) string { return strings.Replace(text, old, with, 1) }

// halts throws the kill switch after people have approved and before anything is done.
func halts(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.between("alice", r, func() {
		_, err := w.desk.Halt(t.Context(), by("carol"), "something is wrong with us")
		require.NoError(t, err)
	})
	again := w.askedAgain(r)
	require.Contains(t, again.Again.Why, "the kill switch is thrown")
	refusedNow := vote(again, approval.Approve)
	_, err := w.desk.Vote(t.Context(), by("alice"), again.Run, refusedNow)
	require.ErrorContains(t, err, "effects are halted")
	w.untouched()
	_, err = w.desk.Resume(t.Context(), by("carol"), "it was a drill")
	require.NoError(t, err)
	w.approve("alice", again)
	w.over(sampleRun)
	require.Equal(t, contained, w.changes())
}

// askedAgain waits until a run asks people anew.
func (w *world) askedAgain(r approval.Request) approval.Request {
	w.Helper()
	var again approval.Request
	w.until(r.Run, func(s *workflows.Status) bool {
		if asking := s.Asking(); len(asking) == 1 && asking[0].Digest != r.Digest {
			again = asking[0].Request
			return true
		}
		return false
	})
	require.NotNil(w, again.Again)
	require.Equal(w, r.Digest, again.Again.Of)
	return again
}

// runsAway starts as many runs as it can; the breaker lets as many effects pass as it says.
func runsAway(t *testing.T) {
	w := newWorld(t)
	w.write("policy.yaml", replaced(policyText(""), "\nbreakers:\n", "\nbreakers:\n  - {name: few, activities: [\"*\"], most: 2, per: 1h, each: account}\n"))
	r := w.started()
	w.approve("alice", r)
	require.Contains(t, w.askedAgain(r).Again.Why, `is open: at most 2 in 1h`)
	require.Equal(t, contained[:2], w.changes())
	w.stop() // the count is not in the worker
	w.startWorker()
	pb := w.compile("more", "steps:\n  - id: ask\n    approve: More?\n    approvers: [secops-oncall]\n    steps:\n      - {id: act, activity: aws.iam.disable_access_key, with: "+inline(w, leaked)+"}\n")
	started, err := w.desk.Start(t.Context(), by("carol"), desk.Start{Plan: &pb.Plan})
	require.NoError(t, err)
	more := w.asked(started.Run)
	w.approve("alice", more)
	require.Contains(t, w.askedAgain(more).Again.Why, `is open: at most 2 in 1h`)
	require.Equal(t, contained[:2], w.changes())
}

// neverTouched approves what nobody may approve.
func neverTouched(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.between("alice", r, func() {
		w.write("policy.yaml", policyText("never_touch: ["+leakedUser+"]\n"))
	})
	require.Contains(t, story(w.over(sampleRun)), "never touched")
	w.untouched()
}

// losesLedger takes the ledger away: nothing is done that would not be on record.
func losesLedger(t *testing.T) {
	w := newWorld(t)
	r := w.started()
	w.approve("alice", r)
	w.over(sampleRun)
	before := w.changes()
	require.NoError(t, w.ledger.Close())
	_, err := w.desk.Halt(t.Context(), by("carol"), "x")
	require.Error(t, err, "what cannot be recorded does not happen")
	require.Equal(t, before, w.changes())
}

// editsLedger changes the record through the database, as the application and as its owner.
func editsLedger(t *testing.T) {
	w := newWorld(t)
	w.approve("alice", w.started())
	w.over(sampleRun)
	db := w.database()
	for _, statement := range []string{
		"UPDATE records SET body = '{}' WHERE seq = 2", "DELETE FROM records WHERE seq = 2", "DELETE FROM records",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.Error(t, err, statement)
	}
	require.NotEmpty(t, w.records(ledger.Outcome))
}

// database is the ledger's own, without the ledger.
func (w *world) database() *sql.DB {
	w.Helper()
	driver, url := "pgx", w.url
	if file, ok := strings.CutPrefix(w.url, "sqlite:"); ok {
		driver, url = "sqlite", file
	}
	db, err := sql.Open(driver, url)
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, db.Close()) })
	return db
}
