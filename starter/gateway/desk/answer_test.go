package desk_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

// poses lets the run ask a question.
func (o *office) poses() approval.Question {
	o.t.Helper()
	now := time.Now().UTC()
	q := approval.Question{
		ID: "judge", Run: run, Execution: "e1", Plan: o.asks().Plan, Question: "Is it expected?",
		Form: approval.Form{{Name: "verdict", Type: expr.String}}, Groups: []string{"secops-oncall"}, People: []string{"alice", "bob", "carol", "dora"},
		Asked: now, Expires: now.Add(time.Hour),
	}
	require.NoError(o.t, q.Seal())
	o.status[run].Questions = []*workflows.QuestionStatus{{Question: q}}
	return q
}

func says(q approval.Question, verdict string) desk.Answer {
	return desk.Answer{Question: q.ID, Digest: q.Digest, Values: map[string]json.RawMessage{"verdict": json.RawMessage(`"` + verdict + `"`)}}
}

func TestAnswer(t *testing.T) {
	o := received(t)
	q := o.poses()
	_, err := o.Answer(t.Context(), by("dora"), run, says(q, "expected"))
	require.ErrorContains(t, err, "dora is not among those who may answer", "the run says that she may; the directory does not")
	_, err = o.Answer(t.Context(), by("alice"), run, desk.Answer{Question: q.ID, Digest: q.Digest})
	require.ErrorContains(t, err, "verdict is missing")
	for range 2 {
		ending, err := o.Answer(t.Context(), by("alice"), run, says(q, "expected"))
		require.NoError(t, err)
		require.Equal(t, "alice", ending.Answer.Person)
	}
	require.Equal(t, o.answers[0], o.answers[1], "the same again")
	require.Equal(t, "e1", o.answers[0].Execution)
	_, err = o.Answer(t.Context(), by("alice"), run, says(q, "hostile"))
	require.ErrorContains(t, err, "has already answered something else")
	_, err = o.Answer(t.Context(), by("bob"), run, says(q, "expected"))
	require.ErrorContains(t, err, "alice has already answered")
	require.Len(t, records[ledger.AnswerBody](o, ledger.Answer), 1)

	o.status[run].Questions[0].Question.Question = "Nothing to see?"
	_, err = o.Answer(t.Context(), by("bob"), run, says(q, "expected"))
	require.ErrorContains(t, err, "its digest is not that of what it says")
}

// Whom an answer names there must be, under that very id.
func TestAnswerNamesPeople(t *testing.T) {
	for name, tc := range map[string]struct{ owner, says string }{
		"somebody":                {"dora", ""},
		"nobody":                  {"mallory", "the directory has nobody of the id mallory"},
		"somebody's mail address": {"bob@example.com", "the directory has bob@example.com under the id bob; answer with that"},
		"a source":                {"ci", "nobody of the id ci"},
		"no id at all":            {"<!channel>", "want the id of a person"},
	} {
		t.Run(name, func(t *testing.T) {
			o := received(t)
			q := o.poses()
			q.Form = append(q.Form, approval.Field{Name: "owner", Type: expr.String, Is: approval.IsPerson})
			require.NoError(t, q.Seal())
			o.status[run].Questions = []*workflows.QuestionStatus{{Question: q}}
			a := says(q, "expected")
			a.Values["owner"] = json.RawMessage(`"` + tc.owner + `"`)
			_, err := o.Answer(t.Context(), by("alice"), run, a)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, approval.ErrRefused)
			require.ErrorContains(t, err, tc.says)
			require.Empty(t, records[ledger.AnswerBody](o, ledger.Answer))
		})
	}
}

// A run may say anything: a form that nothing can be made of is refused before anybody is shown it.
func TestFormWithoutType(t *testing.T) {
	o := received(t)
	q := o.poses()
	q.Form = approval.Form{{Name: "note"}}
	require.NoError(t, q.Seal())
	o.status[run].Questions = []*workflows.QuestionStatus{{Question: q}}
	_, err := o.Sight(t.Context(), run, q.Digest)
	require.ErrorIs(t, err, approval.ErrRefused)
	require.ErrorContains(t, err, "has no type")
}

