package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
)

func (a *app) approvals() *cobra.Command {
	var short bool
	cmd := &cobra.Command{
		Use:   "approvals [RUN]",
		Short: "Show everything that waits for people, as cards",
		Long: `Show everything that waits for people, as cards: approvals and questions. Of one run, if it is named.

With --short each is a line, what expires first at the top: look there first, then at the run's card.

A run whose status cannot be had is named, and makes the exit code 3: it may be waiting too.`,
		Example: `  starter approvals
  starter approvals --short
  starter approvals aws-compromised-access-key/AKIAIOSFODNN7EXAMPLE
  starter approvals -o json`,
		Args: arguments("[RUN]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			runs, end, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			defer end()
			var listed []workflows.Listed
			if len(args) == 1 {
				listed = []workflows.Listed{{Run: args[0]}}
				_, err = runs.Status(cmd.Context(), args[0]) // one that is named is there
			} else {
				listed, err = runs.Runs(cmd.Context(), true, maxList)
			}
			if err != nil {
				return a.ofRun(err, strings.Join(args, ""))
			}
			statuses, errs := statuses(cmd.Context(), runs, listed)
			switch {
			case a.json():
				err = a.printJSON(approvalsJSON(statuses, listed, errs))
			case short:
				err = a.listApprovals(statuses)
			default:
				err = a.printApprovals(statuses)
			}
			if err != nil {
				return err
			}
			if len(listed) == maxList {
				errs = append(errs, fmt.Errorf("there are more than the %d open runs that were asked", maxList))
			}
			if err := errors.Join(errs...); err != nil {
				return unknown(err, "is a worker running, and on this task queue (--task-queue)?")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&short, "short", false, "a line for each")
	return cmd
}

// listApprovals prints a line for each that waits, what expires first at the top.
func (a *app) listApprovals(statuses []*workflows.Status) error {
	type line struct {
		expires time.Time
		cells   []string
	}
	var lines []line
	add := func(expires time.Time, run, step, calls, question string) {
		lines = append(lines, line{expires, []string{stamp(expires), calls, run, step, card.Clean(question, 100)}})
	}
	for _, st := range statuses {
		if st == nil {
			continue
		}
		for _, asking := range st.Asking() {
			add(asking.Expires, asking.Run, asking.ID, count(len(asking.Calls), "call", "calls"), asking.Question)
		}
		for _, q := range st.Unanswered() {
			add(q.Expires, q.Run, q.ID, "question", q.Question.Question)
		}
	}
	if len(lines) == 0 {
		a.say("nothing waits for people")
		return nil
	}
	slices.SortStableFunc(lines, func(x, y line) int { return x.expires.Compare(y.expires) })
	rows := [][]string{{"EXPIRES", "ASKS", "RUN", "STEP", "QUESTION"}}
	for _, l := range lines {
		rows = append(rows, l.cells)
	}
	return a.table(rows)
}

// statuses asks runs for their stories, some at a time. One that is gone meanwhile waits for
// nobody; of any other without an answer there is an error at its index.
func statuses(ctx context.Context, runs Runs, listed []workflows.Listed) ([]*workflows.Status, []error) {
	found, errs := make([]*workflows.Status, len(listed)), make([]error, len(listed))
	var group errgroup.Group
	group.SetLimit(16)
	for i, r := range listed {
		group.Go(func() error {
			st, err := runs.Status(ctx, r.Run)
			if err == nil {
				found[i] = st
			} else if !errors.Is(err, workflows.ErrNoRun) {
				errs[i] = err
			}
			return nil
		})
	}
	_ = group.Wait() // its functions return nil
	return found, errs
}

func (a *app) printApprovals(statuses []*workflows.Status) error {
	n := 0
	next := func() error {
		if n++; n == 1 {
			return nil
		}
		return a.print("\n----\n")
	}
	for _, st := range statuses {
		if st == nil {
			continue
		}
		for _, asking := range st.Asking() {
			if err := next(); err != nil {
				return err
			}
			if err := card.Request(a.out, st, asking, a.Now()); err != nil {
				return err
			}
			if err := a.print("\n  approve:  %s\n  reject:   %s", a.answerCommand("approve", st, asking), a.answerCommand("reject", st, asking)); err != nil {
				return err
			}
		}
		for _, q := range st.Unanswered() {
			if err := next(); err != nil {
				return err
			}
			if err := card.Question(a.out, st, q, a.Now()); err != nil {
				return err
			}
			if err := a.print("\n  answer:   %s", a.fillCommand(st, q)); err != nil {
				return err
			}
		}
	}
	if n == 0 {
		a.say("nothing waits for people")
	}
	return nil
}

type waitingJSON struct {
	Approvals []approvalJSON `json:"approvals"`
	Questions []questionJSON `json:"questions"`
	// Unknown are runs that did not answer.
	Unknown []unknownJSON `json:"unknown"`
}

type approvalJSON struct {
	Title    string                    `json:"title"`
	Event    workflows.EventRef        `json:"event"`
	Approval *workflows.ApprovalStatus `json:"approval"`
}

type questionJSON struct {
	Title    string                    `json:"title"`
	Event    workflows.EventRef        `json:"event"`
	Question *workflows.QuestionStatus `json:"question"`
}

type unknownJSON struct {
	Run   string `json:"run"`
	Error string `json:"error"`
}

func approvalsJSON(statuses []*workflows.Status, listed []workflows.Listed, errs []error) waitingJSON {
	out := waitingJSON{Approvals: []approvalJSON{}, Questions: []questionJSON{}, Unknown: []unknownJSON{}}
	for i, st := range statuses {
		if errs[i] != nil {
			out.Unknown = append(out.Unknown, unknownJSON{listed[i].Run, errs[i].Error()})
		}
		if st == nil {
			continue
		}
		for _, asking := range st.Asking() {
			out.Approvals = append(out.Approvals, approvalJSON{st.Title, st.Event, asking})
		}
		for _, q := range st.Unanswered() {
			out.Questions = append(out.Questions, questionJSON{st.Title, st.Event, q})
		}
	}
	return out
}
