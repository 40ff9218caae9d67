package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// run is the command: deploy, carry on with what waits or send the event, see it through.
func (o options) run(ctx context.Context, s Streams) error {
	plan, err := o.plan() // first, so that a bad event starts nothing at all
	if err != nil {
		return err
	}
	if len(plan.runs) == 0 && o.forgets() && !o.quiet() { // nor can a run wait for it
		return plan.unanswered()
	}
	d, err := deploy(ctx, o, func(line string) { fmt.Fprintln(s.Err, "local:", line) })
	if err != nil {
		return err
	}
	defer d.stop()
	d.welcome(s.Err)

	started, err := o.begin(ctx, s, d, plan)
	if err != nil {
		return err
	}
	f := newFront(o, s, d)
	for _, run := range started {
		f.follow(ctx, run.Run, run.Execution)
	}
	if o.once {
		return o.seeThrough(ctx, f)
	}
	f.serve(ctx)
	return nil
}

// forgets reports whether nothing is left of an earlier start.
func (o options) forgets() bool {
	_, err := os.Stat(o.state)
	return o.fresh || errors.Is(err, fs.ErrNotExist)
}

// begin sends the event, unless an earlier start has left runs that wait and no other event was
// named: then it carries on with those.
func (o options) begin(ctx context.Context, s Streams, d *deployment, plan sending) ([]workflows.Started, error) {
	if o.event == "" {
		open, err := d.runs.Runs(ctx, true, 100)
		if err != nil {
			return nil, err
		}
		if len(open) > 0 {
			fmt.Fprintf(s.Err, "carrying on with %d run(s) from an earlier start\n", len(open))
			started := make([]workflows.Started, len(open))
			for i, run := range open {
				started[i] = workflows.Started{Run: run.Run, Execution: run.Execution}
			}
			return started, nil
		}
	}
	if o.quiet() {
		o.invite(s.Err, d)
		return nil, nil
	}
	started, waited, err := plan.send(ctx, d)
	if err != nil {
		return nil, err
	}
	if waited {
		fmt.Fprintln(s.Err, "sent the event; runs that wait for its type were told")
	}
	for _, run := range started {
		if run.New {
			fmt.Fprintf(s.Err, "sent the event; the run is %s\n", run.Run)
		} else {
			fmt.Fprintf(s.Err, "sent the event; it joined the run %s (--fresh forgets earlier runs)\n", run.Run)
		}
	}
	return started, nil
}

// seeThrough waits for the runs to end and says whether they ended as the flags asked.
func (o options) seeThrough(ctx context.Context, f *front) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.wait, fmt.Errorf("%w within %s", errOutcome, o.wait))
	defer cancel()
	last, err := f.wait(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, status := range last {
		errs = append(errs, o.reached(status))
	}
	return errors.Join(errs...)
}

// calls reports whether a run called others, which may have asked in its place.
func calls(status *workflows.Status) bool {
	return slices.ContainsFunc(status.Steps, func(s *workflows.StepStatus) bool { return s.Run != "" })
}

// reached says whether a run that is over ended as the flags asked.
func (o options) reached(status *workflows.Status) error {
	if status.State != workflows.Done && status.Parent == "" { // how a called run ended its caller says
		return fmt.Errorf("%w: the run %s is %s: %s", errOutcome, status.Run, status.State, status.Error)
	}
	_, verdict, ok := o.answer()
	want := map[approval.Verdict]approval.Outcome{approval.Approve: approval.Approved, approval.Reject: approval.Rejected}[verdict]
	for _, a := range status.Approvals {
		if ok && a.Decision != nil && a.Decision.Outcome != want {
			return fmt.Errorf("%w: %q of the run %s was %s at %s (--fresh forgets earlier runs)",
				errOutcome, a.ID, status.Run, a.Decision.Outcome, a.Decision.At.Format(time.RFC3339))
		}
	}
	if ok && len(status.Approvals)+len(status.Questions) == 0 && status.Parent == "" && !calls(status) {
		return fmt.Errorf("%w: the run %s ended without asking anybody: %s", errOutcome, status.Run, status.Outcome)
	}
	return nil
}
