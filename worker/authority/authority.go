// Package authority decides about every change and destroy of a worker, at the moment before it is
// made: it is what stands behind the guard of package activities.
//
// It believes nothing that a workflow says. What it asks, in this order:
//
//  1. the run's ticket, signed by the gateway, for this workflow
//  2. the grant, signed by the gateway, for this very call of this execution of this run, in its time
//  3. the policy, read now: never-touch, what it says of the call, and the breakers
//  4. the directory, read now: whoever said yes still may
//  5. the world, where the effect has a preview: it is as it was shown
//  6. the ledger, in one transaction: the kill switch is not thrown, the grant or the ticket is not
//     used for this already, and the intent is on record
//
// What cannot be asked is a no. An effect that is on record as made is not made again: its output
// is what the ledger has.
//
// # Files
//
//	authority.go  what it is made of
//	begin.go      the way of one attempt
//	permission.go tickets and grants
//	undo.go       what takes back an effect that is on record
//	use.go        the ledger's part: single use, intent, outcome
//	judge.go      what a run may ask beforehand
//	tick.go       what a schedule has put on record: that it is due
//	tell.go       what a run has put on record: that it asks people, and how it has ended
package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/policy"
)

// Ledger is what it needs of the ledger.
type Ledger interface {
	// Do runs one transaction that writes.
	Do(ctx context.Context, work func(ledger.Tx) error) error
	// View runs one that reads.
	View(ctx context.Context, work func(ledger.Tx) error) error
}

// Options are what an authority is made of. All but Now are needed.
type Options struct {
	// Keys are the gateway's public keys.
	Keys grant.Keys
	// Ledger is the one that the gateway writes too.
	Ledger Ledger
	// Policy and Directory are asked anew at every effect.
	Policy    func() (*policy.Policy, error)
	Directory func() (directory.Directory, error)
	// Effects tells the effect of an activity, for breakers that count one kind; nil: all count.
	Effects func(activity string) (effect string, known bool)
	// Now tells the time; nil is time.Now.
	Now func() time.Time
}

// Authority is activities.Authority as production has it.
type Authority struct{ Options }

// New returns an authority.
func New(o Options) (*Authority, error) {
	switch {
	case o.Keys.Empty():
		return nil, errors.New("the authority over effects needs the public keys of the gateway")
	case o.Ledger == nil:
		return nil, errors.New("the authority over effects needs the ledger")
	case o.Policy == nil || o.Directory == nil:
		return nil, errors.New("the authority over effects needs a policy and a directory")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Authority{o}, nil
}

// policy is the policy as it is now.
func (a *Authority) policy() (*policy.Policy, error) {
	p, err := a.Policy()
	if err != nil {
		return nil, fmt.Errorf("read the policy, without which nothing is done: %w", err)
	}
	if a.Effects != nil {
		p = p.Knowing(a.Effects)
	}
	return p, nil
}