func TestDelegate(t *testing.T) {
	o := received(t)
	r := o.asks(sealed(func(r *approval.Request) { r.Quorum = 2 }))
	give := func(to string) desk.Delegate { return desk.Delegate{Approval: r.ID, Digest: r.Digest, To: to} }
	for name, tc := range map[string]struct{ from, to, says string }{
		"to nobody":           {"alice", "mallory", `the directory has nobody "mallory"`},
		"to oneself":          {"alice", "alice@example.com", "alice has that vote already"},
		"of somebody without": {"dora", "bob", "is not among those"},
	} {
		_, err := o.Delegate(t.Context(), by(tc.from), run, give(tc.to))
		require.ErrorContains(t, err, tc.says, name)
	}
	given, err := o.Delegate(t.Context(), by("alice"), run, give("dora"))
	require.NoError(t, err)
	require.Equal(t, "dora", given.To)
	_, err = o.Delegate(t.Context(), by("dora"), run, give("zoe"))
	require.ErrorContains(t, err, "is not handed on")
	_, err = o.Vote(t.Context(), by("alice"), run, yes(r))
	require.ErrorContains(t, err, "alice has delegated the vote to dora")
	_, err = o.Vote(t.Context(), by("bob"), run, yes(r))
	require.NoError(t, err)
	_, err = o.Delegate(t.Context(), by("bob"), run, give("zoe"))
	require.ErrorContains(t, err, "bob has already voted")
	got, err := o.Vote(t.Context(), by("dora"), run, yes(r))
	require.NoError(t, err)
	require.Equal(t, []string{"bob", "dora"}, got.Decision.By)
	_, g := o.arrived()
	require.Equal(t, "alice", g.Approvers[1].For)
}

// A gateway that cannot trust its record halts by itself; a person lets effects go on.
func TestAlarm(t *testing.T) {
	o := open(t)
	_, err := o.Alarm(t.Context(), strings.Repeat("the ledger was changed ", 1000))
	require.NoError(t, err)
	now, err := o.Switch(t.Context())
	require.NoError(t, err)
	require.True(t, now.Halted)
	require.Equal(t, desk.Itself, now.By)
	_, err = o.Resume(t.Context(), by("zoe"), "looked at, and restored")
	require.NoError(t, err)
}

func TestSwitch(t *testing.T) {
	o := open(t, func(opts *desk.Options) { opts.Resuming = []string{"secops-leads"} })
	now, err := o.Switch(t.Context())
	require.NoError(t, err)
	require.False(t, now.Halted)
	_, err = o.Halt(t.Context(), by("mallory"), "x")
	require.ErrorIs(t, err, desk.ErrForbidden)
	_, err = o.Halt(t.Context(), by("dora"), " ")
	require.ErrorContains(t, err, "takes a reason")
	_, err = o.Halt(t.Context(), by("dora"), "something is off")
	require.NoError(t, err)
	now, err = o.Switch(t.Context())
	require.NoError(t, err)
	require.True(t, now.Halted)
	_, err = o.Resume(t.Context(), by("dora"), "all is well")
	require.ErrorContains(t, err, "by the word of [secops-leads]")
	_, err = o.Resume(t.Context(), by("zoe"), "all is well")
	require.NoError(t, err)
	now, err = o.Switch(t.Context())
	require.NoError(t, err)
	require.Equal(t, "zoe", now.By)
	require.False(t, now.Halted)
}

// While effects are halted a yes waits; a no is a no.
func TestVoteWhileHalted(t *testing.T) {
	o := received(t)
	r := o.asks()
	_, err := o.Halt(t.Context(), by("dora"), "smoke")
	require.NoError(t, err)
	_, err = o.Vote(t.Context(), by("alice"), run, yes(r))
	require.ErrorContains(t, err, "effects are halted since")
	require.ErrorContains(t, err, "by dora: smoke")
	_, err = o.Resume(t.Context(), by("zoe"), "a drill")
	require.NoError(t, err)
	_, err = o.Vote(t.Context(), by("alice"), run, yes(r))
	require.NoError(t, err)
}

func TestCancel(t *testing.T) {
	o := received(t)
	require.ErrorContains(t, o.Cancel(t.Context(), by("dora"), "other/1"), "was not started by this gateway")
	require.ErrorIs(t, o.Cancel(t.Context(), by("ci"), run), desk.ErrForbidden)
	require.NoError(t, o.Cancel(t.Context(), by("dora"), run))
	require.Equal(t, []string{run}, o.cancelled)
	require.Equal(t, []ledger.CancelBody{{Run: run, By: "dora"}}, records[ledger.CancelBody](o, ledger.Cancel))

	about := open(t)
	ev := sample(t)
	ev.Subject = "carol-admin"
	_, err := about.Receive(t.Context(), by("ci"), ev)
	require.NoError(t, err)
	require.ErrorContains(t, about.Cancel(t.Context(), by("carol"), run), "carol is whom it is about")
	require.Empty(t, about.cancelled)
}

// Whoever can send an event that joins a run takes the vote from nobody by naming them in it.
func TestJoinedIsAboutNobody(t *testing.T) {
	o := received(t)
	ev := sample(t)
	ev.Subject = "carol-admin"
	_, err := o.Receive(t.Context(), by("ci"), ev)
	require.NoError(t, err)
	require.Len(t, records[ledger.JoinedBody](o, ledger.Joined), 1)
	require.NoError(t, o.Cancel(t.Context(), by("carol"), run))
}
