package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows/approval"
)

// Vote is one person's answer to what was shown.
type Vote struct {
	Approval string           `json:"approval"`
	Digest   digest.Digest    `json:"digest"` // of what was shown, whole
	Verdict  approval.Verdict `json:"verdict"`
	Reason   string           `json:"reason,omitempty"`
	// BreakGlass decides alone, in an emergency.
	BreakGlass bool `json:"break_glass,omitempty"`
}

// VoteResult is what a vote led to.
type VoteResult struct {
	Votes    int                `json:"votes"`
	Tally    []approval.Tally   `json:"tally"`
	Decision *approval.Decision `json:"decision"` // nil: more votes are wanted
	// Late says that the vote is on record and changes nothing: it was decided before.
	Late bool `json:"late,omitempty"`
	// Arrived says that the run knows. If not it is told until it does.
	Arrived bool `json:"arrived"`
}

// Vote counts one person's answer, and decides if it is enough. The vote, the decision and the grant
// become a record in one transaction; only then is the run told. To say the same again is safe. When
// ctx ends before the record, nothing is on it; when it ends after, the run is told all the same.
func (d *Desk) Vote(ctx context.Context, p Principal, run string, v Vote) (VoteResult, error) {
	people, err := d.human(p)
	if err != nil {
		return VoteResult{}, d.refused(ctx, p, run, v.Digest, err)
	}
	m, err := d.matter(ctx, run, v.Approval, v.Digest)
	if err != nil {
		return VoteResult{}, d.turn(ctx, p, run, v.Digest, err)
	}
	if m.request().Long() && p.Surface != "cli" && p.Surface != "local" {
		return VoteResult{}, d.refused(ctx, p, run, v.Digest, refuse("it is too long to be shown whole here; read it with starter show %s, and answer there with its digest", run))
	}
	panel, rules, err := d.panel(ctx, m, people, p.Person, time.Now())
	if err == nil && v.BreakGlass {
		err = seat(ctx, &panel, people, p.Person, panel.BreakGlass)
	}
	if err != nil {
		return VoteResult{}, d.turn(ctx, p, run, v.Digest, err)
	}
	shown, err := shown(m)
	if err != nil {
		return VoteResult{}, err
	}
	c := &count{desk: d, m: m, panel: panel, rules: rules, shown: shown, by: p, vote: v}
	if err := d.Ledger.Do(ctx, c.do); err != nil {
		return VoteResult{}, d.turn(ctx, p, run, v.Digest, err)
	}
	d.Log.InfoContext(ctx, "vote", "run", run, "approval", v.Approval, "digest", v.Digest.Short(), "person", p.Person, "verdict", v.Verdict, "break_glass", v.BreakGlass, "late", c.result.Late)
	if c.opened != "" {
		d.Notifier.Notify(ctx, Notice{Kind: BrokenGlass, Run: run, Approval: v.Approval, Digest: v.Digest, Person: p.Person, Text: v.Reason, Review: c.opened})
	}
	c.result.Arrived = d.send(ctx, m.request(), c.result.Votes, c.result.Decision != nil)
	return c.result, nil
}

// turn records a refusal; what could not be told is no refusal, and says whether it is on record.
func (d *Desk) turn(ctx context.Context, p Principal, run string, what digest.Digest, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, approval.ErrRefused) || errors.Is(err, ErrForbidden):
		return d.refused(ctx, p, run, what, err)
	case errors.Is(err, ledger.ErrUnsure):
		return err
	default:
		return fmt.Errorf("nothing is on record: %w", err)
	}
}

// shown is the card, as text.
func shown(m *matter) (string, error) {
	var out bytes.Buffer
	if err := card.Request(&out, m.status, m.asking, m.asking.Asked); err != nil {
		return "", fmt.Errorf("show what is asked: %w", err)
	}
	return clip(out.String(), maxRecorded/4), nil
}

// count is the counting of one vote, in one transaction.
type count struct {
	desk  *Desk
	m     *matter
	panel approval.Panel
	rules digest.Digest
	shown string
	by    Principal
	vote  Vote

	result VoteResult
	opened string // the review of a break-glass
}

