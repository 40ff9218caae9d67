package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows/approval"
)

// Delegate is a person's vote on one request, given to another.
type Delegate struct {
	Approval string        `json:"approval"`
	Digest   digest.Digest `json:"digest"`
	To       string        `json:"to"` // any identifier of a person
	Reason   string        `json:"reason,omitempty"`
}

// Delegate gives a vote away: it is then the other's, and not taken back. Who has no vote, or has
// voted, has none to give; who has none by exclusion gets none.
func (d *Desk) Delegate(ctx context.Context, p Principal, run string, in Delegate) (approval.Delegation, error) {
	people, err := d.human(p)
	if err != nil {
		return approval.Delegation{}, d.refused(ctx, p, run, in.Digest, err)
	}
	m, err := d.matter(ctx, run, in.Approval, in.Digest)
	if err != nil {
		return approval.Delegation{}, d.turn(ctx, p, run, in.Digest, err)
	}
	to, ok := people.Find(in.To)
	switch {
	case !ok:
		return approval.Delegation{}, d.refused(ctx, p, run, in.Digest, refuse("the directory has nobody %q to give the vote to", clip(in.To, 200)))
	case to.ID == p.Person:
		return approval.Delegation{}, d.refused(ctx, p, run, in.Digest, refuse("%s has that vote already; give it to somebody else, or vote", p.Person))
	}
	if len(in.Reason) > approval.MaxReason {
		return approval.Delegation{}, refuse("its reason is %d bytes; at most %d are kept", len(in.Reason), approval.MaxReason)
	}
	now := approval.Delegation{Request: in.Digest, From: p.Person, To: to.ID, Reason: in.Reason}
	text, err := shown(m)
	if err != nil {
		return now, err
	}
	panel, _, err := d.panel(ctx, m, people, p.Person, time.Now())
	if err != nil {
		return now, d.turn(ctx, p, run, in.Digest, err)
	}
	err = d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		r := m.request()
		if err := recordRequest(tx, r, text); err != nil {
			return err
		}
		before, err := heard(tx, r, &panel)
		if err != nil {
			return err
		}
		whose, err := panel.Right(r, p.Person, p.Surface, tx.Now())
		_, excluded := panel.Excluded[to.ID]
		switch {
		case err != nil:
			return err
		case whose != "":
			return refuse("the vote that %s has is that of %s, and is not handed on", p.Person, whose)
		case excluded:
			return refuse("%s %s, and so has no vote", to.ID, panel.Excluded[to.ID])
		case before.decision != nil:
			return refuse("the request is already %s", before.decision.Outcome)
		case slices.ContainsFunc(before.votes, func(v approval.Vote) bool { return v.Person == p.Person }):
			return refuse("%s has already voted", p.Person)
		}
		rec, err := tx.Append(ledger.Entry{Kind: ledger.Delegation, Run: run, Key: ledger.DelegationKey(in.Digest, p.Person), Body: ledger.DelegationBody{
			Request: in.Digest, Approval: in.Approval, From: p.Person, To: to.ID, Reason: in.Reason, Via: p.Via,
		}})
		now.At = rec.At
		return err
	})
	if err != nil {
		return approval.Delegation{}, d.turn(ctx, p, run, in.Digest, fmt.Errorf("delegate the vote: %w", err))
	}
	return now, nil
}
