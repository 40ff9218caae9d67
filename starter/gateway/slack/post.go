package slack

import (
	"context"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// post posts one message for some cards, and returns those that are not shown yet.
func (t *term) post(ctx context.Context, channel string, batch []*card) (left []*card, err error) {
	if batch, err = t.find(ctx, batch); err != nil {
		return batch, err
	}
	if err := t.ours(ctx, channel); err != nil {
		return batch, err
	}
	fold := len(batch) > 1
	rows, err := t.claim(ctx, channel, batch, fold)
	if err != nil || len(rows) == 0 {
		return rows, err
	}
	switches := t.switches.Load()
	rows, sights := t.open(ctx, rows)
	if len(rows) == 0 {
		return nil, nil
	}
	msg := t.render(ctx, rows, sights, fold)
	call, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	meta := web.Meta{Request: string(rows[0].digest), Attempt: t.attempts(rows[0])}
	ts, err := t.Web.Post(call, channel, "", false, msg, meta)
	if web.Is(err, web.Bug) {
		t.failed(ctx, err, 1)
		msg = plainly(msg, rows)
		ts, err = t.Web.Post(call, channel, "", false, msg, meta)
	}
	if err != nil {
		if !web.Is(err, web.Ambiguous) {
			t.unclaim(rows...)
		}
		return rows, err
	}
	t.trouble.clear("chat.postMessage")
	t.shown(ctx, place{channel, ts}, rows, fold, sum(msg))
	if t.switches.Load() != switches { // before it was known where these cards are
		t.due(rows[0], now)
	}
	return nil, nil
}

// open looks at cards that are about to be posted. Those that nobody is asked about any more, or that
// cannot be looked at, are looked at by themselves.
func (t *term) open(ctx context.Context, batch []*card) (rows []*card, sights []desk.Sight) {
	for _, c := range batch {
		s, err := t.sight(ctx, c)
		if err != nil || !s.Open() {
			t.unclaim(c)
			t.loose(c)
			continue
		}
		rows, sights = append(rows, c), append(sights, s)
	}
	return rows, sights
}

// claim puts on record that cards are about to be posted, and returns those that nobody has posted.
func (t *term) claim(ctx context.Context, channel string, rows []*card, fold bool) ([]*card, error) {
	var mine []*card
	var bodies []ledger.MessageBody
	elsewhere := map[*card]ledger.MessageBody{}
	err := t.Ledger.Do(ctx, func(tx ledger.Tx) error {
		mine, bodies = nil, nil
		for _, c := range rows {
			shown, attempt, err := messagesOf(tx, c.digest)
			if err != nil {
				return err
			}
			if n := len(shown); n > 0 && shown[n-1].State == ledger.Posted {
				elsewhere[c] = shown[n-1]
				continue
			}
			b := ledger.MessageBody{Digest: c.digest, Surface: surface, Team: t.Team, Channel: channel, Fold: fold, State: ledger.Posting, Attempt: attempt + 1}
			mine, bodies = append(mine, c), append(bodies, b)
		}
		for i, c := range mine {
			if fold {
				bodies[i].With = mine[0].digest
			}
			if c.claimed != nil && c.claimed.Channel == channel && c.claimed.Fold == fold && c.claimed.With == bodies[i].With {
				bodies[i] = *c.claimed
				continue
			}
			if _, err := tx.Append(ledger.Entry{Kind: ledger.Message, Run: c.run, Topic: string(c.digest), Body: bodies[i]}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return rows, fmt.Errorf("put on record what is about to be posted: %w", err)
	}
	t.memory.mu.Lock()
	for i, c := range mine {
		c.posting, c.claimed, c.attempt = &bodies[i], nil, bodies[i].Attempt
	}
	t.memory.mu.Unlock()
	for c, b := range elsewhere {
		t.memory.mu.Lock()
		t.memory.shown(c, b)
		t.memory.mu.Unlock()
		t.loose(c)
	}
	return mine, nil
}

// messagesOf are the places of what is asked by the record, the newest last, and how often it was
// posted.
func messagesOf(tx ledger.Tx, name digest.Digest) (all []ledger.MessageBody, attempt int, err error) {
	records, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Message}, Topic: string(name)})
	for _, rec := range records {
		var b ledger.MessageBody
		if err := rec.Read(&b); err != nil {
			return nil, 0, fmt.Errorf("read record %d: %w", rec.Seq, err)
		}
		if b.Surface == surface && b.State != ledger.Told {
			all, attempt = append(all, b), max(attempt, b.Attempt)
		}
	}
	return all, attempt, err
}

// find looks for messages of which nobody knows whether they were posted: a crash or a lost answer came
// in between. It returns the cards that must be posted.
func (t *term) find(ctx context.Context, batch []*card) ([]*card, error) {
	found := map[place][]*card{}
	folded := map[place]bool{}
	var left []*card
	for _, c := range batch {
		t.memory.mu.Lock()
		b := c.posting
		t.memory.mu.Unlock()
		if b == nil {
			left = append(left, c)
			continue
		}
		name := b.Digest
		if b.With != "" {
			name = b.With
		}
		call, cancel := context.WithTimeout(ctx, callTime)
		ts, there, err := t.Web.Find(call, b.Channel, string(name))
		cancel()
		switch {
		case there && err == nil:
			at := place{b.Channel, ts}
			found[at], folded[at] = append(found[at], c), b.Fold
			continue
		case err != nil && !web.Is(err, web.Operator) && !web.Is(err, web.Gone):
			return batch, err
		}
		t.memory.mu.Lock() // an older one that turns up all the same is superseded then, see known.go
		c.posting = nil
		t.memory.mu.Unlock()
		left = append(left, c)
	}
	for at, rows := range found {
		t.shown(ctx, at, rows, folded[at], "")
	}
	return left, nil
}

// shown puts on record where cards are shown. It does not give up while this gateway leads: a message
// that is not on record takes no click.
func (t *term) shown(ctx context.Context, at place, rows []*card, fold bool, sent digest.Digest) {
	for tries := 1; ; tries++ {
		err := t.Ledger.Do(ctx, func(tx ledger.Tx) error {
			for _, c := range rows {
				b := ledger.MessageBody{Digest: c.digest, Surface: surface, Team: t.Team, Channel: at.channel, TS: at.ts, Fold: fold, State: ledger.Posted, Attempt: t.attempts(c)}
				if _, err := tx.Append(ledger.Entry{Kind: ledger.Message, Run: c.run, Topic: string(c.digest), Body: b}); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return // whoever leads next looks for it
		}
		timer := time.NewTimer(t.failed(ctx, err, tries))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	t.memory.mu.Lock()
	for _, c := range rows {
		c.posting, c.waiting = nil, false
		t.memory.attach(c, at, fold)
		c.message.sent = sent
	}
	t.memory.mu.Unlock()
	if sent == "" || !t.untouched(ctx, rows) {
		t.due(rows[0], now) // it may have changed meanwhile
	}
}