func (c *count) do(tx ledger.Tx) error {
	r, now := c.m.request(), tx.Now()
	if err := recordRequest(tx, r, c.shown); err != nil {
		return err
	}
	if c.vote.Verdict == approval.Approve {
		if err := goingOn(tx); err != nil {
			return err
		}
	}
	before, err := heard(tx, r, &c.panel)
	if err != nil {
		return err
	}
	vote := approval.Vote{
		Approval: c.vote.Approval, Digest: c.vote.Digest, Person: c.by.Person, Verdict: c.vote.Verdict, Reason: c.vote.Reason,
		At: now, Surface: c.by.Surface, BreakGlass: c.vote.BreakGlass,
	}
	same := func(v approval.Vote) bool {
		return v.Person == vote.Person && v.Verdict == vote.Verdict && v.BreakGlass == vote.BreakGlass
	}
	again := slices.ContainsFunc(before.votes, same)
	if !vote.BreakGlass && !again {
		if vote.For, err = c.panel.Right(r, vote.Person, vote.Surface, now); err != nil {
			return err
		}
	}
	if before.decision != nil {
		c.tell(before, now)
		if c.result.Late = !again; again {
			return nil
		}
		return c.record(tx, vote)
	}
	if err := c.panel.Admit(r, before.votes, vote, now); err != nil {
		return err
	}
	if !again {
		if err := c.record(tx, vote); err != nil {
			return err
		}
		before.votes = append(before.votes, vote)
	}
	return c.decide(tx, before, now)
}

func (c *count) record(tx ledger.Tx, v approval.Vote) error {
	key := ledger.VoteKey(v.Digest, v.Person)
	if v.BreakGlass {
		key += "/break-glass"
	}
	_, err := tx.Append(ledger.Entry{Kind: ledger.Vote, Run: c.m.request().Run, Key: key, Body: ledger.VoteBody{
		Request: v.Digest, Approval: v.Approval, Person: v.Person, Verdict: string(v.Verdict), Reason: v.Reason,
		Surface: v.Surface, Via: c.by.Via, For: v.For, BreakGlass: v.BreakGlass,
	}})
	if errors.Is(err, ledger.ErrTaken) { // said before, and the other way
		return nil
	}
	return err
}

// decide records a decision if there is one.
func (c *count) decide(tx ledger.Tx, s said, now time.Time) error {
	r := c.m.request()
	dec, done := c.panel.Decide(r, s.votes, now)
	if done {
		body := ledger.DecisionBody{
			Request: r.Digest, Approval: r.ID, Outcome: string(dec.Outcome), By: dec.By, Reason: dec.Reason, BreakGlass: dec.BreakGlass, Decided: dec.At,
		}
		var err error
		if dec.Outcome == approval.Approved {
			if body.Grant, err = c.desk.signedGrant(r, c.panel, s.votes, dec, c.rules); err != nil {
				return err
			}
		}
		if _, err := tx.Append(ledger.Entry{Kind: ledger.Decision, Run: r.Run, Key: ledger.DecisionKey(r.Digest), Body: body}); err != nil {
			return err
		}
		if dec.BreakGlass {
			if err := c.review(tx, dec); err != nil {
				return err
			}
		}
		s.decision = &body
	}
	c.tell(s, now)
	return nil
}

// review opens the review of a decision that one person made alone.
func (c *count) review(tx ledger.Tx, dec approval.Decision) error {
	r := c.m.request()
	c.opened = r.Digest.Short()
	_, err := tx.Append(ledger.Entry{Kind: ledger.Review, Run: r.Run, Body: ledger.ReviewBody{
		ID: c.opened, Run: r.Run, Approval: r.ID, Person: dec.By[0], Reason: dec.Reason, Open: true,
	}})
	return err
}

func (c *count) tell(s said, now time.Time) {
	r := c.m.request()
	c.result.Votes, c.result.Decision = len(s.votes), decided(s.decision)
	c.result.Tally = c.panel.Tally(r, s.votes, now)
}

// recordRequest records what people are asked, once.
func recordRequest(tx ledger.Tx, r approval.Request, shown string) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record the request: %w", err)
	}
	_, err = tx.Append(ledger.Entry{Kind: ledger.Request, Run: r.Run, Key: ledger.RequestKey(r.Digest), Body: ledger.RequestBody{
		Digest: r.Digest, Request: raw, Card: shown,
	}})
	if errors.Is(err, ledger.ErrTaken) {
		return nil
	}
	return err
}

// read reads the body of a record.
func read(r ledger.Record, body any) error {
	if err := json.Unmarshal(r.Body, body); err != nil {
		return fmt.Errorf("read record %d: %w", r.Seq, err)
	}
	return nil
}
