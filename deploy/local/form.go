package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// form is a question that is answered field by field.
type form struct {
	*workflows.QuestionStatus

	given map[string]string
	next  int // the field that is asked for
}

// prompt names the field that is asked for, and with the first one what it belongs to.
func (q *form) prompt(w io.Writer, run, person string) {
	if q.next == 0 {
		fmt.Fprintf(w, "%s of %s, digest %s\nas %s, field by field:\n", card.Exact(q.ID), card.Exact(run), q.Digest.Short(), person)
	}
	field := q.Form[q.next]
	fmt.Fprintf(w, "  %s (%s)? ", card.Exact(field.Name), card.Exact(field.Wants()))
}

// poseForm is pose for a question with a form.
func (f *front) poseForm(ctx context.Context, q *question) error {
	if err := card.Question(f.s.Out, q.status, q.form.QuestionStatus, time.Now()); err != nil {
		return err
	}
	fmt.Fprintln(f.s.Out)
	switch {
	case f.o.answerAs != "":
		return f.answer(ctx, q, f.o.answerAs, f.o.fields(q.form.Form))
	case f.s.Terminal:
		f.prompt(q)
		return nil
	case f.o.once && (f.o.approveAs != "" || f.o.rejectAs != ""): // nobody is there who would
		_, err := q.form.Form.Read(nil)
		return fmt.Errorf("%w: nobody answers %q of the run %s (%w); answer with --answer-as PERSON --answer NAME=VALUE", errOutcome, q.form.ID, q.status.Run, err)
	}
	fmt.Fprintf(f.s.Err, "waiting for an answer; give it with\n  %s --as %s", f.command("answer", q.status.Run+" '"+q.form.ID+"'"), f.o.as)
	for _, field := range q.form.Form.Missing(nil) {
		fmt.Fprintf(f.s.Err, " --set %s=VALUE", field.Name)
	}
	fmt.Fprintln(f.s.Err)
	return nil
}

// fill takes a line from the terminal as the value of the field that is asked for.
func (f *front) fill(ctx context.Context, q *question, line string) {
	field := q.form.Form[q.form.next]
	if line = strings.TrimSpace(line); line != "" || !field.Optional {
		if _, err := field.Read(line); err != nil {
			fmt.Fprintln(f.s.Err, card.Clean(err.Error(), maxError))
			f.prompt(q)
			return
		}
		if q.form.given == nil {
			q.form.given = map[string]string{}
		}
		q.form.given[field.Name] = line
	}
	if q.form.next++; q.form.next < len(q.form.Form) {
		f.prompt(q)
		return
	}
	given := q.form.given
	q.form.given, q.form.next = nil, 0
	if err := f.answer(ctx, q, f.o.as, given); err != nil {
		fmt.Fprintln(f.s.Err, "not recorded:", card.Clean(err.Error(), maxError))
		f.prompt(q)
	}
}

func (f *front) answer(ctx context.Context, q *question, person string, given map[string]string) error {
	values, err := q.form.Form.Read(given)
	if err != nil {
		return fmt.Errorf("answer %q of the run %s: %w", q.form.ID, q.status.Run, err)
	}
	who, err := f.d.as(person)
	if err == nil {
		_, err = f.d.desk.Answer(ctx, who, q.status.Run, desk.Answer{Question: q.form.ID, Digest: q.digest, Values: values})
	}
	return err
}

// fields are the values that the flags give to the fields of a form.
func (o options) fields(form approval.Form) map[string]string {
	given := map[string]string{}
	for _, pair := range o.answers {
		name, value, _ := strings.Cut(pair, "=")
		if _, ok := form.Field(name); ok {
			given[name] = value
		}
	}
	return given
}

// validateAnswers holds the flags that answer questions against each other.
func (o options) validateAnswers() error {
	if len(o.answers) > 0 && o.answerAs == "" {
		return errors.New("--answer goes with --answer-as")
	}
	for _, pair := range o.answers {
		if name, _, ok := strings.Cut(pair, "="); !ok || name == "" {
			return fmt.Errorf("--answer %q: want name=value", pair)
		}
	}
	return nil
}
