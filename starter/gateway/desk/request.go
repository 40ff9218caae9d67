package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/playbook"
)

// matter is one request, with what the desk has on record of the run that asks.
type matter struct {
	status *workflows.Status
	asking *workflows.ApprovalStatus
	root   origin
}

func (m *matter) request() approval.Request { return m.asking.Request }

// matter asks a run for a request and believes of it what fits the record.
func (d *Desk) matter(ctx context.Context, run, id string, want digest.Digest) (*matter, error) {
	st, err := d.Runs.Status(ctx, run)
	if err != nil {
		return nil, err
	}
	return d.matterOf(ctx, st, run, id, want)
}

// matterOf is matter of what a run has told.
func (d *Desk) matterOf(ctx context.Context, st *workflows.Status, run, id string, want digest.Digest) (*matter, error) {
	var asking *workflows.ApprovalStatus
	for _, a := range st.Approvals {
		if a.ID == id && (a.Digest == want || asking == nil) {
			asking = a
		}
	}
	switch {
	case asking == nil:
		return nil, refuse("the run %s is not asking %q", run, clip(id, 200))
	case asking.Digest != want:
		return nil, refuse("it was said to %s, and what is asked now is %s; look at the request again", want.Short(), asking.Digest.Short())
	}
	if dec := asking.Decision; dec != nil && (dec.Outcome == approval.Withdrawn || dec.Outcome == approval.Expired) {
		return nil, refuse("the request is %s: %s", dec.Outcome, dec.Reason)
	}
	root, err := d.origin(ctx, run)
	if err != nil {
		return nil, err
	}
	m := &matter{st, asking, root}
	if err := m.check(run); err != nil {
		return nil, refuse("the request is not as this gateway would have it: %v", err)
	}
	return m, nil
}

// check holds a request against its own digests and against the plan that the run was started with.
func (m *matter) check(run string) error {
	r := m.request()
	if r.Run != run || r.Execution != m.status.Execution {
		return fmt.Errorf("it is that of the run %s", clip(r.Run, 200))
	}
	again := r
	if err := again.Seal(); err != nil || again.Digest != r.Digest {
		return fmt.Errorf("its digest is not that of what it says")
	}
	plan, ok := m.root.plans[r.Plan]
	if !ok {
		return fmt.Errorf("the plan %s is none that the run was started with", r.Plan.Short())
	}
	if len(r.Calls) > playbook.MaxCovered {
		return fmt.Errorf("it covers %d calls, and people decide about at most %d at once", len(r.Calls), playbook.MaxCovered)
	}
	for _, c := range r.Calls {
		name, err := activities.Call{Activity: c.Activity, Version: c.Version, Input: c.Input}.Digest()
		if err != nil || name != c.Digest {
			return fmt.Errorf("the digest of %s is not that of the call", clip(c.Step, 200))
		}
		s, ok := plan.Activities[c.Activity]
		if !ok || string(s.Effect) != c.Effect || s.Version != c.Version || s.Undo != c.Undo || !slices.Equal(s.Targets, c.Targets) {
			return fmt.Errorf("the plan knows no such call of %s", clip(c.Activity, 200))
		}
		many := len(r.Calls) > grant.MaxListed // then there may not be room for all
		if s.Preview && c.Effect != activityRead && c.Preview == nil && (c.Unshown == nil || !many) {
			return fmt.Errorf("it does not show what %s would change", clip(c.Step, 200))
		}
	}
	return m.asks(plan)
}

// asks finds the step that asks in the plan. An approval covers its own calls, and asks of its groups
// as many of them or more. Policy asks about one call that stands under no approval of the plan's.
func (m *matter) asks(plan playbook.Plan) error {
	pb, err := plan.Load()
	if err != nil {
		return err
	}
	r := m.request()
	var asking *playbook.Step
	covered := map[*playbook.Step]bool{}
	playbook.Walk(pb.Steps, func(s *playbook.Step) {
		if v, ok := s.Verb.(*playbook.Approve); ok {
			playbook.Walk(v.Steps, func(inner *playbook.Step) { covered[inner] = true })
		}
		if !covered[s] && (r.ID == s.ID || strings.HasSuffix(r.ID, "."+s.ID)) {
			asking = s
		}
	})
	if asking == nil {
		return fmt.Errorf("the plan asks nothing by the name %q", clip(r.ID, 200))
	}
	switch v := asking.Verb.(type) {
	case *playbook.Approve:
		if !slices.Equal(v.Approvers, r.Groups) || r.Quorum < v.Quorum {
			return fmt.Errorf("the plan asks %d of %v", v.Quorum, v.Approvers)
		}
		if r.Escalate != nil && (v.Escalate == nil || !slices.Equal(v.Escalate.Groups, r.Escalate.Groups) || r.Escalate.At.Before(r.Asked.Add(v.Escalate.After))) {
			return fmt.Errorf("the plan escalates to nobody else, and not before its time")
		}
		return covers(r, asking, v.Steps)
	case *playbook.Activity:
		if len(r.Calls) != 1 || r.Escalate != nil {
			return fmt.Errorf("the plan makes one call there, and escalates to nobody")
		}
		return covers(r, asking, []*playbook.Step{asking})
	default:
		return fmt.Errorf("the plan asks nobody at %q", clip(r.ID, 200))
	}
}

