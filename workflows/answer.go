package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/workflows/approval"
)

// signalledAnswer is signalled for answers.
func (r *run) signalledAnswer(ctx workflow.Context, a approval.Answer) {
	_, err := r.answer(ctx, a)
	if err == nil {
		return
	}
	workflow.GetLogger(ctx).Warn("an answer by signal does not count", "question", clip(a.Question), "person", clip(a.Person), "error", clip(err.Error()))
	if q := r.question(a.Question); q != nil {
		q.Refused = remember(q.Refused, a.Person, err)
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

// admitAnswer changes nothing: it is also the update's validator.
func (r *run) admitAnswer(a approval.Answer) error {
	q := r.question(a.Question)
	err := fmt.Errorf("%w: the run %s is not asking %q", approval.ErrRefused, r.status.Run, clip(a.Question))
	if q != nil {
		err = q.Admit(a, q.Ending)
	}
	if err == nil {
		return nil
	}
	return temporal.NewNonRetryableApplicationError(err.Error(), RefusedType, nil)
}

// answer closes a question with its first answer. Between the validator and here there may have
// been another, so it is admitted again.
func (r *run) answer(ctx workflow.Context, a approval.Answer) (approval.Ending, error) {
	if err := r.admitAnswer(a); err != nil {
		return approval.Ending{}, err
	}
	q := r.question(a.Question)
	if q.Ending == nil {
		a.At = workflow.Now(ctx)
		q.Ending = &approval.Ending{Outcome: approval.Answered, Answer: &a, At: a.At}
	}
	return *q.Ending, nil
}

// pose shows a question and waits for its answer, or for the end of its time.
func (r *run) pose(ctx workflow.Context, row *StepStatus, question approval.Question) (approval.Ending, error) {
	q := &QuestionStatus{Question: question, size: weigh(question)}
	kept, gone := prune(append(r.status.Questions, q))
	r.status.Questions, r.status.Unlisted = kept, r.status.Unlisted+gone
	if err := r.forPeople(ctx, row, question.Expires, func() bool { return q.Ending != nil }); err != nil {
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
