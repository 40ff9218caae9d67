package slack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
func (f *Front) Run(ctx context.Context) error {
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
	err := f.Desk.Follow(ctx, func(ctx context.Context, c desk.Change) {
		f.see(ctx, c)
		once.Do(func() { close(ready) })
	})
	stop()
	once.Do(func() { close(ready) })
	return err
}

// see takes one change of the record. The first is the zero one, after which none is missed.
func (f *Front) see(ctx context.Context, c desk.Change) {
	switch ledger.Kind(c.Kind) {
	case "", ledger.Asked, ledger.Message:
		f.remember(ctx)
		return
	case ledger.Request: // what is asked is as it was
		return
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

// Notify takes a notice of the desk's. It returns at once.
func (f *Front) Notify(ctx context.Context, n desk.Notice) {
	t := f.leading()
	if t == nil {
		return
	}
	f.memory.mu.Lock()
	c := f.memory.cards[n.Digest]
	if n.Kind == desk.Asked && c == nil && !n.Expires.Before(f.Now()) {
		c = f.memory.add(n.Run, n.Digest)
	}
	known := len(f.memory.of(n.Run)) > 0
	if c != nil && c.message != nil && n.Kind != desk.Asked && n.Kind != runFailed && len(c.message.notices) < maxNotices {
		c.message.notices = append(c.message.notices, n)
	}
	f.memory.mu.Unlock()
	switch {
	case n.Kind == runFailed && !known:
		t.alone(n)
	case c != nil:
		t.due(c, now)
	}
}

// maxNotices bounds what waits to be said below one message.
const maxNotices = 10

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
}

// lazyTurn is how often what has time comes first, so that it comes at all.
const lazyTurn = 4

// job is something to do for a task.
type job struct {
	*task
	do func(context.Context) error
}

// task is what is done by one goroutine at a time, so that what is older never comes after what is
// newer; what is asked for meanwhile is done once more.
type task struct {
	queued, hot, busy bool
	tries             int
	then              func(context.Context) error // asked for meanwhile
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
		c.task, c.waiting, c.told = task{}, false, nil
		if c.message != nil {
			c.message.task, c.message.sent, c.late = task{}, "", true
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
		t.enqueue(job{&m.task, func(ctx context.Context) error { return t.update(ctx, m, when) }}, when == now)
		return
	}
	t.enqueue(job{&c.task, func(ctx context.Context) error { return t.route(ctx, c) }}, when == now && !crowded)
}

func (t *term) enqueue(j job, urgent bool) {
	t.queue.Lock()
	defer t.queue.Unlock()
	switch {
	case t.ctx.Err() != nil || j.queued && (j.hot || !urgent):
		return
	case j.busy:
		j.then = j.do
		return
	} // where it waits among what has time, it is found done there
	j.queued, j.hot = true, urgent
	if urgent {
		t.urgent = append(t.urgent, j)
	} else {
		t.lazy = append(t.lazy, j)
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// next takes the next job: what has changed before what is looked at in any case.
func (t *term) next() (job, bool) {
	t.queue.Lock()
	defer t.queue.Unlock()
	queues := []*[]job{&t.urgent, &t.lazy}
	if t.turns++; t.turns%lazyTurn == 0 {
		slices.Reverse(queues)
	}
	for _, q := range queues {
		for len(*q) > 0 {
			j := (*q)[0]
			if *q = (*q)[1:]; len(*q) == 0 {
				*q = nil
			}
			if j.queued && !j.busy {
				j.queued, j.busy = false, true
				return j, true
			}
		}
	}
	return job{}, false
}

func (t *term) work() {
	for t.ctx.Err() == nil {
		j, some := t.next()
		if !some {
			select {
			case <-t.ctx.Done():
			case <-t.wake:
			}
			continue
		}
		t.done(j, j.do(t.ctx))
	}
}

// done looks at how a job ended. One that failed is done again, sooner or later by what failed.
func (t *term) done(j job, err error) {
	t.queue.Lock()
	j.busy = false
	then := j.then
	j.then = nil
	if err == nil {
		j.tries = 0
	} else {
		j.tries++
	}
	tries := j.tries
	t.queue.Unlock()
	if then != nil {
		j.do = then
	}
	switch {
	case t.ctx.Err() != nil:
	case err != nil:
		pause := t.failed(t.ctx, err, tries)
		time.AfterFunc(pause, func() { t.enqueue(j, false) })
	case then != nil:
		t.enqueue(j, true)
	}
}

// failed says how long to leave something alone that has failed so often. The same trouble is logged
// once.
func (f *Front) failed(ctx context.Context, err error, tries int) time.Duration {
	pause := min(minPause<<min(tries-1, 10), maxPause)
	var e *web.Error
	if errors.As(err, &e) {
		f.trouble.had(ctx, f.Log, e)
		switch e.Kind {
		case web.Operator, web.Bug:
			return longPause
		case web.Later:
			return min(max(pause, e.After), longPause)
		}
		return pause
	}
	if tries == 3 && ctx.Err() == nil {
		f.Log.WarnContext(ctx, "what Slack shows is behind", "error", err)
	}
	return pause
}

// aloneEvery is how often it is told of one run that it failed, where no card of it waits.
const aloneEvery = 10 * time.Minute

// alone tells of a run that failed and asked nobody. That it failed is its own word, so it has it once in
// a while, and what runs call has none: the run tells.
func (t *term) alone(n desk.Notice) {
	if n.Run != rootOf(n.Run) {
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
	t.enqueue(job{&task{}, func(ctx context.Context) error {
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
		_, err = t.Web.Post(look, to.Channel, "", false, blocks.RunFailed(told, c), web.Meta{})
		posted = err == nil || web.Is(err, web.Ambiguous)
		if posted {
			return nil
		}
		return err
	}}, true)
}
