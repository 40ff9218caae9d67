package activities

import (
	"context"
	"slices"
	"sync"
)

type requestsKey struct{}

// requests are the provider's ids of the requests of one attempt.
type requests struct {
	mu  sync.Mutex
	ids []string
}

// maxRequests bounds what is kept of one attempt.
const maxRequests = 100

// Requested notes the provider's id of a request, for the record of the effect that is being made.
// Outside of one it does nothing.
func Requested(ctx context.Context, id string) {
	r, _ := ctx.Value(requestsKey{}).(*requests)
	if r == nil || id == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ids) < maxRequests && len(id) <= 200 {
		r.ids = append(r.ids, id)
	}
}

func withRequests(ctx context.Context) (context.Context, func() []string) {
	r := &requests{}
	return context.WithValue(ctx, requestsKey{}, r), func() []string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.Clone(r.ids)
	}
}
