package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

const (
	foldFrom = 6  // so many that wait for one channel's pace share a message
	foldMost = 20 // rows of one message: blocks shows as many
	// maxRefused is how often the desk is asked for what it would not have asked itself.
	maxRefused = 3
)

// lane is what waits for the pace of one channel, which takes a message a second. What is in it is in
// the ledger as well.
type lane struct {
	channel string
	cards   []*card
}

// errNotOurs is that a card is of nothing that this gateway knows.
var errNotOurs = errors.New("it is none of this gateway's")

// sight looks at a card's matter. What is not this gateway's nobody is told of: then the error is
// errNotOurs.
func (f *Front) sight(ctx context.Context, c *card) (desk.Sight, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s, err := f.Desk.Sight(ctx, c.run, c.digest)
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	switch {
	case err == nil:
		c.refused = 0
		f.memory.saw(c)
	case errors.Is(err, approval.ErrRefused) || errors.Is(err, workflows.ErrNoRun):
		if c.refused++; c.refused >= maxRefused {
			return s, fmt.Errorf("%w: %w", errNotOurs, err)
		}
	}
	return s, err
}

// route brings a card that is shown nowhere to the lane of its channel.
func (t *term) route(ctx context.Context, c *card) error {
	t.memory.mu.Lock()
	done, posting := c.waiting || c.over || c.message != nil, c.posting
	t.memory.mu.Unlock()
	if done {
		return nil
	}
	if posting != nil { // it may be there already: the lane of that channel looks
		t.line(posting.Channel, c)
		return nil
	}
	s, err := t.sight(ctx, c)
	switch {
	case errors.Is(err, errNotOurs):
		t.Log.WarnContext(ctx, "what a run asks is not shown", "run", c.run, "digest", c.digest.Short(), "error", err)
		t.drop(c)
		return nil
	case err != nil:
		return err
	case !s.Open():
		return t.finish(ctx, nil, c)
	}
	to, err := t.place(ctx, s)
	if err != nil {
		return err
	}
	t.line(to.Channel, c)
	return nil
}

// drop forgets a card without a word in the record.
func (f *Front) drop(c *card) {
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	f.memory.forget(c)
}

// line puts cards into a channel's lane, and works at it.
func (t *term) line(channel string, cards ...*card) {
	t.memory.mu.Lock()
	for _, c := range cards {
		c.waiting = true
	}
	t.memory.mu.Unlock()
	t.queue.Lock()
	defer t.queue.Unlock()
	if t.ctx.Err() != nil {
		return
	}
	l := t.lanes[channel]
	if l != nil {
		l.cards = append(l.cards, cards...)
		return
	}
	l = &lane{channel: channel, cards: cards}
	t.lanes[channel] = l
	t.group.Go(func() { t.drive(l) })
}

// take takes what is posted next in one message; none: the lane is empty, and ends.
func (t *term) take(l *lane) []*card {
	t.queue.Lock()
	defer t.queue.Unlock()
	n := min(len(l.cards), 1)
	if len(l.cards) >= foldFrom {
		n = min(len(l.cards), foldMost)
	}
	batch := slices.Clone(l.cards[:n])
	if l.cards = l.cards[n:]; n == 0 {
		delete(t.lanes, l.channel)
	}
	return batch
}

// drive posts what is in a lane. What fails stays in it, before all others.
func (t *term) drive(l *lane) {
	tries := 0
	for t.ctx.Err() == nil {
		batch := t.take(l)
		if len(batch) == 0 {
			return
		}
		left, err := t.post(t.ctx, l.channel, batch)
		if err == nil {
			tries = 0
			continue
		}
		tries++
		pause := t.failed(t.ctx, err, tries)
		if web.Is(err, web.Operator) || web.Is(err, web.Gone) { // another channel may do: it is looked for anew
			t.elsewhere(l.channel, left, pause)
			continue
		}
		t.queue.Lock()
		l.cards = append(left, l.cards...)
		t.queue.Unlock()
		timer := time.NewTimer(pause)
		select {
		case <-t.ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// elsewhere brings cards that a channel does not take to the fallback, or back to where they came from
// after a while.
func (t *term) elsewhere(channel string, cards []*card, pause time.Duration) {
	if routes, err := t.Routes(); err == nil && routes.Fallback != channel && t.ours(t.ctx, routes.Fallback) == nil {
		t.line(routes.Fallback, cards...)
		return
	}
	t.memory.mu.Lock()
	for _, c := range cards {
		c.waiting = false
	}
	t.memory.mu.Unlock()
	time.AfterFunc(pause, func() {
		for _, c := range cards {
			t.due(c, now)
		}
	})
}

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

// unclaim notes of cards that they were surely not posted. The record need not say again that they are
// about to be.
func (t *term) unclaim(rows ...*card) {
	t.memory.mu.Lock()
	defer t.memory.mu.Unlock()
	for _, c := range rows {
		c.claimed, c.posting = c.posting, nil
	}
}

// loose takes a card out of a lane, to be looked at by itself.
func (t *term) loose(c *card) {
	t.memory.mu.Lock()
	c.waiting = false
	t.memory.mu.Unlock()
	t.due(c, now)
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
		if b.Surface == surface {
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

// render is the message of some cards as they are.
func (t *term) render(ctx context.Context, rows []*card, sights []desk.Sight, fold bool) blocks.Message {
	c := t.face(ctx)
	to := t.routed(sights[0])
	c.People, c.Groups = to.People, to.Groups
	if fold {
		return blocks.Fold(sights, c)
	}
	t.memory.mu.Lock()
	if r := rows[0]; r.recorded != nil && t.Now().Before(r.until) {
		c.Recorded = r.recorded
	}
	t.memory.mu.Unlock()
	return blocks.Card(sights[0], c)
}

// plainly is a message that Slack takes in any case. It has no buttons.
func plainly(m blocks.Message, rows []*card) blocks.Message {
	return blocks.Sentence(fmt.Sprintf("%s. It cannot be shown here; read it with starter show %s, and decide it with starter approve %s.", m.Text, rows[0].run, rows[0].run))
}

// sum is what tells two messages apart.
func sum(m blocks.Message) digest.Digest {
	d, err := digest.Of(m)
	if err != nil {
		return ""
	}
	return d
}
