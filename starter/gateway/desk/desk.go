// Package desk is the core of the gateway: everything that starts a run or answers one passes it,
// whatever surface it came from. It holds the private key. What it signs is all that a worker
// believes, so it signs nothing that it has not checked and put on record itself.
//
//	start     signs the ticket that a run starts with            start.go
//	tick      starts what a schedule has due, once a time           tick.go, tick_admit.go
//	vote      counts one person's answer, and decides            vote.go, request.go, panel.go
//	deliver   brings decisions to their runs until they arrive   deliver.go
//	notice    tells people that they are asked, and reminds them  wait.go, notice.go, look.go, lapse.go
//	answer    a question, a delegation, an edit                  answer.go, delegate.go, edit.go
//	operate   cancel, the kill switch, reviews                   operate.go
//	put back  what a run did, or keep it                         undo.go, keep.go
//	show      what is asked and what came of it, as it changes   sight.go, follow.go
//
// The desk authenticates nobody: its callers hand it a [Principal] that they made of a verified
// token or of a verified click. Everything else it looks up anew for every word of a person: who is
// in which group, what the policy asks, what was said before. What cannot be looked up is a no.
//
// What a run says of itself is a claim: whoever may write to the Temporal namespace can start runs
// and change them. Of a request the desk believes only what fits the plan that it started the run
// with, and it names every call by a digest of what the call says, not by what the run calls it.
package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// Principal is who acts, as a surface has verified it.
type Principal struct {
	// Person is the stable id of a person, or that of a source, which may send events and no more.
	Person  string
	Surface string // cli, local, slack, http
	Token   string // the id of the token; "" is none
	// Via is how the surface knows the person, for the record; "" is by the token.
	Via string
	// Deed names what the person did, where that may come in more than once: then it starts one run. ""
	// is that each time is another.
	Deed string
}

// Runs is what the desk needs of runs; workflows.Client has it.
type Runs interface {
	Start(ctx context.Context, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error)
	StartOnce(ctx context.Context, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error)
	Over(ctx context.Context, run, execution string) (workflows.Over, error)
	Deliver(ctx context.Context, ev event.Event) (waited bool, err error)
	Status(ctx context.Context, run string) (*workflows.Status, error)
	Runs(ctx context.Context, open bool, limit int) ([]workflows.Listed, error)
	Decide(ctx context.Context, run string, standing grant.Signed) (workflows.VoteResult, error)
	Answer(ctx context.Context, run string, answer grant.Signed) (approval.Ending, error)
	Edit(ctx context.Context, run string, order grant.Signed) (workflows.EditResult, error)
	Cancel(ctx context.Context, run string) error
	Keep(ctx context.Context, until workflows.Until, word grant.Signed) (workflows.ExpiryStatus, error)
}

// Policy is what the desk needs of a policy; policy.Policy has it.
type Policy interface {
	Digest() digest.Digest
	BreakGlass() []string
	Judge(policy.Facts) policy.Verdict
}

// Notifier tells people of what happens to requests.
type Notifier interface {
	Notify(ctx context.Context, n Notice)
}

// Options configure a desk. All up to Library are needed.
type Options struct {
	Signer grant.Signer
	Ledger *ledger.Ledger
	Runs   Runs
	// Directory, Policy and Library are asked anew each time.
	Directory func() (directory.Directory, error)
	Policy    func() (Policy, error)
	Library   func() (*library.Library, error)

	// Catalog is what undo is made of; nil: there is no undo.
	Catalog func() playbook.Catalog
	// AnyPlan lets persons start plans of their own, which this desk does not have: in local mode,
	// where whoever writes playbooks is who runs everything.
	AnyPlan bool
	// Schedules are those of the cluster; nil: persons have none of them run.
	Schedules Schedules
	// Keys are the public keys of earlier signers, whose runs go on; that of Signer is known.
	Keys grant.Keys
	// Resuming are the groups whose members may let effects go on again after a halt; nil: the policy's
	// break-glass groups, and where it has none everybody.
	Resuming []string
	Notifier Notifier     // nil: notices are logged
	Log      *slog.Logger // nil: none
}

// Desk is the gateway's desk. Its methods may be called side by side.
type Desk struct {
	Options

	mu      sync.Mutex
	pending map[errand]*parcel     // what has not arrived
	arrived map[digest.Digest]bool // decisions that have
	sends   singleflight.Group
	waits   waits // for people
	missing missing
}

// New returns a desk.
func New(o Options) (*Desk, error) {
	var errs []error
	for what, missing := range map[string]bool{
		"a private key": o.Signer.ID() == "", "a ledger": o.Ledger == nil, "runs": o.Runs == nil,
		"a directory": o.Directory == nil, "a policy": o.Policy == nil, "playbooks": o.Library == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("the desk has not %s", what))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Notifier == nil {
		o.Notifier = logged{o.Log}
	}
	return &Desk{Options: o, pending: map[errand]*parcel{}, arrived: map[digest.Digest]bool{}, waits: newWaits()}, nil
}

// keys are those that records of this gateway are signed with.
func (d *Desk) keys() grant.Keys { return d.Keys.With(d.Signer.Keys()) }

// ErrForbidden is why a person may not do something at all.
var ErrForbidden = errors.New("not allowed")

// refusal is an approval.ErrRefused in its own words.
type refusal struct{ says string }

func (r refusal) Error() string        { return r.says }
func (r refusal) Is(target error) bool { return target == approval.ErrRefused }

// refuse says no to what a person asks; whoever asks is told why.
func refuse(format string, args ...any) error { return refusal{fmt.Sprintf(format, args...)} }

// human is the person that a principal is now. Who has left the directory may do nothing.
func (d *Desk) human(p Principal) (directory.Directory, error) {
	people, err := d.Directory()
	if err != nil {
		return people, fmt.Errorf("look up %s: %w", p.Person, err)
	}
	if _, ok := people.Person(p.Person); !ok {
		if people.IsSource(p.Person) {
			return people, fmt.Errorf("%w: %s is a source, which may send events and no more", ErrForbidden, p.Person)
		}
		return people, fmt.Errorf("%w: %s is not in the directory", ErrForbidden, p.Person)
	}
	return people, nil
}

// refused records that somebody was turned down, and returns why. A record that fails is logged: the
// answer is no in any case.
func (d *Desk) refused(ctx context.Context, p Principal, run string, what digest.Digest, why error) error {
	err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Refusal, Run: run, Body: ledger.RefusalBody{
			Workflow: run, Digest: what, Person: p.Person, Via: p.Via, Kind: "Gateway", Why: clip(why.Error(), 2000),
		}})
		return err
	})
	if err != nil {
		d.Log.ErrorContext(ctx, "a refusal could not be recorded", "run", run, "person", p.Person, "error", err)
	}
	d.Log.WarnContext(ctx, "refused", "run", run, "person", p.Person, "surface", p.Surface, "why", why.Error())
	return why
}

// Refused records that a surface turned somebody away itself, and returns why: a click of somebody
// whom it cannot tell, say. Where nobody is known Person is "" and Via says as whom somebody came.
func (d *Desk) Refused(ctx context.Context, p Principal, run string, what digest.Digest, why error) error {
	p.Via = clip(p.Via, 500)
	return d.refused(ctx, p, clip(run, 300), what, why)
}

func clip(s string, most int) string { return s[:min(len(s), most)] }
