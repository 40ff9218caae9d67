package workflows_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

const judging = `
  - id: judge
    ask: Who broke the lamp in the ${inputs.lamp}?
    who: [oncall, night]
    form:
      verdict: {type: string, one_of: [accident, malice], title: What was it}
      count: {type: int, optional: true}
    expires: 4h
outcome: 'steps.judge.answered ? steps.judge.answer.verdict + string(steps.judge.answer.?count.orValue(0)) + " " + steps.judge.by : "nobody: " + steps.judge.reason'
`

// says is an answer to what is asked now.
func (h *house) reply(person string, values map[string]string) approval.Answer {
	h.Helper()
	open := h.status().Unanswered()
	require.Len(h, open, 1, "%+v", h.status())
	a := approval.Answer{Question: open[0].ID, Digest: open[0].Digest, Person: person, Values: map[string]json.RawMessage{}}
	for name, value := range values {
		a.Values[name] = json.RawMessage(value)
	}
	return a
}

// reply is what became of an answer.
type reply struct {
	rejected, err error
	ending        approval.Ending
}

func (r *reply) Accept()          {}
func (r *reply) Reject(err error) { r.rejected = err }
func (r *reply) Complete(v any, err error) {
	r.ending, _ = v.(approval.Ending)
	r.err = err
}

// fill answers the way people do.
func (h *house) fill(a approval.Answer) *reply {
	r := &reply{}
	h.updates++
	h.env.UpdateWorkflow(workflows.AnswerUpdate, "answer-"+strconv.Itoa(h.updates), r, h.signedAnswer(a))
	return r
}

// signedAnswer is what the gateway makes of an answer.
func (h *house) signedAnswer(a approval.Answer) grant.Signed {
	h.Helper()
	st := h.status()
	signed, err := h.desk.Answer(approval.Question{Run: st.Run, Execution: st.Execution}, a)
	require.NoError(h, err)
	return signed
}

func TestAnswered(t *testing.T) {
	h := newHouse(t)
	var first, again, other, late *reply
	h.at(time.Minute, func() {
		require.Equal(t, workflows.Waiting, h.status().State)
		require.Equal(t, playbook.StatusWaiting, h.status().Step("judge").Status)
		q := h.status().Unanswered()[0]
		require.Equal(t, "Who broke the lamp in the desk?", q.Question.Question)
		require.Equal(t, []string{alice, bob}, q.People)
		a := h.reply(bob, map[string]string{"verdict": `"malice"`, "count": `2`})
		first, again = h.fill(a), h.fill(a)
		b := a
		b.Person = alice
		late = h.fill(b)
		a.Values = map[string]json.RawMessage{"verdict": json.RawMessage(`"accident"`)}
		other = h.fill(a)
	})
	outcome, err := h.run(strings.Replace(judging, "outcome:", "  - {wait: 1h}\noutcome:", 1))
	require.NoError(t, err)
	require.Equal(t, "malice2 "+bob, outcome)
	for _, r := range []*reply{first, again} {
		require.NoError(t, r.rejected)
		require.NoError(t, r.err)
		require.Equal(t, approval.Answered, r.ending.Outcome)
		require.Equal(t, bob, r.ending.Answer.Person)
	}
	for r, says := range map[*reply]string{late: "bob@example.com has already answered", other: "bob@example.com has already answered something else"} {
		err := r.rejected
		if err == nil { // both were there before either counted
			err = r.err
		}
		require.ErrorContains(t, err, says)
	}
	q := h.status().Questions[0]
	require.False(t, q.Open())
	require.Empty(t, q.Refused)
	require.Equal(t, `"malice"`, string(q.Ending.Answer.Values["verdict"]))
	require.Equal(t, playbook.StatusDone, h.status().Step("judge").Status)
}

func TestNotAnswered(t *testing.T) {
	h := newHouse(t)
	began := h.env.Now()
	outcome, err := h.run(judging)
	require.NoError(t, err)
	require.Equal(t, "nobody: nobody answered within 4h0m0s", outcome)
	require.Equal(t, 4*time.Hour+approval.Grace, h.env.Now().Sub(began))
	require.Equal(t, approval.Expired, h.status().Questions[0].Ending.Outcome)
}

