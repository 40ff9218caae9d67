package slack

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

const (
	workers   = 4 // messages that are rendered and sent side by side
	lookEvery = 30 * time.Second
	minPause  = 500 * time.Millisecond
	maxPause  = 4 * time.Second // after Slack heals no card waits longer
	longPause = time.Minute     // for what an operator must mend
)

// leadName is what gateways that share a ledger compete for.
const leadName = "slack-board"

// Run follows the record and keeps what Slack shows true, until ctx ends. Of several gateways one does;
// the others remember, to take over.
func (f *Front) Run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		<-ready
		if err := f.Ledger.Lead(ctx, leadName, f.lead); err != nil && ctx.Err() == nil {
			f.Log.ErrorContext(ctx, "nobody keeps what Slack shows true", "error", err)
		}
	})
	f.Desk.Follow(ctx, func(ctx context.Context, c desk.Change) {
		f.see(ctx, c)
		once.Do(func() { close(ready) })
	})
	stop()
	once.Do(func() { close(ready) })
}

// see takes one change of the record. The first is the zero one, after which none is missed.
func (f *Front) see(ctx context.Context, c desk.Change) {
	switch ledger.Kind(c.Kind) {
	case "", ledger.Asked, ledger.Message:
		f.remember(ctx)
		return
	case ledger.Request: // what is asked is as it was
		return
	case ledger.Switch:
		f.switches.Add(1)
	}
	t := f.leading()
	if t == nil {
		return
	}
	f.memory.mu.Lock()
	cards := f.memory.of(c.Run)
	if one := f.memory.cards[c.Digest]; c.Digest != "" && one != nil {
		cards = []*card{one}
	}
	if ledger.Kind(c.Kind) == ledger.Switch {
		for _, one := range f.memory.cards {
			cards = append(cards, one)
		}
	}
	f.memory.mu.Unlock()
	switch ledger.Kind(c.Kind) {
	case ledger.Undo, ledger.Outcome, ledger.Keep:
		if len(cards) > 0 {
			break
		}
		back, err := f.revive(ctx, c.Run)
		if err != nil {
			f.Log.WarnContext(ctx, "what was taken back cannot be shown", "run", c.Run, "error", err)
		}
		cards = back
	}
	for _, one := range cards {
		when := now
		if ledger.Kind(c.Kind) == ledger.Switch {
			when = later
		}
		t.due(one, when)
	}
}

// remember catches up with the record, and lets what is new be placed.
func (f *Front) remember(ctx context.Context) {
	fresh, err := f.catchUp(ctx)
	if err != nil && ctx.Err() == nil {
		f.Log.ErrorContext(ctx, "what waits for people is not known to Slack's board, and is looked for again", "error", err)
	}
	if t := f.leading(); t != nil {
		for _, c := range fresh {
			t.due(c, now)
		}
	}
}

func (f *Front) leading() *term {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.term
}

// Notify takes a notice of the desk's. It returns at once. What came due while another gateway led is
// kept: that one may end before it says it.
func (f *Front) Notify(ctx context.Context, n desk.Notice) {
	t := f.leading()
	f.memory.mu.Lock()
	c, by := f.memory.cards[n.Digest], reminderOf[n.Kind]
	if c == nil && (n.Kind == desk.Asked || by != 0) && !n.Expires.Before(f.Now()) {
		c = f.memory.add(n.Run, n.Digest)
	}
	if c != nil {
		c.due |= by
	}
	known := len(f.memory.of(n.Run)) > 0
	f.memory.mu.Unlock()
	switch {
	case t == nil:
	case n.Kind == runFailed && !known, n.Kind == desk.ScheduleMissed:
		t.alone(n)
	case c != nil:
		t.due(c, now)
	}
}

// term is the time during which this gateway leads.
type term struct {
	*Front

	ctx   context.Context // of the term: what is queued ends with it
	group sync.WaitGroup

	queue  sync.Mutex // guards what follows, and the fields of tasks
	urgent []job
	lazy   []job
	wake   chan struct{}
	lanes  map[string]*lane
	turns  int
	// failures are when it was told of runs that they failed.
	failures map[string]time.Time
	// atLeisure is how many workers do what has time.
	atLeisure int
}

