package slack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
)

// maxAttempts is how often a message that is gone is posted anew.
const maxAttempts = 5

// update brings a message to what is so now, says below it what has happened since, and lets go of it
// when all of it is over. One goroutine at a time does it for one message, and it looks anew each time:
// what was so earlier never comes after what is so later.
func (t *term) update(ctx context.Context, m *message, when urgency) error {
	t.memory.mu.Lock()
	rows, respond, sent := m.rows, m.respond, m.sent
	m.respond = ""
	t.memory.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	if when == ifTouched && !t.owes(rows) && t.untouched(ctx, rows) {
		return nil
	}
	sights := make([]desk.Sight, 0, len(rows))
	for _, c := range rows {
		s, err := t.sight(ctx, c)
		switch {
		case errors.Is(err, errNotOurs) && !m.fold:
			return t.vanished(ctx, m, c)
		case errors.Is(err, errNotOurs):
			t.drop(c)
			continue
		case err != nil:
			return err
		}
		sights = append(sights, s)
	}
	if len(sights) == 0 {
		return nil
	}
	msg := t.render(ctx, rows, sights, m.fold)
	if is := sum(msg); is != sent || is == "" {
		if err := t.send(ctx, m, msg, respond); err != nil {
			if web.Is(err, web.Gone) {
				return t.again(ctx, m)
			}
			return err
		}
		t.memory.mu.Lock()
		m.sent = is
		t.memory.mu.Unlock()
	}
	if err := t.tell(ctx, m, rows, sights); err != nil {
		return err
	}
	for i := range sights {
		if c := rowOf(rows, sights[i]); c != nil && !t.isOver(c) && ended(sights[i], t.Now()) {
			if err := t.finish(ctx, m, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Front) isOver(c *card) bool {
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	return c.over
}

func (f *Front) attempts(c *card) int {
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	return c.attempt
}

func rowOf(rows []*card, s desk.Sight) *card {
	for _, c := range rows {
		if c.digest == s.Digest() {
			return c
		}
	}
	return nil
}

// telling are the kinds of records after which a card may look otherwise.
var telling = []ledger.Kind{
	ledger.Ended, ledger.Vote, ledger.Decision, ledger.Delegation, ledger.Edit, ledger.Answer, ledger.Intent, ledger.Retry, ledger.Outcome,
	ledger.Failure, ledger.Refusal, ledger.Review, ledger.Keep, ledger.Undo, ledger.Cancel,
}

// untouched reports that nothing was recorded of the runs since a message was begun to be posted: it
// shows what is so.
func (t *term) untouched(ctx context.Context, rows []*card) bool {
	still := true
	err := t.Ledger.View(ctx, func(tx ledger.Tx) error {
		for _, c := range rows {
			shown, err := tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Message}, Topic: string(c.digest)})
			if err != nil {
				return err
			}
			begun := int64(0)
			for _, rec := range shown {
				var b ledger.MessageBody
				if err := rec.Read(&b); err != nil {
					return err
				}
				if b.State == ledger.Posting {
					begun = rec.Seq
				}
			}
			since, err := tx.List(ledger.Filter{Kinds: telling, Run: c.run, Tree: true, After: begun, Limit: 1})
			if err != nil {
				return err
			}
			still = still && len(since) == 0
		}
		return nil
	})
	return err == nil && still
}

// send writes a message anew. Right after a click it goes by the click's own address, which does not
// wait for the pace. What Slack does not take it gets without blocks, so that no button lives on.
func (t *term) send(ctx context.Context, m *message, msg blocks.Message, respond string) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if respond != "" {
		if err := t.Web.Respond(ctx, respond, msg, true); err == nil {
			return nil
		} // it may be over, or used up: the message itself is there
	}
	err := t.Web.Update(ctx, m.channel, m.ts, msg)
	if web.Is(err, web.Bug) {
		t.failed(ctx, err, 1)
		err = t.Web.Update(ctx, m.channel, m.ts, plainly(msg, m.rows))
	}
	if err == nil {
		t.trouble.clear("chat.update")
	}
	return err
}

// again posts what a message showed that is not there any more, or cannot be changed.
func (t *term) again(ctx context.Context, m *message) error {
	t.memory.mu.Lock()
	rows := m.rows
	t.memory.mu.Unlock()
	for _, c := range rows {
		if t.isOver(c) {
			continue
		}
		if t.attempts(c) >= maxAttempts {
			t.Log.ErrorContext(ctx, "a message is gone each time it is posted: it is left", "run", c.run, "channel", m.channel, "ts", m.ts)
			return nil
		}
		if err := t.mark(ctx, m, c, ledger.Superseded); err != nil {
			return err
		}
		t.memory.mu.Lock()
		t.memory.detach(c)
		t.memory.mu.Unlock()
		t.due(c, now)
	}
	return nil
}

// vanished tells of what is not asked any more, and by nobody known.
func (t *term) vanished(ctx context.Context, m *message, c *card) error {
	err := t.send(ctx, m, blocks.Sentence(fmt.Sprintf("This is not asked any more. Read what became of it with starter show %s.", c.run)), "")
	if err != nil && !web.Is(err, web.Gone) {
		return err
	}
	return t.finish(ctx, m, c)
}

// finish puts on record that nothing changes any more, and forgets the card. m is nil for one that was
// never shown.
func (t *term) finish(ctx context.Context, m *message, c *card) error {
	if err := t.mark(ctx, m, c, ledger.Final); err != nil {
		return err
	}
	t.drop(c)
	return nil
}

func (t *term) mark(ctx context.Context, m *message, c *card, state ledger.MessageState, told ...string) error {
	b := ledger.MessageBody{Digest: c.digest, Surface: surface, Team: t.Team, State: state, Attempt: t.attempts(c), Told: told}
	if m != nil {
		b.Channel, b.TS, b.Fold = m.channel, m.ts, m.fold
	}
	err := t.Ledger.Do(ctx, func(tx ledger.Tx) error {
		_, err := tx.Append(ledger.Entry{Kind: ledger.Message, Run: c.run, Topic: string(c.digest), Body: b})
		return err
	})
	if err != nil {
		return fmt.Errorf("put on record how far a message is: %w", err)
	}
	return nil
}

// ended reports that nothing of a matter changes any more by itself: its run has ended, whatever people
// said, or something else is asked in its place.
func ended(s desk.Sight, now time.Time) bool {
	switch {
	case s.Open():
		return false
	case s.Edited != "":
		return true
	}
	for _, e := range s.Expiring {
		if e.KeptBy == "" && e.At.After(now) {
			return false
		}
	}
	return s.Known && runEnded(s.State)
}

func runEnded(s workflows.State) bool {
	return s == workflows.Done || s == workflows.Failed || s == workflows.Cancelled
}
