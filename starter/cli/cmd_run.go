package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// runFlags are the flags of run.
type runFlags struct {
	event  string
	inputs []string
	dryRun bool
	watch  bool
	wait   time.Duration
	as     string
}

func (a *app) run() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [PLAYBOOK] [--event FILE|-]",
		Short: "Start the runs that answer an event, or one run by hand",
		Long: `Start the runs that answer an event, or one run by hand.

  --event FILE            every playbook whose trigger matches starts, or the event joins its run;
                          and runs that wait for an event of its type are told
  PLAYBOOK --event FILE   that playbook alone, also if its trigger does not match: then under the
                          event's own source and id
  PLAYBOOK                a start by hand, with the inputs given; always a new run

Everything is checked before anything starts: if one of two playbooks lacks an input, neither
starts. --input takes text for strings, times and durations, and JSON for all other types.
With --watch it follows the runs: exit code 0 if they are done, 1 if one failed, 3 if they are not
over in time. An event whose run has ended starts nothing: the outcome of that run is printed, and
the exit code is 0 if it is done.`,
		Example: `  starter run --dry-run --event playbooks/events/guardduty-iam-malicious-ip-caller.json
  starter run --watch --event playbooks/events/guardduty-iam-malicious-ip-caller.json
  starter run aws-compromised-access-key --dry-run --event playbooks/events/guardduty-iam-malicious-ip-caller.json --input user=ci-deployer`,
		Args: arguments("[PLAYBOOK]"),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.event, "event", "", "file of the event, or - for standard input")
	flags.StringArrayVar(&f.inputs, "input", nil, "value of an input, name=value; may repeat")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would start, and start nothing")
	flags.BoolVar(&f.watch, "watch", false, "follow the runs until they are over")
	a.asFlag(cmd, &f.as)
	flags.DurationVar(&f.wait, "wait-timeout", time.Hour, "how long to watch")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := ""
		if len(args) == 1 {
			name = args[0]
		}
		switch {
		case name == "" && f.event == "":
			return usagef(cmd, "want a PLAYBOOK, an --event, or both")
		case f.event == "" && cmd.Flags().Changed("event"):
			return usagef(cmd, "--event is empty: want a file, or - for standard input")
		case f.wait < 0:
			return usagef(cmd, "--wait-timeout %s: want 0s or more", f.wait)
		case f.dryRun && f.watch:
			return usagef(cmd, "--dry-run starts nothing that --watch could follow")
		}
		given, err := pairs(cmd, "input", f.inputs)
		if err != nil {
			return err
		}
		prepared, arriving, err := a.prepare(name, f.event, given)
		if err != nil {
			return err
		}
		if f.dryRun {
			if len(prepared) == 0 {
				return unanswered("no playbook answers the event; a run may wait for it", a, f.event)
			}
			return a.dryRun(prepared)
		}
		return a.start(cmd.Context(), prepared, arriving, f)
	}
	return cmd
}

// prepare finds what is to start and checks all of it. It touches nothing. The events are returned
// if runs that wait may be told of them: who names a playbook means that one alone.
func (a *app) prepare(name, file string, given map[string]string) ([]answer, []event.Event, error) {
	l, err := a.library()
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		return a.prepareAll(l, file, given)
	}
	prepared, err := a.prepareOne(l, name, file, given)
	return prepared, nil, err
}

