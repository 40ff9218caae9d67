package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// Start is a run that a person starts.
type Start struct {
	Playbook string
	// Digest is the plan that the person has seen; "" is any.
	Digest digest.Digest
	// Plan is one that the desk does not have; nil: the desk's own. It takes AnyPlan.
	Plan *playbook.Plan
	// Event is what to answer; nil: there is none, and each start is another run.
	Event  *event.Event
	Inputs map[string]json.RawMessage
}

// Start starts one run for a person, who has no vote in it from then on. It joins the run that
// answers the same matter already, as an event does.
func (d *Desk) Start(ctx context.Context, p Principal, in Start) (workflows.Started, error) {
	if _, err := d.human(p); err != nil {
		return workflows.Started{}, err
	}
	pb, err := d.playbook(in)
	if err != nil {
		return workflows.Started{}, err
	}
	ev, err := p.manual(time.Now(), in.Playbook, in.Inputs)
	if err != nil {
		return workflows.Started{}, err
	}
	key := ev.ID
	if in.Event != nil {
		ev = *in.Event
		if err := ev.Validate(); err != nil {
			return workflows.Started{}, refuse("%v", err)
		}
		m := library.Match(pb, ev)
		if key = m.Key; !m.Matches {
			key = ev.Source + "/" + ev.ID
		}
	}
	input, err := workflows.NewInput(pb, ev, in.Inputs)
	if err != nil {
		return workflows.Started{}, refuse("%v", err)
	}
	return d.start(ctx, p.Person, pb, key, input, nil)
}

// manual is the event of a run that a person starts without one. The same deed makes the same run of
// the same, at whichever gateway and whenever it comes in again.
func (p Principal) manual(now time.Time, what ...any) (event.Event, error) {
	ev := gateway.Manual(now)
	if p.Deed == "" {
		return ev, nil
	}
	name, err := digest.Of([]any{p.Surface, p.Person, p.Deed, what})
	if err != nil {
		return ev, refuse("%v", err)
	}
	ev.ID = "manual-" + strings.TrimPrefix(string(name), "sha256:")
	return ev, nil
}

// playbook is what is to be started, which is what the person has seen.
func (d *Desk) playbook(in Start) (*playbook.Playbook, error) {
	if in.Plan != nil {
		if !d.AnyPlan {
			return nil, fmt.Errorf("%w: this gateway starts the playbooks that it has; give it yours (starter serve --playbooks)", ErrForbidden)
		}
		pb, err := in.Plan.Load()
		if err != nil {
			return nil, refuse("%v", err)
		}
		return pb, nil
	}
	lib, err := d.Library()
	if err != nil {
		return nil, err
	}
	pb, err := lib.ByName(in.Playbook)
	if err != nil {
		return nil, refuse("%v", err)
	}
	if in.Digest != "" && in.Digest != pb.Digest() {
		return nil, refuse("the gateway has another %s (%s) than you (%s)", pb.Name, pb.Digest().Short(), in.Digest.Short())
	}
	return pb, nil
}

// Received is what became of an event.
type Received struct {
	Started []workflows.Started `json:"started"`
	Waited  bool                `json:"waited"` // runs that wait for such an event were told
}

