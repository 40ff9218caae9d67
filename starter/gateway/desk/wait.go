package desk

import (
	"container/heap"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/approval"
)

// waiting is a request or a question that waits for people: no more than it takes to look at it
// again in time, for there may be tens of thousands.
type waiting struct {
	run, execution, id string
	digest             digest.Digest
	question           bool
	asked, expires     time.Time
	escalates          time.Time // zero: it does not

	given    int       // of its notices
	recalled bool      // it is from before this desk was started, which may have given notices
	quiet    bool      // nobody is told of it any more
	over     time.Time // its run has ended; zero: that is not known
	next     time.Time // when to look at it again
	tries    int       // that failed
	place    int       // in the heap; -1: it is being looked at
	beside   *waiting  // another of the same run
}

// reminder is a notice of a request by time.
type reminder struct {
	kind NoticeKind
	at   time.Time
}

// reminders are the notices by time, in their order. Of a question there is one.
func (w *waiting) reminders() []reminder {
	list := []reminder{{Asked, w.asked}}
	if w.question {
		return list
	}
	whole := w.expires.Sub(w.asked)
	list = append(list, reminder{HalfTime, w.asked.Add(whole / 2)}, reminder{LastCall, w.asked.Add(whole / 10 * 9)})
	if !w.escalates.IsZero() {
		list = append(list, reminder{Escalated, w.escalates})
		slices.SortStableFunc(list, func(a, b reminder) int { return a.at.Compare(b.at) })
	}
	return list
}

// due is how many notices have become due, and which is the last of them.
func (w *waiting) due(now time.Time) (n int, last NoticeKind) {
	for _, r := range w.reminders() {
		if r.at.After(now) {
			break
		}
		n, last = n+1, r.kind
	}
	return n, last
}

// again is when to look at it next, if all goes well.
func (w *waiting) again() time.Time {
	if !w.over.IsZero() {
		return w.over
	}
	if list := w.reminders(); !w.quiet && w.given < len(list) {
		return list[w.given].at
	}
	return w.expires.Add(approval.Grace)
}

// maxWaits bounds what a desk keeps in mind: what is beyond it is found once there is room.
const maxWaits = 200_000

// waits are all that wait, by digest, by run and by time.
type waits struct {
	by   map[digest.Digest]*waiting
	runs map[string]*waiting // the first of each
	heap timeline
	wake chan struct{} // something is due earlier than was known
}

func newWaits() waits {
	return waits{by: map[digest.Digest]*waiting{}, runs: map[string]*waiting{}, wake: make(chan struct{}, 1)}
}

// add keeps something in mind, and reports whether it was new.
func (w *waits) add(one *waiting) bool {
	if w.by[one.digest] != nil || len(w.by) >= maxWaits {
		return false
	}
	w.by[one.digest] = one
	w.runs[one.run], one.beside = one, w.runs[one.run]
	one.next = one.again()
	heap.Push(&w.heap, one)
	w.stir()
	return true
}

// remove forgets something; nil: it was not known.
func (w *waits) remove(name digest.Digest) *waiting {
	one := w.by[name]
	if one == nil {
		return nil
	}
	delete(w.by, name)
	if first := w.runs[one.run]; first != one {
		for first.beside != one {
			first = first.beside
		}
		first.beside = one.beside
	} else if one.beside != nil {
		w.runs[one.run] = one.beside
	} else {
		delete(w.runs, one.run)
	}
	if one.place >= 0 {
		heap.Remove(&w.heap, one.place)
	}
	return one
}

// take takes what is due, to be looked at, and says when the next is; zero: there is none.
func (w *waits) take(now time.Time) (due []*waiting, next time.Time) {
	for len(w.heap) > 0 && !w.heap[0].next.After(now) {
		due = append(due, heap.Pop(&w.heap).(*waiting))
	}
	if len(w.heap) > 0 {
		next = w.heap[0].next
	}
	return due, next
}

// put puts back what was taken, unless it was removed meanwhile.
func (w *waits) put(one *waiting, next time.Time) {
	if w.by[one.digest] != one || one.place >= 0 {
		return
	}
	one.next = next
	heap.Push(&w.heap, one)
	w.stir()
}

// hurry has something looked at now.
func (w *waits) hurry(one *waiting, now time.Time) {
	if one.next = now; one.place >= 0 {
		heap.Fix(&w.heap, one.place)
	}
	w.stir()
}

func (w *waits) stir() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// timeline is a heap by time.
type timeline []*waiting

func (t timeline) Len() int           { return len(t) }
func (t timeline) Less(i, j int) bool { return t[i].next.Before(t[j].next) }
func (t timeline) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].place, t[j].place = i, j
}

func (t *timeline) Push(x any) {
	one := x.(*waiting)
	one.place = len(*t)
	*t = append(*t, one)
}

func (t *timeline) Pop() any {
	last := len(*t) - 1
	one := (*t)[last]
	(*t)[last], one.place = nil, -1
	*t = (*t)[:last]
	return one
}
