package desk

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Answer is what a person says to a question.
type Answer struct {
	Question string                     `json:"question"`
	Digest   digest.Digest              `json:"digest"`
	Values   map[string]json.RawMessage `json:"values"`
}

// AnswerResult is what an answer led to.
type AnswerResult struct {
	approval.Ending
	// Arrived says that the run knows. If not it is told until it does.
	Arrived bool `json:"arrived"`
}

// Answer gives a run the answer to a question. The first answer counts; to give it again is safe. It
// is on record before the run is told: when ctx ends meanwhile, the telling goes on.
func (d *Desk) Answer(ctx context.Context, p Principal, run string, a Answer) (AnswerResult, error) {
	people, err := d.human(p)
	if err != nil {
		return AnswerResult{}, d.refused(ctx, p, run, a.Digest, err)
	}
	q, err := d.question(ctx, run, a)
	if err != nil {
		return AnswerResult{}, d.turn(ctx, p, run, a.Digest, err)
	}
	members, err := people.MembersFor(ctx, []string{p.Person}, q.Groups...)
	if errors.Is(err, directory.ErrLookup) {
		err = unseated{err}
	}
	if err == nil && !slices.Contains(members, p.Person) {
		err = refuse("%s is not among those who may answer (%s)", p.Person, strings.Join(q.Groups, ", "))
	}
	said := approval.Answer{Question: q.ID, Digest: q.Digest, Person: p.Person, Values: a.Values}
	if err == nil {
		err = q.Admit(said, q.Ending)
	}
	if err == nil {
		err = known(people, q.Form.People(a.Values))
	}
	if err == nil {
		err = d.recordAnswer(ctx, p, run, q, &said)
	}
	if err != nil {
		return AnswerResult{}, d.turn(ctx, p, run, a.Digest, err)
	}
	if q.Ending != nil { // it was this answer
		return AnswerResult{*q.Ending, true}, nil
	}
	d.Log.InfoContext(ctx, "answer", "run", run, "question", q.ID, "digest", q.Digest.Short(), "person", p.Person)
	got, err := d.bring(ctx, errand{word: answered, run: run, execution: q.Execution, id: q.ID, asked: q.Digest, until: q.Expires.Add(approval.Grace)}, "", true)
	switch {
	case errors.Is(err, errLater):
		return AnswerResult{approval.Ending{Outcome: approval.Answered, Answer: &said, At: said.At}, false}, nil
	case err != nil:
		return AnswerResult{}, err
	default:
		return AnswerResult{got.(approval.Ending), true}, nil
	}
}

// known refuses an answer that names people whom the directory does not have.
func known(people directory.Directory, ids []string) error {
	for _, id := range ids {
		if _, ok := people.Person(id); ok {
			continue
		}
		if p, ok := people.Find(id); ok {
			return refuse("the directory has %s under the id %s; answer with that", clip(id, 100), p.ID)
		}
		return refuse("the directory has nobody of the id %s", clip(id, 100))
	}
	return nil
}

// question asks a run for a question and holds it against its digest and the record of the run.
func (d *Desk) question(ctx context.Context, run string, a Answer) (*workflows.QuestionStatus, error) {
	st, err := d.Runs.Status(ctx, run)
	if err != nil {
		return nil, err
	}
	return d.questionOf(ctx, st, run, a.Question, a.Digest)
}

// questionOf is question of what a run has told.
func (d *Desk) questionOf(ctx context.Context, st *workflows.Status, run, id string, name digest.Digest) (*workflows.QuestionStatus, error) {
	i := slices.IndexFunc(st.Questions, func(q *workflows.QuestionStatus) bool { return q.ID == id && q.Digest == name })
	if i < 0 {
		return nil, refuse("the run %s does not ask that; look at it again", run)
	}
	q := st.Questions[i]
	root, err := d.origin(ctx, run)
	if err != nil {
		return nil, err
	}
	return q, checkQuestion(q, st, root)
}

// checkQuestion holds a question against its own digest and against what the run was started with.
func checkQuestion(q *workflows.QuestionStatus, st *workflows.Status, root origin) error {
	again := q.Question
	if err := again.Seal(); err != nil || again.Digest != q.Digest || q.Run != st.Run || q.Execution != st.Execution {
		return refuse("the question is not as this gateway would have it: its digest is not that of what it says")
	}
	if slices.ContainsFunc(q.Form, func(f approval.Field) bool { return f.Type == nil }) {
		return refuse("the question is not as this gateway would have it: a field of its form has no type")
	}
	if _, ok := root.plans[q.Plan]; !ok {
		return refuse("the plan %s is none that the run was started with", q.Plan.Short())
	}
	return nil
}

// recordAnswer records the first answer to a question. Where another was first it refuses.
func (d *Desk) recordAnswer(ctx context.Context, p Principal, run string, q *workflows.QuestionStatus, a *approval.Answer) error {
	values, err := digest.Canonical(a.Values)
	if err != nil {
		return refuse("%v", err)
	}
	return d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		rec, err := tx.Append(ledger.Entry{Kind: ledger.Answer, Run: run, Key: ledger.AnswerKey(q.Digest), Body: ledger.AnswerBody{
			Question: q.Digest, Step: q.ID, Person: p.Person, Values: values, Surface: p.Surface, Via: p.Via,
		}})
		if errors.Is(err, ledger.ErrTaken) {
			var first ledger.AnswerBody
			if err := read(rec, &first); err != nil {
				return err
			}
			if first.Person != p.Person {
				return refuse("%s has already answered", first.Person)
			}
			if string(first.Values) != string(values) {
				return refuse("%s has already answered something else", first.Person)
			}
			err = nil
		}
		a.At = rec.At
		return err
	})
}

// answerIn is the answer to a question that is on record; nil: there is none.
func answerIn(tx ledger.Tx, question digest.Digest) (*approval.Answer, error) {
	rec, found, err := tx.Find(ledger.AnswerKey(question))
	if err != nil || !found {
		return nil, err
	}
	var b ledger.AnswerBody
	if err := read(rec, &b); err != nil {
		return nil, err
	}
	a := approval.Answer{Question: b.Step, Digest: b.Question, Person: b.Person, At: rec.At}
	return &a, read(ledger.Record{Seq: rec.Seq, Body: b.Values}, &a.Values)
}
