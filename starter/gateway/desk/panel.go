package desk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/policy"
)

// panel is who may decide a request now, by the directory and the policy, for what a person says. What
// is on record of the request is added in the transaction that counts the vote. Where it cannot
// be looked up who is in a group it is an error, beside a panel without members.
func (d *Desk) panel(ctx context.Context, m *matter, people directory.Directory, person string, now time.Time) (approval.Panel, digest.Digest, error) {
	rules, err := d.Policy()
	if err != nil {
		return approval.Panel{}, "", fmt.Errorf("read the policy: %w", err)
	}
	r := m.request()
	p := approval.Panel{BreakGlass: rules.BreakGlass(), Members: map[string][]string{}}
	about := append([]string{}, m.root.subjects...)
	for _, c := range r.Calls {
		if c.Effect == activityRead {
			continue
		}
		facts, err := policy.FactsOf(c.Activity, c.Effect, c.Targets, c.Input)
		if err != nil {
			return approval.Panel{}, "", refuse("%v", err)
		}
		facts.Now = now
		for _, t := range m.root.tickets {
			facts.Playbook, facts.StartedBy = t.Playbook, t.StartedBy
			if t.Undoes != "" { // the guard sees to it that it takes back no more than is on record
				facts.Undo = policy.UndoByPerson
			}
		}
		for _, target := range facts.Targets {
			about = append(about, names(target)...)
		}
		switch v := rules.Judge(facts); v.Mode {
		case policy.Automatic:
		case policy.Approval:
			p.Floor = append(p.Floor, v.Need)
		default:
			return approval.Panel{}, "", refuse("%s is %s by the policy (%s): %s", c.Step, v.Mode, v.Rule, v.Reason)
		}
	}
	for _, starter := range m.root.starters {
		p.Exclude(approval.Starter, starter)
	}
	for _, e := range r.Edits {
		p.Exclude(approval.Editor, e.By)
	}
	p.Exclude(approval.Subject, people.Known(about)...)
	if err := seat(ctx, &p, people, person, p.AllGroups(r)); err != nil {
		p.Members = nil
		return p, rules.Digest(), err
	}
	return p, rules.Digest(), nil
}

// seat looks up who is in groups, for what a person says. In a group that is not there is nobody.
func seat(ctx context.Context, p *approval.Panel, people directory.Directory, person string, groups []string) error {
	there := slices.DeleteFunc(slices.Clone(groups), func(group string) bool { return !people.Has(group) })
	each, err := people.Each(ctx, []string{person}, there...)
	if err != nil {
		return unseated{err}
	}
	maps.Copy(p.Members, each)
	return nil
}

// unseated is a refusal because it is not known who is in a group.
type unseated struct{ err error }

func (u unseated) Error() string {
	return u.err.Error() + "; nothing is recorded, and what is asked stays open: try again"
}
func (u unseated) Is(target error) bool { return target == approval.ErrRefused }
func (u unseated) Unwrap() error        { return u.err }

// activityRead is the effect of calls that change nothing.
const activityRead = "read"

// names are the identifiers in a text that may name somebody: itself, and the last part of an ARN, a
// path or a mail-like name, which is how providers name an account of a person.
func names(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 1024 {
		return nil
	}
	all := []string{text}
	if i := strings.LastIndexAny(text, "/:"); i >= 0 && i+1 < len(text) {
		all = append(all, text[i+1:])
	}
	return all
}

// said is what is on record of a request.
type said struct {
	votes    []approval.Vote
	decision *ledger.DecisionBody
	decided  int64       // the decision's record
	edits    []time.Time // that changed this very request
}

// heard reads what is on record of a request, and completes the panel by it.
func heard(tx ledger.Tx, r approval.Request, p *approval.Panel) (said, error) {
	return heardOf(tx, r.Run, r.ID, r.Digest, p)
}

func heardOf(tx ledger.Tx, run, id string, name digest.Digest, p *approval.Panel) (said, error) {
	var s said
	records, err := all(tx, ledger.Filter{Kinds: []ledger.Kind{ledger.Vote, ledger.Delegation, ledger.Edit}, Run: run})
	if err != nil {
		return s, err
	}
	for _, rec := range records {
		switch rec.Kind {
		case ledger.Vote:
			var b ledger.VoteBody
			if err := read(rec, &b); err != nil {
				return s, err
			}
			if b.Request == name {
				s.votes = append(s.votes, approval.Vote{
					Approval: b.Approval, Digest: b.Request, Person: b.Person, Verdict: approval.Verdict(b.Verdict), Reason: b.Reason,
					At: rec.At, Surface: b.Surface, For: b.For, BreakGlass: b.BreakGlass,
				})
			}
		case ledger.Delegation:
			var b ledger.DelegationBody
			if err := read(rec, &b); err != nil {
				return s, err
			}
			if b.Request == name {
				p.Delegations = append(p.Delegations, approval.Delegation{Request: b.Request, From: b.From, To: b.To, Reason: b.Reason, At: rec.At})
			}
		case ledger.Edit:
			var b ledger.EditBody
			if err := read(rec, &b); err != nil {
				return s, err
			}
			if b.Request == name {
				s.edits = append(s.edits, rec.At)
			}
			if b.Approval == id {
				p.Exclude(approval.Editor, b.By)
			}
		}
	}
	rec, found, err := tx.Find(ledger.DecisionKey(name))
	if err != nil || !found {
		return s, err
	}
	s.decision, s.decided = &ledger.DecisionBody{}, rec.Seq
	return s, read(rec, s.decision)
}

// decided is a decision on record as a run reads it.
func decided(b *ledger.DecisionBody) *approval.Decision {
	if b == nil {
		return nil
	}
	by := b.By
	if by == nil {
		by = []string{}
	}
	return &approval.Decision{Outcome: approval.Outcome(b.Outcome), By: by, Reason: b.Reason, At: b.Decided, BreakGlass: b.BreakGlass}
}

// signedGrant is the single-use permission of a yes.
func (d *Desk) signedGrant(r approval.Request, p approval.Panel, votes []approval.Vote, dec approval.Decision, rules digest.Digest) (*grant.Signed, error) {
	g := grant.Grant{
		ID: grant.NewID(), Run: r.Run, Execution: r.Execution, Approval: r.ID, Request: r.Digest, Plan: r.Plan, Policy: rules,
		Needs: p.Needs(r, dec.At), NotBefore: dec.At, Expires: dec.At.Add(grant.Lives(len(r.Calls))),
	}
	if dec.BreakGlass {
		g.BreakGlass = dec.Reason
	}
	calls, err := r.Grants()
	if err == nil {
		err = g.Cover(calls)
	}
	if err != nil {
		return nil, err
	}
	for _, person := range dec.By {
		for _, v := range votes {
			if v.Person == person && v.Verdict == approval.Approve && v.BreakGlass == dec.BreakGlass {
				g.Approvers = append(g.Approvers, grant.Approver{Person: person, At: v.At, Surface: v.Surface, For: v.For})
				break
			}
		}
	}
	signed, err := d.Signer.Sign(grant.KindGrant, g)
	if err != nil {
		return nil, err
	}
	return &signed, nil
}