// Receive starts the runs that answer an event, and tells those that wait for it. An event that a
// person sends counts like a start by that person: who could make it up has no vote on it.
func (d *Desk) Receive(ctx context.Context, p Principal, ev event.Event) (Received, error) {
	people, err := d.Directory()
	if err != nil {
		return Received{}, fmt.Errorf("look up %s: %w", p.Person, err)
	}
	by := ""
	if !people.IsSource(p.Person) {
		if _, err := d.human(p); err != nil {
			return Received{}, err
		}
		by = p.Person
	}
	if err := ev.Validate(); err != nil {
		return Received{}, refuse("%v", err)
	}
	lib, err := d.Library()
	if err != nil {
		return Received{}, err
	}
	type planned struct {
		m     library.Matched
		input workflows.Input
	}
	var all []planned
	var errs []error
	for _, m := range lib.Match(ev) {
		if m.Err != nil {
			errs = append(errs, m.Err)
		}
		if m.Matches {
			input, err := workflows.NewInput(m.Playbook, ev, nil)
			all, errs = append(all, planned{m, input}), append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil { // nothing starts if one of two cannot: it may be the one that matters
		return Received{}, refuse("nothing was started: %v", err)
	}
	runs := make([]string, len(all))
	for i, one := range all {
		runs[i] = workflows.RunID(one.m.Playbook.Name, one.m.Key)
	}
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error { return recordEvent(tx, ev, p.Surface, runs) }); err != nil {
		return Received{}, err
	}
	var out Received
	for _, one := range all {
		s, err := d.start(ctx, by, one.m.Playbook, one.m.Key, one.input, nil)
		if err != nil {
			return out, err
		}
		out.Started = append(out.Started, s)
	}
	out.Waited, err = d.Runs.Deliver(ctx, ev)
	return out, err
}

// recordEvent records an event once, however often it is sent.
func recordEvent(tx ledger.Tx, ev event.Event, surface string, runs []string) error {
	raw, err := json.Marshal(ev)
	if err != nil {
		return fmt.Errorf("record the event: %w", err)
	}
	if len(raw) > maxRecorded {
		name, err := digest.Of(ev)
		if err != nil {
			return fmt.Errorf("record the event: %w", err)
		}
		ev.Data = json.RawMessage(fmt.Sprintf("%q", "too long to record: "+string(name)))
		if raw, err = json.Marshal(ev); err != nil {
			return fmt.Errorf("record the event: %w", err)
		}
	}
	key, err := ledger.EventKey(ev.Source, ev.ID)
	if err != nil {
		return err
	}
	_, err = tx.Append(ledger.Entry{Kind: ledger.Event, Key: key, Body: ledger.EventBody{Event: raw, Source: surface, Runs: runs}})
	if errors.Is(err, ledger.ErrTaken) {
		return nil
	}
	return err
}

// maxRecorded keeps a body below the ledger's bound with what stands beside its longest part.
const maxRecorded = ledger.MaxBody - 64<<10

// start signs a ticket, puts the run on record, and starts it. A run that cannot be recorded is not
// started; one that is recorded and was not started stays a record of an attempt.
func (d *Desk) start(ctx context.Context, by string, pb *playbook.Playbook, key string, in workflows.Input, change func(*grant.Ticket)) (workflows.Started, error) {
	return d.startBy(ctx, d.Runs.Start, by, pb, key, in, change)
}

// startOnce is start for what is never started a second time, also where the first has failed.
func (d *Desk) startOnce(ctx context.Context, by string, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error) {
	return d.startBy(ctx, d.Runs.StartOnce, by, pb, key, in, nil)
}

// starter starts a run, or finds the one that is there.
type starter func(ctx context.Context, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error)

func (d *Desk) startBy(ctx context.Context, start starter, by string, pb *playbook.Playbook, key string, in workflows.Input, change func(*grant.Ticket)) (workflows.Started, error) {
	automatic, err := Automatic(pb)
	if err != nil {
		return workflows.Started{}, fmt.Errorf("start %s: %w", pb.Name, err)
	}
	id := workflows.RunID(pb.Name, key)
	ticket := grant.Ticket{
		ID: grant.NewID(), Run: id, Playbook: pb.Name, Plan: pb.Digest(), StartedBy: by,
		Subjects: subjects(in), Automatic: automatic, Issued: time.Now().UTC(),
	}
	if ticket.Event, err = digest.Of(in.Event); err != nil {
		return workflows.Started{}, fmt.Errorf("start %s: %w", pb.Name, err)
	}
	if ticket.Inputs, err = digest.Of(in.Inputs); err != nil {
		return workflows.Started{}, fmt.Errorf("start %s: %w", pb.Name, err)
	}
	if change != nil {
		change(&ticket)
	}
	signed, err := d.Signer.Sign(grant.KindTicket, ticket)
	if err != nil {
		return workflows.Started{}, err
	}
	body, err := runBody(pb, in, signed)
	if err != nil {
		return workflows.Started{}, err
	}
	if err := d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Run, Run: id, Key: ledger.TicketKey(ticket.ID), Body: body})
		return err
	}); err != nil {
		return workflows.Started{}, err
	}
	started, err := start(activities.WithTicket(ctx, &signed), pb, key, in)
	if err == nil && !started.New {
		err = d.Ledger.Do(ctx, func(tx ledger.Tx) error {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Joined, Run: id, Key: ledger.JoinedKey(ticket.ID), Body: ledger.JoinedBody{Ticket: ticket.ID}})
			return err
		})
	}
	if err == nil {
		d.Log.InfoContext(ctx, "started", "run", started.Run, "new", started.New, "by", by, "plan", pb.Digest().Short())
	}
	return started, err
}

