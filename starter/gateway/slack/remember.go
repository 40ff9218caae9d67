package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
)

// memory is what a front remembers of what is shown: of a card that waits the ids, and nothing of what
// it says. All of it is in the ledger, and is read from there when the front begins. What has come to
// its end is forgotten.
type memory struct {
	reading sync.Mutex // one reads, and guards seq
	seq     int64      // of the newest record that was read

	mu       sync.Mutex // guards what follows, and what is in it
	cards    map[digest.Digest]*card
	runs     map[string][]*card
	messages map[place]*message
	unseen   map[string]int // cards by their run, of those at which nobody has looked yet
}

// crowd is how many cards of one run are looked at as soon as they are known. Whoever may write to the
// namespace can have what a run calls ask without end, and never answer: others do not wait for that.
const crowd = 4

// rootOf is the run by whose ticket something asks: its id has one slash, and what it calls further ones.
func rootOf(run string) string {
	playbook, rest, _ := strings.Cut(run, "/")
	key, _, _ := strings.Cut(rest, "/")
	return playbook + "/" + key
}

func newMemory() memory {
	return memory{cards: map[digest.Digest]*card{}, runs: map[string][]*card{}, messages: map[place]*message{}, unseen: map[string]int{}}
}

// card is one request or question. Its fields are guarded by the memory's lock.
type card struct {
	task

	run    string
	digest digest.Digest

	message *message            // where it is shown; nil: nowhere yet
	posting *ledger.MessageBody // it may be there, and nobody knows
	claimed *ledger.MessageBody // it is not there, and on record as about to be
	attempt int                 // how often it was begun to be posted
	waiting bool                // it is in a lane
	refused int                 // how often the desk would not have it

	said     []string         // below it, by the names of the lines
	due      reminder         // said below it while it is asked
	recorded *blocks.Recorded // what was just done
	until    time.Time        // how long that is shown
	over     bool             // its end is on record
	unseen   bool             // nobody has looked at it yet
}

// place is a message's place in Slack.
type place struct{ channel, ts string }

// message is one message, which shows one card or several.
type message struct {
	task
	place

	fold    bool
	rows    []*card
	sent    digest.Digest // of what was sent last; "" is not known
	respond string        // by which response_url the next update goes
}

// catchUp reads what was recorded since the last time, and returns the cards that are new here.
func (f *Front) catchUp(ctx context.Context) ([]*card, error) {
	m := &f.memory
	m.reading.Lock()
	defer m.reading.Unlock()
	var fresh []*card
	for {
		var page []ledger.Record
		err := f.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
			page, err = tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Asked, ledger.Message}, After: m.seq})
			return err
		})
		if err != nil {
			return fresh, fmt.Errorf("read what is shown in Slack: %w", err)
		}
		if len(page) == 0 {
			return m.waiting(fresh), nil
		}
		for _, rec := range page {
			c, err := m.read(rec)
			if err != nil {
				return fresh, err
			}
			if c != nil {
				fresh = append(fresh, c)
			}
			m.seq = rec.Seq
		}
	}
}

// waiting leaves out cards that have come to their end.
func (m *memory) waiting(cards []*card) []*card {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(cards, func(c *card) bool { return c.over })
}

