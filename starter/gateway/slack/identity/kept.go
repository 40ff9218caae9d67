package identity

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// maxAge is how old a fact about a user or a channel may be.
	maxAge = time.Minute
	// most is how many facts are kept. Then all are forgotten: they are cheap to ask for.
	most = 10_000
)

// kept remembers for a minute what it asked about an id. An error it does not remember.
type kept[T any] struct {
	now  func() time.Time
	ask  func(ctx context.Context, id string) (T, error)
	asks *singleflight.Group
	mu   *sync.Mutex
	all  map[string]fact[T]
}

type fact[T any] struct {
	value T
	at    time.Time // when it was asked for
}

func keep[T any](now func() time.Time, ask func(context.Context, string) (T, error)) kept[T] {
	return kept[T]{now, ask, &singleflight.Group{}, &sync.Mutex{}, map[string]fact[T]{}}
}

func (k kept[T]) get(ctx context.Context, id string) (T, error) {
	k.mu.Lock()
	f, ok := k.all[id]
	k.mu.Unlock()
	if ok && k.now().Sub(f.at) < maxAge {
		return f.value, nil
	}
	answers := k.asks.DoChan(id, func() (any, error) { // whoever goes away must not end it for others
		ctx, end := context.WithTimeout(context.WithoutCancel(ctx), wait)
		defer end()
		at := k.now()
		value, err := k.ask(ctx, id)
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if len(k.all) >= most {
			clear(k.all)
		}
		k.all[id] = fact[T]{value, at}
		return value, nil
	})
	var none T
	select {
	case <-ctx.Done():
		return none, ctx.Err()
	case a := <-answers:
		if a.Err != nil {
			return none, a.Err
		}
		return a.Val.(T), nil
	}
}