// runBody is the record of a run. Event and inputs that are too long for it are named by the ticket.
func runBody(pb *playbook.Playbook, in workflows.Input, ticket grant.Signed) (ledger.RunBody, error) {
	body := ledger.RunBody{Playbook: pb.Name, Digest: pb.Digest(), Ticket: ticket}
	var err error
	if body.Plan, err = json.Marshal(pb.Plan); err != nil {
		return body, fmt.Errorf("record the run: %w", err)
	}
	room := maxRecorded - len(body.Plan)
	inputs, err := json.Marshal(in.Inputs)
	if err != nil {
		return body, fmt.Errorf("record the run: %w", err)
	}
	if room -= len(inputs); room > 0 {
		body.Inputs = inputs
	}
	ev, err := json.Marshal(in.Event)
	if err != nil {
		return body, fmt.Errorf("record the run: %w", err)
	}
	if room-len(ev) > 0 {
		body.Event = ev
	}
	return body, nil
}

// subjects are the names of whom or what a run is about: whoever is known by one has no vote.
func subjects(in workflows.Input) []string {
	all := names(in.Event.Subject)
	for _, raw := range in.Inputs {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			all = append(all, names(text)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Automatic are the changes that a plan makes outside its approvals, with those of the playbooks that
// it calls, sorted: calls of steps, those that its workflows written in Go name, and calls that put
// back what a step did.
func Automatic(pb *playbook.Playbook) ([]string, error) {
	found := map[string]bool{}
	if err := automatic(pb, found); err != nil {
		return nil, err
	}
	all := make([]string, 0, len(found))
	for name := range found {
		all = append(all, name)
	}
	slices.Sort(all)
	return all, nil
}

func automatic(pb *playbook.Playbook, found map[string]bool) error {
	note := func(a *playbook.Activity) {
		if a.Signature.Effect != playbook.EffectRead {
			found[a.Name] = true
		}
	}
	covered := map[*playbook.Step]bool{}
	playbook.Walk(pb.Steps, func(s *playbook.Step) {
		switch v := s.Verb.(type) {
		case *playbook.Approve:
			playbook.Walk(v.Steps, func(inner *playbook.Step) { covered[inner] = true })
		case *playbook.Activity:
			if !covered[s] {
				note(v)
			}
		case *playbook.Workflow:
			for _, name := range v.Signature.Effects {
				found[name] = true
			}
		}
		if s.Undo != nil {
			for _, call := range s.Undo.Calls {
				note(call)
			}
		}
	})
	for name, plan := range pb.Plan.Playbooks {
		called, err := plan.Load()
		if err != nil {
			return fmt.Errorf("read the called playbook %s: %w", name, err)
		}
		if err := automatic(called, found); err != nil {
			return err
		}
	}
	return nil
}