// read takes one record, and returns the card if it is new.
func (m *memory) read(rec ledger.Record) (*card, error) {
	var b ledger.MessageBody // of asked the digest, which is all that is needed
	if err := rec.Read(&b); err != nil {
		return nil, fmt.Errorf("read record %d: %w", rec.Seq, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if rec.Kind == ledger.Asked {
		return m.add(rec.Run, b.Digest), nil
	}
	if b.Surface != surface {
		return nil, nil
	}
	c, there := m.cards[b.Digest]
	if !there {
		if b.State == ledger.Final || b.State == ledger.Superseded || b.State == ledger.Told {
			return nil, nil
		}
		c = m.add(rec.Run, b.Digest)
	}
	m.shown(c, b)
	if there {
		c = nil
	}
	return c, nil
}

// add adds a card, and returns nil if it is there.
func (m *memory) add(run string, name digest.Digest) *card {
	if m.cards[name] != nil || name == "" || run == "" {
		return nil
	}
	c := &card{run: run, digest: name, unseen: true}
	m.cards[name] = c
	m.unseen[rootOf(run)]++
	m.runs[run] = append(m.runs[run], c)
	return c
}

// shown takes what the record says of where a card is shown.
func (m *memory) shown(c *card, b ledger.MessageBody) {
	at := place{b.Channel, b.TS}
	c.attempt = max(c.attempt, b.Attempt)
	switch b.State {
	case ledger.Posting:
		if c.message == nil {
			c.posting = &b
		}
	case ledger.Posted:
		c.posting = nil
		m.attach(c, at, b.Fold)
	case ledger.Told:
		c.heard(b.Told)
	case ledger.Superseded:
		if c.message != nil && c.message.place == at {
			m.detach(c)
		}
	case ledger.Final:
		m.forget(c)
	}
}

// heard notes what was said below a card.
func (c *card) heard(names []string) {
	for _, name := range names {
		if !slices.Contains(c.said, name) {
			c.said = append(c.said, name)
		}
	}
}

func (m *memory) attach(c *card, at place, fold bool) {
	if c.message != nil {
		if c.message.place == at {
			return
		}
		m.detach(c)
	}
	shows := m.messages[at]
	if shows == nil {
		shows = &message{place: at, fold: fold}
		m.messages[at] = shows
	}
	shows.rows = append(shows.rows, c)
	c.message = shows
}

func (m *memory) detach(c *card) {
	shows := c.message
	if shows == nil {
		return
	}
	c.message = nil
	shows.rows = slices.DeleteFunc(slices.Clone(shows.rows), func(r *card) bool { return r == c })
	if len(shows.rows) == 0 {
		delete(m.messages, shows.place)
	}
}

// saw notes that somebody has looked at a card.
func (m *memory) saw(c *card) {
	if !c.unseen {
		return
	}
	c.unseen = false
	root := rootOf(c.run)
	if m.unseen[root]--; m.unseen[root] == 0 {
		delete(m.unseen, root)
	}
}

// forget forgets a card whose end is on record. A message that shows others as well is kept for them:
// its rows are those that it was made of.
func (m *memory) forget(c *card) {
	c.over = true
	m.saw(c)
	delete(m.cards, c.digest)
	m.runs[c.run] = slices.DeleteFunc(m.runs[c.run], func(r *card) bool { return r == c })
	if len(m.runs[c.run]) == 0 {
		delete(m.runs, c.run)
	}
	if shows := c.message; shows != nil && !slices.ContainsFunc(shows.rows, func(r *card) bool { return !r.over }) {
		delete(m.messages, shows.place)
	}
}

// drop forgets a card without a word in the record.
func (f *Front) drop(c *card) {
	f.memory.mu.Lock()
	defer f.memory.mu.Unlock()
	f.memory.forget(c)
}

// of are the cards that something of a run concerns: its own, and those of what called it.
func (m *memory) of(run string) []*card {
	all := slices.Clone(m.runs[run])
	for i, r := range run {
		if r == '/' && i > 0 {
			all = append(all, m.runs[run[:i]]...)
		}
	}
	return all
}

// all are the cards of this moment.
func (m *memory) all() []*card {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*card, 0, len(m.cards))
	for _, c := range m.cards {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *card) int { return strings.Compare(a.run+string(a.digest), b.run+string(b.digest)) })
	return all
}

// revive brings back the cards of a run that were final: what it did is being taken back.
func (f *Front) revive(ctx context.Context, run string) ([]*card, error) {
	var records []ledger.Record
	err := f.Ledger.View(ctx, func(tx ledger.Tx) (err error) {
		records, err = tx.List(ledger.Filter{Kinds: []ledger.Kind{ledger.Message}, Run: run})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read where %s was shown: %w", run, err)
	}
	last := map[digest.Digest]ledger.MessageBody{}
	told := map[digest.Digest][]string{}
	for _, rec := range records {
		var b ledger.MessageBody
		if err := rec.Read(&b); err != nil {
			return nil, errors.Join(err, fmt.Errorf("read record %d", rec.Seq))
		}
		if b.Surface == surface && b.State == ledger.Told {
			told[b.Digest] = append(told[b.Digest], b.Told...)
			continue
		}
		if b.Surface == surface && b.TS != "" && b.State != ledger.Superseded {
			last[b.Digest] = b
		}
	}
	m := &f.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	var back []*card
	for name, b := range last {
		if c := m.add(run, name); c != nil && b.State == ledger.Final && !b.Fold {
			m.attach(c, place{b.Channel, b.TS}, false)
			c.attempt = b.Attempt
			c.heard(append(told[name], ending)) // another card may have told the end
			back = append(back, c)
		}
	}
	return back, nil
}
