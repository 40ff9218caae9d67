package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/workflows/approval"
)

// signalledAnswer is signalled for answers.
func (r *run) signalledAnswer(ctx workflow.Context, signed grant.Signed) {
	_, err := r.answer(ctx, signed)
	if err == nil {
		return
	}
	var claimed approval.AnswerOrder
	_ = read(signed, grant.KindAnswer, &claimed) // else it names none
	workflow.GetLogger(ctx).Warn("an answer by signal does not count", "question", clip(claimed.Answer.Question), "error", clip(err.Error()))
	if q := r.question(claimed.Answer.Question); q != nil {
		q.Refused = remember(q.Refused, err)
	}
}

// question finds a question by its name; the last one, where a step was run again.
func (r *run) question(id string) *QuestionStatus {
	for _, q := range slices.Backward(r.status.Questions) {
		if q.ID == id {
			return q
		}
	}
	return nil
}

// admitAnswerSigned is the update's validator. It changes nothing, and cannot check a signature.
func (r *run) admitAnswerSigned(signed grant.Signed) error {
	var claimed approval.AnswerOrder
	err := read(signed, grant.KindAnswer, &claimed)
	if err == nil {
		_, err = r.admitAnswer(claimed)
	}
	return err
}

// admitAnswer finds the question that an answer is given to.
func (r *run) admitAnswer(order approval.AnswerOrder) (*QuestionStatus, error) {
	if err := r.mine(order.Run, order.Execution); err != nil {
		return nil, err
	}
	q := r.question(order.Answer.Question)
	if q == nil {
		return nil, refusal("the run %s is not asking %q", r.status.Run, clip(order.Answer.Question))
	}
	return q, q.Admit(order.Answer, q.Ending)
}

// answer closes a question with its first answer. Between the validator and here there may have
// been another.
func (r *run) answer(ctx workflow.Context, signed grant.Signed) (ending approval.Ending, err error) {
	err = r.hearing(ctx, func(time.Time) error {
		if err := r.admitAnswerSigned(signed); err != nil {
			return err
		}
		var order approval.AnswerOrder
		if err := verified(ctx, signed, grant.KindAnswer, &order); err != nil {
			return err
		}
		q, err := r.admitAnswer(order)
		if err != nil {
			return err
		}
		if q.Ending == nil {
			a := order.Answer
			a.At = workflow.Now(ctx)
			q.Ending = &approval.Ending{Outcome: approval.Answered, Answer: &a, At: a.At}
		}
		ending = *q.Ending
		return nil
	})
	return ending, err
}

// pose shows a question and waits for its answer, or for the end of its time.
func (r *run) pose(ctx workflow.Context, row *StepStatus, question approval.Question) (approval.Ending, error) {
	q := &QuestionStatus{Question: question, size: weigh(question)}
	kept, gone := prune(append(r.status.Questions, q))
	r.status.Questions, r.status.Unlisted = kept, r.status.Unlisted+gone
	telling, told := workflow.WithCancel(ctx)
	r.tellAsked(telling, Asked{ID: q.ID, Digest: q.Digest, Question: true, Asked: q.Asked, Expires: q.Expires})
	err := r.forPeople(ctx, row, question.Expires.Add(approval.Grace), nil, func() bool { return q.Ending != nil })
	told()
	if err != nil {
		q.withdraw("the run went on without it", workflow.Now(ctx))
		return approval.Ending{}, err
	}
	if q.Ending == nil {
		expired := question.Expire()
		q.Ending = &expired
	}
	return *q.Ending, nil
}

func (q *QuestionStatus) withdraw(why string, now time.Time) {
	if q.Ending == nil {
		q.Ending = &approval.Ending{Outcome: approval.Withdrawn, Reason: why, At: now}
	}
}
