package slack

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/starter/gateway/slack/web"
)

const (
	// lazyTurn is how often what has time comes first, so that it comes at all.
	lazyTurn = 4
	// lazyMost is how many workers do what has time. The others are there for what people decide: when
	// effects are halted thousands of cards say so, at the pace of Slack.
	lazyMost = 2
)

// job is something to do for a task.
type job struct {
	*task
	do   func(context.Context) error
	lazy bool // it was taken from what has time
}

// task is what is done by one goroutine at a time, so that what is older never comes after what is
// newer; what is asked for meanwhile is done once more.
type task struct {
	queued, hot, busy bool
	tries             int
	then              func(context.Context) error // asked for meanwhile
}

// enqueue lets a job be done, once for all who ask for it before it begins.
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
		lazy := q == &t.lazy
		if lazy && t.atLeisure >= lazyMost {
			continue
		}
		for len(*q) > 0 {
			j := (*q)[0]
			if *q = (*q)[1:]; len(*q) == 0 {
				*q = nil
			}
			if j.queued && !j.busy {
				j.queued, j.busy, j.lazy = false, true, lazy
				if lazy {
					t.atLeisure++
				}
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
	if j.busy = false; j.lazy {
		t.atLeisure--
	}
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
		time.AfterFunc(pause, func() { t.enqueue(j, !j.lazy) })
	case then != nil:
		t.enqueue(j, true)
	}
}

// failed says how long to leave something alone that has failed so often. The same trouble is logged
// once.
func (f *Front) failed(ctx context.Context, err error, tries int) time.Duration {
	pause := min(f.pause<<min(tries-1, 10), maxPause)
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