func (a *app) prepareOne(l *library.Library, name, file string, given map[string]string) ([]answer, error) {
	pb, err := l.ByName(name)
	if err != nil {
		return nil, refuse(err, "")
	}
	events, hint := []event.Event{gateway.Manual(a.Now())}, "a start by hand has no event to take inputs from; give each with --input name=value"
	if file != "" {
		hint = ""
		if events, err = a.events(file); err != nil {
			return nil, err
		}
	}
	prepared := make([]answer, len(events))
	errs := []error{unused(given, []*playbook.Playbook{pb})}
	for i, ev := range events {
		key := ev.ID
		if file != "" {
			m := library.Match(pb, ev)
			if key = m.Key; !m.Matches {
				key = ev.Source + "/" + ev.ID
				a.say("note: by itself %s would not answer this event: %s", pb.Name, cleaned(m.Reason))
			}
		}
		prepared[i] = answerTo(pb, key, ev, given)
		errs = append(errs, prepared[i].err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, refuse(err, hint)
	}
	return prepared, nil
}

func (a *app) prepareAll(l *library.Library, name string, given map[string]string) ([]answer, []event.Event, error) {
	events, err := a.events(name)
	if err != nil {
		return nil, nil, err
	}
	var matching []answer
	var others []library.Matched
	for _, ev := range events {
		yes, no := answers(l, ev, given)
		matching, others = append(matching, yes...), append(others, no...)
	}
	if err := refusal(matching, others); err != nil {
		return nil, nil, refuse(fmt.Errorf("nothing was started: %w", err), "see: "+a.command("match", eventFile(name)))
	}
	pbs := make([]*playbook.Playbook, len(matching))
	for i, one := range matching {
		pbs[i] = one.playbook
	}
	if err := unused(given, pbs); err != nil {
		return nil, nil, refuse(fmt.Errorf("nothing was started: %w", err), "")
	}
	return matching, events, nil
}

// unanswered refuses an event that nothing answers.
func unanswered(says string, a *app, file string) error {
	return refuse(errors.New(says), "see why: "+a.command("match", eventFile(file)))
}

// deliver tells runs that wait of events. Where no playbook answers them, and nobody waits for them
// either, that is refused.
func (a *app) deliver(ctx context.Context, gate Gateway, events []event.Event, started int, f runFlags) error {
	heard := started
	for _, ev := range events {
		waited, err := gate.Deliver(ctx, ev)
		switch {
		case errors.Is(err, workflows.ErrTooLarge):
			return refuse(err, "")
		case errors.Is(err, approval.ErrRefused), errors.Is(err, desk.ErrForbidden):
			return a.ofGate(err, "")
		case err != nil:
			return unknown(err, "to send the event again is safe")
		case waited:
			heard++
			a.say("runs that wait for %s were told of the event", card.Exact(ev.Type))
		}
	}
	if heard == 0 && len(events) > 0 {
		return unanswered("no playbook answers the event, and no run waits for it", a, f.event)
	}
	return nil
}

func (a *app) dryRun(prepared []answer) error {
	defer a.say("nothing was started")
	if a.json() {
		out := make([]answerJSON, len(prepared))
		for i, one := range prepared {
			out[i] = one.json()
		}
		return a.printJSON(out)
	}
	for _, one := range prepared {
		if err := a.printAnswer(one); err != nil {
			return err
		}
	}
	return nil
}

// startedJSON is one run as run prints it; the last three are known if it
// was watched to its end, or had ended before.
type startedJSON struct {
	Playbook  string `json:"playbook"`
	Run       string `json:"run"`
	Execution string `json:"execution,omitempty"`
	New       bool   `json:"new"`
	State     string `json:"state,omitempty"`
	Outcome   string `json:"outcome,omitempty"`
	Error     string `json:"error,omitempty"`
}

func (a *app) start(ctx context.Context, prepared []answer, arriving []event.Event, f runFlags) error {
	gate, _, err := a.gate(f.as)
	if err != nil {
		return err
	}
	runs, end, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer end()
	var started []*startedJSON
	for _, one := range prepared {
		s, startErr := gate.Start(ctx, one.playbook, one.key, one.input)
		if startErr != nil {
			err = a.ofGate(startErr, one.run()) // the others did start, and that is said below
			break
		}
		this := &startedJSON{Playbook: one.playbook.Name, Run: s.Run, Execution: s.Execution, New: s.New}
		started = append(started, this)
		how := "started "
		if !s.New {
			how = "joined  "
			if a.before(ctx, runs, this); this.State != "" {
				continue // watch and ended print it
			}
		}
		if !a.json() {
			if err := a.print("%s%s", how, s.Run); err != nil {
				return err
			}
		}
	}
	if err == nil {
		err = a.deliver(ctx, gate, arriving, len(started), f)
	}
	if f.watch && err == nil {
		err = a.watch(ctx, runs, started, f.wait)
	} else {
		for _, s := range started {
			switch {
			case s.New:
				a.say("follow it: %s", a.command("show", s.Run))
			case s.State == "":
				a.say("this matter has a run already, which may be over: %s", a.command("show", s.Run))
			}
		}
		if endedErr := a.ended(started); err == nil {
			err = endedErr
		}
	}
	if a.json() {
		if printErr := a.printJSON(append([]*startedJSON{}, started...)); printErr != nil {
			return printErr
		}
	}
	return err
}

// end fills in how a run ended.
func (s *startedJSON) end(last *workflows.Status) {
	s.State, s.Outcome, s.Error = string(last.State), last.Outcome, last.Error
}

// before fills in how a run ended that had answered the matter of an event already, and says so. If
// it has not ended, or cannot be asked soon, it does nothing.
func (a *app) before(ctx context.Context, runs Runs, s *startedJSON) {
	soon, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	last, err := runs.Status(soon, s.Run)
	if err != nil || !last.State.Over() {
		return
	}
	s.end(last)
	how := s.Outcome
	switch {
	case last.State != workflows.Done && s.Error != "":
		how = s.State + ": " + s.Error
	case last.State != workflows.Done || how == "":
		how = s.State
	}
	a.say("the run %s answered this matter before: %s; nothing was started", s.Run, cleaned(how))
	a.say("  what it did: %s", a.command("show", s.Run))
}