// covers holds the calls of a request against the steps that it may be about, in the same round.
func covers(r approval.Request, asking *playbook.Step, steps []*playbook.Step) error {
	round := strings.TrimSuffix(r.ID, asking.ID)
	said := map[string]bool{}
	for _, c := range r.Calls {
		in, fits := strings.CutPrefix(c.Step, round)
		if again := said[c.Step]; again || !fits || !slices.ContainsFunc(steps, func(s *playbook.Step) bool { return isCall(in, c.Activity, s) }) {
			return fmt.Errorf("what the plan asks at %q does not cover the call %s of %s, once", clip(r.ID, 200), clip(c.Step, 200), clip(c.Activity, 200))
		}
		said[c.Step] = true
	}
	return nil
}

// isCall reports whether a call is the one that a step of an approval makes: its own or, of a loop, that
// of a step inside it in one of the rounds, each[3].disable.
func isCall(name, activity string, s *playbook.Step) bool {
	switch v := s.Verb.(type) {
	case *playbook.Activity:
		return name == s.ID && activity == v.Name
	case *playbook.ForEach:
		rest, ok := strings.CutPrefix(name, s.ID+"[")
		number, inner, found := strings.Cut(rest, "].")
		n, err := strconv.Atoi(number)
		return ok && found && err == nil && n >= 0 && n < playbook.MaxItems && strconv.Itoa(n) == number &&
			slices.ContainsFunc(v.Steps, func(s *playbook.Step) bool {
				a, call := s.Verb.(*playbook.Activity)
				return call && inner == s.ID && activity == a.Name
			})
	default:
		return false
	}
}

// origin is what is on record of how a run came about.
type origin struct {
	run      string
	tickets  []grant.Ticket
	events   []json.RawMessage               // of each; nil: it was too long to be on record
	answers  json.RawMessage                 // the one that the run answers
	plans    map[digest.Digest]playbook.Plan // with those of called playbooks
	starters []string
	subjects []string
}

// origin finds the records of the run that a workflow belongs to. A run that was started again, or
// joined, has several: who is excluded by one has no vote.
func (d *Desk) origin(ctx context.Context, workflow string) (origin, error) {
	var o origin
	err := d.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		o, err = d.originIn(tx, workflow)
		return err
	})
	return o, err
}

func (d *Desk) originIn(tx ledger.Tx, workflow string) (origin, error) {
	o := origin{plans: map[digest.Digest]playbook.Plan{}}
	for _, id := range roots(workflow) {
		records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Run}, Run: id})
		if err != nil {
			return origin{}, err
		}
		for _, r := range records {
			if err := o.add(d.keys(), r); err != nil {
				return origin{}, err
			}
		}
		if len(records) > 0 {
			o.run = id
			return o, o.about(tx)
		}
	}
	return origin{}, refuse("the run %s was not started by this gateway", clip(workflow, 300))
}

// roots are the ids that a workflow's run can have, the shortest first: what a run calls has its id
// and a slash before its own.
func roots(workflow string) []string {
	var ids []string
	for i, c := range workflow {
		if c == '/' && i > 0 {
			ids = append(ids, workflow[:i])
		}
	}
	return append(ids, workflow)
}

func (o *origin) add(keys grant.Keys, r ledger.Record) error {
	var body ledger.RunBody
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return fmt.Errorf("read record %d: %w", r.Seq, err)
	}
	var t grant.Ticket
	if err := keys.Open(&body.Ticket, grant.KindTicket, &t); err != nil {
		return refuse("the ticket of record %d: %v", r.Seq, err)
	}
	var plan playbook.Plan
	if err := json.Unmarshal(body.Plan, &plan); err != nil {
		return fmt.Errorf("read the plan of record %d: %w", r.Seq, err)
	}
	if name, err := digest.Of(plan); err != nil || name != t.Plan || t.Run != r.Run {
		return refuse("record %d is not of the run and the plan that its ticket is for", r.Seq)
	}
	o.tickets = append(o.tickets, t)
	o.starters = append(o.starters, t.StartedBy)
	o.events = append(o.events, body.Event)
	return o.holds(plan, 0)
}

// about gathers what the run answers, and whom or what it is about. An event that only joined it adds nobody: else whoever
// can send one could take the vote from all who may give it.
func (o *origin) about(tx ledger.Tx) error {
	for i, t := range o.tickets {
		_, joined, err := tx.Find(ledger.JoinedKey(t.ID))
		if err != nil {
			return err
		}
		if !joined {
			o.answers = o.events[i]
			o.subjects = append(o.subjects, t.Subjects...)
		}
	}
	return nil
}

// holds notes a plan, with those that it calls.
func (o *origin) holds(p playbook.Plan, depth int) error {
	name, err := digest.Of(p)
	if err != nil {
		return err
	}
	if o.plans[name] = p; depth > 10 {
		return nil
	}
	for _, called := range p.Playbooks {
		if err := o.holds(called, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// all lists records whatever their number.
func all(tx ledger.Tx, f ledger.Filter) ([]ledger.Record, error) {
	var records []ledger.Record
	for {
		page, err := tx.List(f)
		if err != nil || len(page) == 0 {
			return records, err
		}
		records = append(records, page...)
		f.After = page[len(page)-1].Seq
	}
}
