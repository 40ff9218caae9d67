package authority

import (
	"context"
	"errors"
	"fmt"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/policy"
)

// asked is one attempt while it is decided about.
type asked struct {
	activities.Attempt

	ticket grant.Ticket
	grant  *grant.Grant // nil: the effect runs by itself
	shown  grant.Call   // of the grant: what people saw of this call
	facts  policy.Facts
	policy *policy.Policy
	people directory.Directory
	// undoes is the outcome that the call takes back; nil: none.
	undoes *undoes
	// verdict is what policy says.
	verdict policy.Verdict
}

// Begin admits an attempt, or refuses it and records that.
func (a *Authority) Begin(ctx context.Context, at activities.Attempt) (activities.Turn, error) {
	turn, err := a.begin(ctx, at)
	var why *activities.Error
	if errors.As(err, &why) && why.Permanent {
		a.refused(ctx, at, err)
	}
	return turn, err
}

func (a *Authority) begin(ctx context.Context, at activities.Attempt) (activities.Turn, error) {
	q := &asked{Attempt: at}
	if err := a.signed(q); err != nil {
		return nil, err
	}
	if err := a.read(q); err != nil {
		return nil, err
	}
	var so use
	if err := a.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		if q.undoes, err = findUndone(tx, q); err != nil {
			return err
		}
		so, err = look(tx, q)
		return err
	}); err != nil {
		return nil, fmt.Errorf("look into the ledger: %w", err)
	}
	if so.output != nil {
		return turn{output: so.output}, nil
	}
	if err := q.judge(ctx); err != nil {
		return nil, err
	}
	if so.intent == nil { // the first attempt; after it the world is half changed
		if err := q.compare(ctx); err != nil {
			return nil, err
		}
	}
	return a.enter(ctx, q)
}

// read reads the policy and the directory, as they are now.
func (a *Authority) read(q *asked) error {
	var err error
	if q.policy, err = a.policy(); err != nil {
		return err
	}
	if q.people, err = a.Directory(); err != nil {
		return fmt.Errorf("read the directory, without which nothing is done: %w", err)
	}
	q.facts, err = policy.FactsOf(q.Call.Activity, string(q.Spec.Effect), q.Spec.Targets, q.Call.Input)
	if err != nil {
		return activities.Permanent(activities.NotPermitted, fmt.Errorf("%w: %w", activities.ErrNotPermitted, err))
	}
	q.facts.Playbook, q.facts.StartedBy, q.facts.Now = q.ticket.Playbook, q.ticket.StartedBy, a.Now()
	return nil
}

// compare holds the world against what people saw.
func (q *asked) compare(ctx context.Context) error {
	want, who := q.expected()
	if want == "" {
		return nil
	}
	if q.Preview == nil {
		return q.again("a preview was shown, and this worker has none")
	}
	seen, err := q.Preview(ctx)
	if err != nil {
		return fmt.Errorf("look at what would change: %w", err)
	}
	name, err := seen.Digest()
	if err != nil {
		return err
	}
	switch {
	case name == want:
		return nil
	case who == shown:
		return q.again("what it would change now is not what was shown")
	default:
		return overtaken("the world has changed since the run left it: nothing is put back over what others did")
	}
}

// witness says who saw the world as it should be.
type witness int

const (
	shown witness = iota // to people
	left                 // by the effect that is taken back
)

func (q *asked) expected() (want digestOf, who witness) {
	if q.undoes != nil {
		return q.undoes.leftAs, left
	}
	if q.grant == nil {
		return "", shown
	}
	return q.shown.Preview, shown
}

// again is a refusal after which the run may ask people anew.
func (q *asked) again(why string) error {
	return activities.Permanent(activities.AskAgain, fmt.Errorf("%w: %s", activities.ErrNotPermitted, why))
}

func refuse(format string, args ...any) error {
	return activities.Permanent(activities.NotPermitted, fmt.Errorf("%w: %s", activities.ErrNotPermitted, fmt.Sprintf(format, args...)))
}

// overtaken is a refusal to take back what needs it no more.
func overtaken(format string, args ...any) error {
	return activities.Permanent(activities.Overtaken, fmt.Errorf("%w: %s", activities.ErrNotPermitted, fmt.Sprintf(format, args...)))
}

// halted is a refusal for now.
func halted(format string, args ...any) error {
	return activities.Permanent(activities.Halted, fmt.Errorf("%w: %s", activities.ErrNotPermitted, fmt.Sprintf(format, args...)))
}
