package slack

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/starter/gateway/slack/web"
)

const (
	foldFrom = 6  // so many that wait for one channel's pace share a message
	foldMost = 20 // rows of one message: blocks shows as many
)

// lane is what waits for the pace of one channel, which takes a message a second. What is in it is in
// the ledger as well.
type lane struct {
	channel string
	cards   []*card
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
