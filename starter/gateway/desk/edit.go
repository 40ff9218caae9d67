package desk

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// Edit is another input for a call that people are asked about.
type Edit struct {
	Approval string          `json:"approval"`
	Digest   digest.Digest   `json:"digest"`
	Step     string          `json:"step"`
	Input    json.RawMessage `json:"input"` // whole
}

// EditResult is what an edit led to. The request that it made is not known until it has arrived.
type EditResult struct {
	workflows.EditResult
	// Arrived says that the run knows. If not it is told until it does.
	Arrived bool `json:"arrived"`
}

// Edit changes what is asked before it is decided. It makes another request of it: all votes are
// void, and whoever changed it has none on what came of it. It takes a vote to change something.
// It is on record before the run is told: when ctx ends meanwhile, the telling goes on.
func (d *Desk) Edit(ctx context.Context, p Principal, run string, e Edit) (EditResult, error) {
	people, err := d.human(p)
	if err != nil {
		return EditResult{}, d.refused(ctx, p, run, e.Digest, err)
	}
	m, err := d.matter(ctx, run, e.Approval, e.Digest)
	if err != nil {
		return EditResult{}, d.turn(ctx, p, run, e.Digest, err)
	}
	panel, _, err := d.panel(ctx, m, people, p.Person, time.Now())
	if err != nil {
		return EditResult{}, d.turn(ctx, p, run, e.Digest, err)
	}
	r := m.request()
	body, err := edited(r, p, e)
	if err != nil {
		return EditResult{}, d.turn(ctx, p, run, e.Digest, err)
	}
	text, err := shown(m)
	if err != nil {
		return EditResult{}, err
	}
	of := errandOf(r)
	of.word = changed
	err = d.Ledger.Do(ctx, func(tx ledger.Tx) error {
		if err := recordRequest(tx, r, text); err != nil {
			return err
		}
		before, err := heard(tx, r, &panel)
		if err != nil {
			return err
		}
		if before.decision != nil {
			return refuse("the request is already %s", before.decision.Outcome)
		}
		delete(panel.Excluded, m.editor(p.Person, panel)) // who has changed it may change it again
		if _, err := panel.Right(r, p.Person, p.Surface, tx.Now()); err != nil {
			return err
		}
		rec, err := tx.Append(ledger.Entry{Kind: ledger.Edit, Run: run, Body: body})
		of.seq = rec.Seq
		return err
	})
	if err != nil {
		return EditResult{}, d.turn(ctx, p, run, e.Digest, err)
	}
	d.Log.InfoContext(ctx, "edit", "run", run, "approval", e.Approval, "step", e.Step, "person", p.Person)
	got, err := d.bring(ctx, of, "", true)
	switch {
	case errors.Is(err, errLater):
		return EditResult{}, nil
	case err != nil:
		return EditResult{}, err
	default:
		return EditResult{got.(workflows.EditResult), true}, nil
	}
}

// editor is the person, if the only reason against a vote is an earlier edit.
func (m *matter) editor(person string, panel approval.Panel) string {
	if panel.Excluded[person] == approval.Editor && !slices.Contains(m.root.starters, person) {
		return person
	}
	return ""
}

// edited is the record of an edit.
func edited(r approval.Request, p Principal, e Edit) (ledger.EditBody, error) {
	i := slices.IndexFunc(r.Calls, func(c approval.Call) bool { return c.Step == e.Step })
	if i < 0 {
		return ledger.EditBody{}, refuse("%q is no call of the request", clip(e.Step, 200))
	}
	c := r.Calls[i]
	input, err := digest.Canonical(e.Input)
	if err != nil {
		return ledger.EditBody{}, refuse("the input: %v", err)
	}
	after, err := activities.Call{Activity: c.Activity, Version: c.Version, Input: input}.Digest()
	if err != nil {
		return ledger.EditBody{}, refuse("the input: %v", err)
	}
	return ledger.EditBody{By: p.Person, Run: r.Run, Approval: r.ID, Request: r.Digest, Step: e.Step, Before: c.Digest, After: after, Input: input, Via: p.Via}, nil
}
