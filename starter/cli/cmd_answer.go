package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

func (a *app) answer() *cobra.Command {
	var f who
	var set []string
	cmd := &cobra.Command{
		Use:   "answer RUN [STEP] --as PERSON --set NAME=VALUE...",
		Short: "Answer a question that a run asks",
		Long: `Answer a question that a run asks.

STEP may be left out when the run asks one thing. What is asked is shown first, with the form; each
--set fills one of its fields, read as the field's type. The first answer that fills the form
counts. To give the same answer again is safe.`,
		Example: `  starter answer root-console-login/4f1c --as alice@example.com --set verdict=expected
  starter answer root-console-login/4f1c judge --as alice@example.com --set verdict=hostile --set note="she is on leave"`,
		Args: arguments("RUN", "[STEP]"),
	}
	f.flags(cmd.Flags())
	cmd.Flags().StringArrayVar(&set, "set", nil, "value of a field of the form, name=value; may repeat")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(cmd); err != nil {
			return err
		}
		given, err := pairs(cmd, "set", set)
		if err != nil {
			return err
		}
		gate, person, err := a.acting(cmd, f.person)
		if err != nil {
			return err
		}
		f.person = person
		runs, end, err := a.connect(cmd.Context())
		if err != nil {
			return err
		}
		defer end()
		which := ""
		if len(args) == 2 {
			which = args[1]
		}
		return a.giveAnswer(cmd.Context(), runs, gate, args[0], which, f, given)
	}
	return cmd
}

// giveAnswer shows what is asked and answers exactly that.
func (a *app) giveAnswer(ctx context.Context, runs Runs, gate Gateway, run, which string, f who, given map[string]string) error {
	st, err := runs.Status(ctx, run)
	if err != nil {
		return a.ofRun(err, run)
	}
	q, err := pickQuestion(st, which)
	if err != nil {
		return refuse(err, "see the run: "+a.command("show", run))
	}
	if err := card.Question(a.err, st, q, a.Now()); err != nil {
		return fmt.Errorf("show what is asked: %w", err)
	}
	if err := f.saw(q.Digest); err != nil {
		return err
	}
	values, err := q.Form.Read(given)
	if err != nil {
		return refuse(fmt.Errorf("nothing was answered: %w", err), "fill the form above: "+a.fillCommand(st, q))
	}
	said := approval.Answer{Question: q.ID, Digest: q.Digest, Person: f.person, Values: values}
	if q.Ending != nil { // also a run that is over tells whether it was this answer
		if err := q.Admit(said, q.Ending); err != nil {
			return refuse(err, "see the run: "+a.command("show", run))
		}
		return a.printEnding(q, *q.Ending)
	}
	ending, err := gate.Answer(ctx, run, said)
	if errors.Is(err, workflows.ErrNoWorker) {
		return unknown(err, "the answer may still count; to give it again is safe, or see: "+a.command("show", run))
	}
	if err != nil {
		return a.ofGate(err, run)
	}
	return a.printEnding(q, ending)
}

// pickQuestion finds the question that is meant: an open one, or by its name one that is over.
func pickQuestion(st *workflows.Status, which string) (*workflows.QuestionStatus, error) {
	open := st.Unanswered()
	if which == "" && len(open) == 0 && len(st.Questions) == 1 {
		return st.Questions[0], nil
	}
	if which == "" && len(open) == 1 {
		return open[0], nil
	}
	for _, list := range [][]*workflows.QuestionStatus{open, st.Questions} {
		for _, q := range list {
			if q.ID == which {
				return q, nil
			}
		}
	}
	names := make([]string, len(open))
	for i, q := range open {
		names[i] = card.Exact(q.ID)
	}
	switch asking := strings.Join(names, ", "); {
	case len(open) == 0 && len(st.Asking()) > 0:
		return nil, fmt.Errorf("the run %s asks for an approval; answer it with approve or reject", st.Run)
	case len(open) == 0:
		return nil, fmt.Errorf("the run %s asks no question now", st.Run)
	case which == "":
		return nil, fmt.Errorf("the run %s asks %s; name one", st.Run, asking)
	default:
		return nil, fmt.Errorf("the run %s does not ask %q; it asks %s", st.Run, which, asking)
	}
}

type endingJSON struct {
	Run      string                     `json:"run"`
	Question string                     `json:"question"`
	Digest   string                     `json:"digest"`
	Outcome  approval.Outcome           `json:"outcome"`
	Person   string                     `json:"person"`
	Values   map[string]json.RawMessage `json:"values"`
}

func (a *app) printEnding(q *workflows.QuestionStatus, e approval.Ending) error {
	if a.json() {
		return a.printJSON(endingJSON{q.Run, q.ID, string(q.Digest), e.Outcome, e.Answer.Person, e.Answer.Values})
	}
	return a.print("%s  %s of %s", card.Exact(string(e.Outcome)), card.Exact(q.ID), card.Exact(q.Run))
}

// fillCommand is how to answer a question: with a value in the place of each VALUE.
func (a *app) fillCommand(st *workflows.Status, q *workflows.QuestionStatus) string {
	args := []string{st.Run, q.ID, "--as", "you@example.com", "--digest", q.Digest.Short()}
	for _, f := range q.Form.Missing(nil) {
		args = append(args, "--set", f.Name+"=VALUE")
	}
	return a.command("answer", args...)
}
