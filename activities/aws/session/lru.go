package session

import (
	"container/list"
	"sync"
)

// lru keeps the values that were used last, so that hundreds of accounts take no more memory than a few.
// What it drops lives on with whoever holds it.
type lru[V any] struct {
	most int

	mu    sync.Mutex
	by    map[string]*list.Element
	order list.List // the one used last is in front
}

type kept[V any] struct {
	key   string
	value V
}

// get finds a value, or keeps a new one. build is called under the lock, so it must be quick.
func (l *lru[V]) get(key string, build func() V) V {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[string]*list.Element{}
	}
	if e, ok := l.by[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(kept[V]).value
	}
	value := build()
	l.by[key] = l.order.PushFront(kept[V]{key, value})
	for l.order.Len() > l.most {
		last := l.order.Back()
		l.order.Remove(last)
		delete(l.by, last.Value.(kept[V]).key)
	}
	return value
}

func (l *lru[V]) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order.Len()
}

// turn is a lock that a cancelled call need not wait for.
type turn chan struct{}
