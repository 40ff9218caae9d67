package authority

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
)

// Bounds on what ticks put on record: whoever may write to the namespace can start any number of them.
const (
	maxTicks   = 1000 // of one playbook in an hour, and as many ends of ticks
	maxTicking = 5000 // of all of them together: names of playbooks can be made up
	tickBehind = 400 * 24 * time.Hour
	tickAhead  = time.Minute
)

// playbookName is how playbooks are called.
var playbookName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,99}$`)

// Tick puts on record that a schedule is due, once a time, or that a tick waits no longer, and tells
// what became of it. Like what a run tells it permits nothing: the gateway holds it against the
// schedule that it knows itself.
func (a *Authority) Tick(ctx context.Context, in workflows.Ticking) (workflows.Ticked, error) {
	info := activity.GetInfo(ctx)
	at := in.Scheduled.UTC()
	switch now := a.Now(); {
	case info.WorkflowType == nil || info.WorkflowType.Name != workflows.TickType:
		return workflows.Ticked{}, dumb("only a tick puts ticks on record")
	case !playbookName.MatchString(in.Playbook):
		return workflows.Ticked{}, dumb("%q is no name of a playbook", cut(in.Playbook, 100))
	case at.Nanosecond() != 0 || at.After(now.Add(tickAhead)) || at.Before(now.Add(-tickBehind)):
		return workflows.Ticked{}, dumb("%s is no time at which a schedule may be due now", at.Format(time.RFC3339Nano))
	case in.Over != "" && in.Over != ledger.TickCancelled && in.Over != ledger.TickMissed:
		return workflows.Ticked{}, dumb("a tick is over because it was cancelled or missed, not %q", cut(in.Over, 40))
	}
	found, again, put, err := a.lookUp(ctx, in.Playbook, at)
	if err != nil || put && (in.Over == "" || found.State.Over()) {
		return found, err
	}
	execution := info.WorkflowExecution
	err = a.Ledger.Do(ctx, func(tx ledger.Tx) error {
		kind := ledger.Tick
		if in.Over != "" {
			kind = ledger.TickOver
		}
		made, err := tx.Count(kind, tx.Now().Add(-time.Hour))
		if err != nil {
			return err
		}
		if err := often(made, in.Playbook); err != nil {
			return err
		}
		if in.Over != "" {
			return appendOnce(tx, ledger.Entry{
				Kind: ledger.TickOver, Topic: in.Playbook, Key: ledger.TickOverKey(in.Playbook, at, execution.RunID),
				Body: ledger.TickOverBody{Playbook: in.Playbook, Scheduled: at, Why: in.Over},
			})
		}
		return appendOnce(tx, ledger.Entry{
			Kind: ledger.Tick, Topic: in.Playbook, Key: ledger.TickKey(in.Playbook, at) + again,
			Body: ledger.TickBody{Playbook: in.Playbook, Scheduled: at, Workflow: cut(execution.ID, maxID), Execution: execution.RunID},
		})
	})
	return found, err
}

// often refuses more records of an hour than schedules make: it is tried again later.
func often(made map[string]int, playbook string) error {
	all := 0
	for _, n := range made {
		all += n
	}
	switch {
	case made[playbook] >= maxTicks:
		return fmt.Errorf("the schedule of %s was due too often in the last hour", playbook)
	case all >= maxTicking:
		return errors.New("schedules were due too often in the last hour")
	}
	return nil
}

// appendOnce puts on record what is not there yet.
func appendOnce(tx ledger.Tx, e ledger.Entry) error {
	_, err := tx.Append(e)
	if errors.Is(err, ledger.ErrTaken) {
		return nil
	}
	return err
}

// ordered tells whether a person has ordered a time that was refused: then it is tried again.
func ordered(tx ledger.Tx, playbook string, at time.Time) (again string, err error) {
	rec, taken, err := tx.Find(ledger.TickedKey(playbook, at))
	if err != nil || !taken {
		return "", err
	}
	var b ledger.TickedBody
	if err := rec.Read(&b); err != nil || b.Refused == "" {
		return "", err
	}
	orders, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.TickOrder}, Topic: playbook, After: rec.Seq})
	for _, one := range orders {
		var o ledger.TickOrderBody
		if err := one.Read(&o); err != nil {
			return "", err
		}
		if !o.Once && !at.Before(o.From) && !at.After(o.To) {
			again = ledger.TickAgain(one.Seq) // the last of them counts
		}
	}
	return again, err
}

// lookUp tells what became of a tick, and whether it is on record at all; again belongs to its keys.
func (a *Authority) lookUp(ctx context.Context, playbook string, at time.Time) (out workflows.Ticked, again string, put bool, err error) {
	out.State = workflows.TickWaiting
	err = a.Ledger.View(ctx, func(tx ledger.Tx) error {
		if again, err = ordered(tx, playbook, at); err != nil {
			return err
		}
		if _, put, err = tx.Find(ledger.TickKey(playbook, at) + again); err != nil || !put {
			return err
		}
		rec, taken, err := tx.Find(ledger.TickedKey(playbook, at) + again)
		if err != nil || !taken {
			return err
		}
		var b ledger.TickedBody
		if err := rec.Read(&b); err != nil {
			return err
		}
		if b.Refused != "" {
			out.State, out.Error = workflows.TickRefused, b.Refused
			return nil
		}
		out.State, out.Run, out.Execution, out.Joined = workflows.TickStarted, b.Run, b.Execution, b.Joined
		rec, ended, err := tx.Find(ledger.EndedKey(b.Run, b.Execution))
		if err != nil || !ended {
			return err
		}
		var e ledger.EndedBody
		if err := rec.Read(&e); err != nil {
			return err
		}
		out.State, out.Outcome, out.Error = endOf(e.State), e.Outcome, e.Error
		return nil
	})
	return out, again, put, err
}

// endOf is the state of a tick whose run has ended.
func endOf(state string) workflows.TickState {
	switch workflows.State(state) {
	case workflows.Done:
		return workflows.TickDone
	case workflows.Cancelled:
		return workflows.TickCancelled
	default:
		return workflows.TickFailed
	}
}
