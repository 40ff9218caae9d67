package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// question is an approval or a question that waits for an answer. At a terminal one is shown at a
// time, so that an answer is always to what is on the screen.
type question struct {
	status *workflows.Status
	ask    *workflows.ApprovalStatus // nil: it is form
	form   *form
	digest digest.Digest
	shown  bool
}

// waiting are the questions of a run that wait for an answer.
func waiting(status *workflows.Status) []*question {
	var all []*question
	for _, a := range status.Asking() {
		all = append(all, &question{status: status, ask: a, digest: a.Digest})
	}
	for _, q := range status.Unanswered() {
		all = append(all, &question{status: status, form: &form{QuestionStatus: q}, digest: q.Digest})
	}
	return all
}

func (q *question) is(other *question) bool {
	return q.status.Run == other.status.Run && q.digest == other.digest
}

// ask brings the queue up to date with a run and shows what is next.
func (f *front) ask(ctx context.Context, status *workflows.Status) error {
	asking := waiting(status)
	f.queue = slices.DeleteFunc(f.queue, func(q *question) bool {
		return q.status.Run == status.Run && !slices.ContainsFunc(asking, q.is)
	})
	for _, q := range asking {
		if !slices.ContainsFunc(f.queue, q.is) {
			f.queue = append(f.queue, q)
		}
	}
	for i, q := range f.queue {
		if q.shown || f.s.Terminal && i > 0 {
			continue
		}
		q.shown = true
		if err := f.pose(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// pose shows a card and sees to its answer: the one that the flags prescribe, one from the
// terminal, or one from elsewhere.
func (f *front) pose(ctx context.Context, q *question) error {
	fmt.Fprintln(f.s.Out)
	if q.form != nil {
		return f.poseForm(ctx, q)
	}
	if err := card.Request(f.s.Out, q.status, q.ask, time.Now()); err != nil {
		return err
	}
	fmt.Fprintln(f.s.Out)
	if person, verdict, ok := f.o.answer(); ok {
		return f.vote(ctx, q, person, verdict, f.o.reason)
	}
	if f.s.Terminal {
		f.prompt(q)
		return nil
	}
	fmt.Fprintln(f.s.Err, "waiting for an answer; give it with")
	for _, verdict := range []string{"approve", "reject"} {
		fmt.Fprintf(f.s.Err, "  %s --as %s\n", f.command(verdict, q.status.Run+" '"+q.ask.ID+"'"), f.o.as)
	}
	return nil
}

// prompt names what is being answered.
func (f *front) prompt(q *question) {
	if more := len(f.queue) - 1; more > 0 {
		fmt.Fprintf(f.s.Err, "(%d more after this one)\n", more)
	}
	if q.form != nil {
		q.form.prompt(f.s.Err, q.status.Run, f.o.as)
		return
	}
	fmt.Fprintf(f.s.Err, "%s of %s, digest %s\nas %s: approve, or reject [reason]? ", q.ask.ID, q.status.Run, q.ask.Digest.Short(), f.o.as)
}

// heard takes a line from the terminal as the answer to the question on the screen.
func (f *front) heard(ctx context.Context, line string, open bool) {
	if !open {
		f.lines = nil
		return
	}
	word, reason, _ := strings.Cut(strings.TrimSpace(line), " ")
	verdict := map[string]approval.Verdict{
		"a": approval.Approve, "approve": approval.Approve, "r": approval.Reject, "reject": approval.Reject,
	}[strings.ToLower(word)]
	switch {
	case len(f.queue) == 0 || !f.queue[0].shown:
		if word != "" {
			fmt.Fprintln(f.s.Err, "nothing is being asked; Ctrl-C ends")
		}
	case f.queue[0].form != nil:
		f.fill(ctx, f.queue[0], line)
	case verdict == "":
		fmt.Fprintln(f.s.Err, `say "approve", or "reject" and why`)
		f.prompt(f.queue[0])
	default:
		if err := f.vote(ctx, f.queue[0], f.o.as, verdict, strings.TrimSpace(reason)); err != nil {
			fmt.Fprintln(f.s.Err, "not recorded:", card.Clean(err.Error(), maxError))
			f.prompt(f.queue[0])
		}
	}
}

func (f *front) vote(ctx context.Context, q *question, person string, verdict approval.Verdict, reason string) error {
	who, err := f.d.as(person)
	if err == nil {
		_, err = f.d.desk.Vote(ctx, who, q.status.Run, desk.Vote{Approval: q.ask.ID, Digest: q.ask.Digest, Verdict: verdict, Reason: reason})
	}
	return err
}