// What keeps an answer from counting is said to a person at once, and of a machine's signal by the
// story of the run.
func TestRefusedAnswers(t *testing.T) {
	for says, change := range map[string]func(*approval.Answer){
		"carol@example.com is not among those who may answer (oncall, night)": func(a *approval.Answer) { a.Person = carol },
		"it names nobody": func(a *approval.Answer) { a.Person = "" },
		"it was given to 0123456789ab, and what is asked now is": func(a *approval.Answer) { a.Digest = "sha256:0123456789abcdef" },
		`is not asking "contain"`:                                func(a *approval.Answer) { a.Question = "contain" },
		"verdict is missing: one of accident, malice":            func(a *approval.Answer) { delete(a.Values, "verdict") },
		`the form has no field "verdit"; did you mean "verdict"?; verdict is missing`: func(a *approval.Answer) {
			a.Values = map[string]json.RawMessage{"verdit": json.RawMessage(`"malice"`)}
		},
		`verdict: "malic" cannot be chosen; did you mean "malice"?`: func(a *approval.Answer) { a.Values["verdict"] = json.RawMessage(`"malic"`) },
		`count: want int, got the string "two"`:                     func(a *approval.Answer) { a.Values["count"] = json.RawMessage(`"two"`) },
		"at most 65536 are kept": func(a *approval.Answer) {
			a.Values["verdict"] = json.RawMessage(`"` + strings.Repeat("x", 400_000) + `"`)
		},
		"a person is at most 254 bytes": func(a *approval.Answer) { a.Person = strings.Repeat("x", 400_000) },
	} {
		t.Run(says, func(t *testing.T) {
			h := newHouse(t)
			var byUpdate *reply
			var refused approval.Answer
			h.at(time.Minute, func() {
				refused = h.reply(alice, map[string]string{"verdict": `"malice"`})
				change(&refused)
				byUpdate = h.fill(refused)
				for range 30 {
					h.env.SignalWorkflow(workflows.AnswerSignal, h.signedAnswer(refused))
				}
			})
			outcome, err := h.run(judging)
			require.NoError(t, err)
			require.Contains(t, outcome, "nobody: ")
			require.ErrorContains(t, byUpdate.rejected, says)
			require.ErrorContains(t, byUpdate.rejected, "does not count")
			q := h.status().Questions[0]
			if refused.Question != q.ID {
				require.Empty(t, q.Refused)
				return
			}
			require.Len(t, q.Refused, 20, "only signals leave a trace, and not more than that")
			raw, err := json.Marshal(h.status())
			require.NoError(t, err)
			require.Less(t, len(raw), 15_000)
		})
	}
}

// An answer by signal counts, also when its task brings the end of the time as well.
func TestAnswerAtTheLastMoment(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		h.env.SignalWorkflowSkippingWorkflowTask(workflows.AnswerSignal, h.signedAnswer(h.reply(alice, map[string]string{"verdict": `"accident"`})))
	})
	outcome, err := h.run(judging)
	require.NoError(t, err)
	require.Equal(t, "accident0 "+alice, outcome)
}

// Who cancels a run that waits for people ends it, and the question is withdrawn; what finally does
// is done.
func TestCancelWhileAsking(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, h.env.CancelWorkflow)
	_, err := h.run(`
  - try: [{id: judge, ask: "Who?", who: [oncall], form: {a: {type: string}}}]
    catch: [{activity: lamp.douse, with: {lamp: desk}}]
    finally: [{activity: lamp.look, with: {lamp: desk}}]
`)
	require.Error(t, err)
	require.Equal(t, workflows.Cancelled, h.status().State)
	require.Equal(t, approval.Withdrawn, h.status().Questions[0].Ending.Outcome)
	require.Equal(t, []string{`lamp.look {"lamp":"desk"}`}, h.calls())
	require.Equal(t, "cancelled", h.status().Step("judge").Error)
}

// An answer and a cancellation in one task: the step is done, and the run still ends.
func TestCancelBesideAnAnswer(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		h.env.SignalWorkflow(workflows.AnswerSignal, h.signedAnswer(h.reply(alice, map[string]string{"verdict": `"accident"`})))
		h.env.CancelWorkflow()
	})
	_, err := h.run(strings.Replace(judging, "outcome:", "  - {activity: lamp.douse, with: {lamp: desk}}\noutcome:", 1))
	require.Error(t, err)
	require.Equal(t, workflows.Cancelled, h.status().State)
	require.Empty(t, h.calls())
}

// Every round asks its own question, and a step that was skipped says that nobody answered.
func TestAskInALoop(t *testing.T) {
	h := newHouse(t)
	h.at(time.Minute, func() {
		open := h.status().Unanswered()
		require.Len(t, open, 2)
		for _, q := range open { // begun side by side, so in any order
			n := map[string]string{"each[0].judge": "5", "each[1].judge": "7"}[q.ID]
			h.fill(approval.Answer{Question: q.ID, Digest: q.Digest, Person: alice, Values: map[string]json.RawMessage{"n": json.RawMessage(n)}})
		}
	})
	outcome, err := h.run(`
  - id: each
    for_each: '["hall", "attic"]'
    max_parallel: 2
    steps:
      - {id: judge, ask: "How many in the ${item}?", who: [oncall], form: {n: {type: int}}}
    collect: steps.judge.?answer.n.orValue(0)
  - {id: never, if: run.id == "", ask: "And?", who: [oncall], form: {n: {type: int}}}
outcome: 'string(steps.each.results[0]) + string(steps.each.results[1]) + " " + string(steps.never.answered) + " " + steps.never.reason'
`)
	require.NoError(t, err)
	require.Equal(t, "57 false skipped", outcome)
}

func TestQuestionsThatNobodyCanAnswer(t *testing.T) {
	for steps, says := range map[string]string{
		"  - {id: judge, ask: 'Who?', who: [unheard], form: {a: {type: string}}}":                     `step "judge": look up the people of [unheard]: the directory has no group "unheard"`,
		"  - {id: judge, ask: 'Who? ${event.data.absent}', who: [oncall], form: {a: {type: string}}}": `step "judge": ask: evaluate "event.data.absent"`,
	} {
		h := newHouse(t)
		_, err := h.run(steps)
		require.ErrorContains(t, err, says)
		require.Empty(t, h.status().Questions)
	}
}
