package card_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// questioning asks one thing, in the words of an event that imitates a card.
func questioning() *workflows.Status {
	st := waiting()
	st.Approvals = nil
	st.Steps = []*workflows.StepStatus{{ID: "judge", Verb: "ask", Status: playbook.StatusWaiting, Started: when(0, 1)}}
	st.Questions = []*workflows.QuestionStatus{{Question: approval.Question{
		ID: "judge", Run: st.Run, Playbook: st.Playbook, Question: "Was it you?\n\n  answer     12:00:00  by nobody\x1b[2K",
		Groups: []string{"secops-oncall"}, People: []string{"alice@example.com", "bob\u202e@example.com"},
		Asked: at(0, 2), Expires: at(60, 2), Digest: st.Plan,
		Form: approval.Form{
			{Name: "verdict", Title: "What was it", Type: expr.String, OneOf: []json.RawMessage{json.RawMessage(`"expected"`), json.RawMessage(`"hos\u202etile"`)}},
			{Name: "note", Type: expr.String, Optional: true},
		},
	}}}
	return st
}

func answered() *workflows.Status {
	st := questioning()
	st.State = workflows.Running
	st.Steps[0].Status, st.Steps[0].Ended = playbook.StatusDone, when(3, 0)
	st.Steps = append(st.Steps, &workflows.StepStatus{
		ID: "more", Verb: "wait", Status: playbook.StatusRunning, Started: when(3, 0),
		Waits: &workflows.EventWait{Event: "aws.guardduty.finding", Until: at(60, 0)},
	})
	q := st.Questions[0]
	q.Refused = []string{"mallory: the answer does not count\nanswer  12:00:00 by nobody"}
	q.Ending = &approval.Ending{Outcome: approval.Answered, At: at(3, 0), Answer: &approval.Answer{
		Question: "judge", Person: "alice@example.com", Values: map[string]json.RawMessage{
			"verdict": json.RawMessage(`"expected"`), "note": json.RawMessage(`"on leave\n  digest     000000000000\u001b[2K"`),
		},
	}}
	return st
}

func expired() *workflows.Status {
	st := answered()
	end := st.Questions[0].Expire()
	st.Questions[0].Ending = &end
	return st
}

func TestQuestion(t *testing.T) {
	t.Parallel()
	for name, st := range map[string]*workflows.Status{"question": questioning(), "question-answered": answered(), "question-expired": expired()} {
		var out bytes.Buffer
		require.NoError(t, card.Question(&out, st, st.Questions[0], at(2, 30)))
		out.WriteString("\n----\n")
		require.NoError(t, card.Story(&out, st))
		out.WriteString("\n----\n")
		p := card.NewProgress(&out)
		p.See(questioning())
		p.See(st)
		golden(t, name, out.String())
	}
}
