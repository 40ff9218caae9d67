package cli_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/expr"
)

// judging is a run that asks a question, in hostile words.
func judging(id string) *workflows.Status {
	st := running(id)
	st.State = workflows.Waiting
	q := approval.Question{
		ID: "judge", Run: id, Playbook: st.Playbook, Question: "Was it you, " + evil + "?",
		Groups: []string{"secops-oncall"}, People: []string{"alice@example.com", "bob@example.com"}, Asked: at(0), Expires: at(240), Digest: shown,
		Form: approval.Form{
			{Name: "count", Type: expr.Int},
			{Name: "verdict", Title: "What was it", Type: expr.String, OneOf: []json.RawMessage{json.RawMessage(`"expected"`), json.RawMessage(`"hostile"`)}},
			{Name: "note", Type: expr.String, Optional: true},
		},
	}
	st.Questions = []*workflows.QuestionStatus{{Question: q}}
	return st
}

// judged is the same, answered.
func judged(id string) *workflows.Status {
	st := judging(id)
	st.State = workflows.Done
	st.Questions[0].Ending = &approval.Ending{Outcome: approval.Answered, At: at(1), Answer: &approval.Answer{
		Question: "judge", Digest: shown, Person: "alice@example.com", Values: map[string]json.RawMessage{"count": json.RawMessage(`3`), "verdict": json.RawMessage(`"expected"`)},
	}}
	return st
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	const id = "root-login/1"
	good := []string{"answer", id, "--as", "alice@example.com", "--set", "verdict=expected", "--set", "count=3"}
	for name, tc := range map[string]struct {
		st        *workflows.Status
		args      []string
		code      int
		out, says string
		answers   int
	}{
		"answered":           {judging(id), good, 0, "answered  judge of root-login/1\n", "Question: judge", 1},
		"by name and digest": {judging(id), append([]string{"answer", id, "judge", "--digest", "a1b2c3d4"}, good[2:]...), 0, "answered", "An answer fills this form", 1},
		"something missing": {judging(id), []string{"answer", id, "--as", "alice@example.com", "--set", "note=x"}, 1, "",
			"nothing was answered: count is missing: int; verdict is missing: one of expected, hostile", 0},
		"how to fill it": {judging(id), []string{"answer", id, "--as", "alice@example.com"}, 1, "",
			"starter answer root-login/1 judge --as you@example.com --digest a1b2c3d4e5f6 --set count=VALUE --set verdict=VALUE", 0},
		"all that is wrong": {judging(id), []string{"answer", id, "--as", "alice@example.com", "--set", "verdict=hostle", "--set", "count=many", "--set", "nte=x"}, 1, "",
			`count: want int, got "many"; the form has no field "nte"; did you mean "note"?; verdict: "hostle" cannot be chosen; did you mean "hostile"?`, 0},
		"the same again":   {judged(id), good, 0, "answered  judge of root-login/1\n", "by alice@example.com", 0},
		"something else":   {judged(id), append([]string{}, append(good[:4:4], "--set", "verdict=hostile", "--set", "count=3")...), 1, "", "alice@example.com has already answered something else", 0},
		"another person":   {judged(id), append([]string{"answer", id, "--as", "bob@example.com"}, good[4:]...), 1, "", "alice@example.com has already answered", 0},
		"another digest":   {judging(id), append([]string{"answer", id, "--digest", "00000000"}, good[2:]...), 1, "", "nothing was answered: what is asked now is a1b2c3d4e5f6", 0},
		"no such question": {judging(id), append([]string{"answer", id, "contain"}, good[2:]...), 1, "", `the run root-login/1 does not ask "contain"; it asks judge`, 0},
		"an approval":      {waiting(id), good, 1, "", "asks for an approval; answer it with approve or reject", 0},
		"asks nothing":     {running(id), good, 1, "", "the run root-login/1 asks no question now", 0},
		"nobody":           {judging(id), []string{"answer", id, "--set", "count=3"}, 2, "", "want --as PERSON", 0},
		"twice":            {judging(id), append(good[:8:8], "--set", "count=4"), 2, "", "--set count is given twice", 0},
		"no value":         {judging(id), append(good[:8:8], "--set", "note"), 2, "", `--set "note": want name=value`, 0},
		"what hides":       {judging(id), []string{"answer", id, "--as", "ali\u202ece@example.com"}, 1, "", "holds what does not print", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{statuses: map[string][]*workflows.Status{id: {tc.st}}}
			r := f.starter(t, tc.args...)
			r.require(t, tc.code, tc.out, tc.says)
			require.NotContains(t, r.out+r.err, evil)
			require.Len(t, f.answers, tc.answers)
			if tc.answers == 0 {
				return
			}
			require.Equal(t, `"expected"`, string(f.answers[0].Values["verdict"]))
			require.Equal(t, `3`, string(f.answers[0].Values["count"]))
			require.Equal(t, shown, string(f.answers[0].Digest))
		})
	}
}

func TestAnswerJSON(t *testing.T) {
	t.Parallel()
	const id = "root-login/1"
	f := &fake{statuses: map[string][]*workflows.Status{id: {judging(id)}}, listed: []workflows.Listed{{Run: id}}}
	r := f.starter(t, "answer", id, "-o", "json", "--as", "alice@example.com", "--set", "verdict=expected", "--set", "count=3")
	require.Zero(t, r.code)
	require.JSONEq(t, `{"run":"root-login/1","question":"judge","digest":"`+shown+`","outcome":"answered","person":"alice@example.com","values":{"count":3,"verdict":"expected"}}`, r.out)

	r = f.starter(t, "approvals", "-o", "json")
	require.Zero(t, r.code)
	var waiting struct {
		Questions []struct{ Question workflows.QuestionStatus }
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &waiting))
	require.Equal(t, judging(id).Questions[0].Form, waiting.Questions[0].Question.Form)
}

// What waits for people is listed with how to answer it, and the story tells what was said.
func TestQuestionsAreShown(t *testing.T) {
	t.Parallel()
	const id = "root-login/1"
	const command = "starter answer root-login/1 judge --as you@example.com --digest a1b2c3d4e5f6 --set count=VALUE --set verdict=VALUE"
	f := &fake{statuses: map[string][]*workflows.Status{id: {judging(id)}}, listed: []workflows.Listed{{Run: id}}}
	r := f.starter(t, "approvals")
	r.require(t, 0, command, "")
	require.Contains(t, r.out, "verdict: one of expected, hostile")
	f.starter(t, "show", id).require(t, 0, "Questions", "judge waits for people: "+command)
	require.NotContains(t, r.out, evil)

	f.statuses[id] = []*workflows.Status{judged(id)}
	r = f.starter(t, "show", id)
	r.require(t, 0, "by alice@example.com", "")
	require.Contains(t, r.out, "verdict  expected")
}

func TestAnswerThatGetsNoAnswer(t *testing.T) {
	t.Parallel()
	const id = "root-login/1"
	args := []string{"answer", id, "--as", "alice@example.com", "--set", "verdict=expected", "--set", "count=3"}
	for code, err := range map[int]error{
		3: fmt.Errorf("answer: %w", workflows.ErrNoWorker),
		1: fmt.Errorf("answer: %w", approval.ErrRefused),
	} {
		f := &fake{statuses: map[string][]*workflows.Status{id: {judging(id)}}, fails: map[string]error{"answer": err}}
		require.Equal(t, code, f.starter(t, args...).code)
	}
}