// lead is the work of who leads.
func (f *Front) lead(ctx context.Context) error {
	t := &term{Front: f, ctx: ctx, wake: make(chan struct{}, workers), lanes: map[string]*lane{}, failures: map[string]time.Time{}}
	if _, err := f.catchUp(ctx); err != nil {
		f.Log.ErrorContext(ctx, "what waits for people is not known to Slack's board, and is looked for again", "error", err)
	}
	cards := f.memory.all()
	f.memory.mu.Lock()
	for _, c := range cards { // nobody works at them: the term before has ended
		c.task, c.waiting = task{}, false
		if c.message != nil {
			c.message.task, c.message.sent = task{}, ""
		}
	}
	f.memory.mu.Unlock()
	f.mu.Lock()
	f.term = t
	f.mu.Unlock()
	for _, c := range cards {
		if c.message == nil {
			t.due(c, now)
		} else {
			t.due(c, ifTouched)
		}
	}
	for range workers {
		t.group.Go(t.work)
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-look.C:
			f.remember(ctx)
		}
	}
	f.mu.Lock()
	f.term = nil
	f.mu.Unlock()
	t.queue.Lock()
	t.urgent, t.lazy = nil, nil
	t.queue.Unlock()
	t.group.Wait()
	return ctx.Err()
}

// urgency is when something is done: at once; when nothing else is to be done; and then only if the
// record says that it can have changed.
type urgency int

const (
	now urgency = iota
	later
	ifTouched
)

// due lets a card be shown as it is now.
func (t *term) due(c *card, when urgency) {
	t.memory.mu.Lock()
	m, crowded := c.message, c.unseen && t.memory.unseen[rootOf(c.run)] > crowd
	t.memory.mu.Unlock()
	if m != nil {
		t.enqueue(job{task: &m.task, do: func(ctx context.Context) error { return t.update(ctx, m, when) }}, when == now)
		return
	}
	t.enqueue(job{task: &c.task, do: func(ctx context.Context) error { return t.route(ctx, c) }}, when == now && !crowded)
}

// aloneEvery is how often it is told of one run that it failed, where no card of it waits.
const aloneEvery = 10 * time.Minute

// alone tells of a run that failed and asked nobody, or that was scheduled and is not there. That it failed is its own word, so it has it once in
// a while, and what runs call has none: the run tells.
func (t *term) alone(n desk.Notice) {
	if n.Kind == runFailed && n.Run != rootOf(n.Run) {
		return
	}
	t.queue.Lock()
	last, again := t.failures[n.Run]
	again = again && t.Now().Sub(last) < aloneEvery
	if !again {
		maps.DeleteFunc(t.failures, func(_ string, at time.Time) bool { return t.Now().Sub(at) >= aloneEvery })
		t.failures[n.Run] = t.Now()
	}
	t.queue.Unlock()
	if again {
		return
	}
	told := desk.Sight{Run: n.Run, Error: n.Text, Known: true, State: failedState}
	posted := false
	t.enqueue(job{task: &task{}, do: func(ctx context.Context) error {
		if posted {
			return nil
		}
		told.Playbook = playbookOf(n.Run)
		if lib, err := t.Library(); err == nil {
			if pb, err := lib.ByName(told.Playbook); err == nil {
				told.Title, told.Stage, told.Labels = pb.Title, pb.Stage, pb.Labels
			}
		}
		to, err := t.place(ctx, told)
		if err != nil {
			return fmt.Errorf("tell that %s failed: %w", n.Run, err)
		}
		look, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		c := t.face(look)
		c.People, c.Groups = to.People, to.Groups
		message := blocks.RunFailed(told, c)
		if n.Kind == desk.ScheduleMissed {
			message = blocks.ScheduleMissed(told, c)
		}
		_, err = t.Web.Post(look, to.Channel, "", false, message, web.Meta{})
		posted = err == nil || web.Is(err, web.Ambiguous)
		if posted {
			return nil
		}
		return err
	}}, true)
}
