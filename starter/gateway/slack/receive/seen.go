package receive

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Seen remembers keys until a time. Its error is why it cannot tell; what is asked about is then not
// taken.
//
// A [Memory] knows what came in at one process since it began, and [HTTP] refuses what is older. With
// several gateways behind one address, what came in at another comes in again here if somebody sends it
// again within five minutes; give a Seen that they share to refuse that too. It would change nothing
// that counts: the ledger has one vote of a person whichever way and however often it comes, and what
// else is done is told apart by From.Trigger. So it is not the ledger that remembers requests: it keeps
// for years, and each look at the home tab would be in it.
type Seen interface {
	Seen(ctx context.Context, key string, until time.Time) (again bool, err error)
}

// How long something that came in is remembered: a request counts for five minutes around its time,
// and an event is delivered again for about six.
const (
	requestTime = 10 * time.Minute
	eventTime   = 15 * time.Minute
)

// defaultMemory is ten minutes of three times the events that Slack sends at most.
const defaultMemory = 1 << 14

// errFull says that nothing more is remembered, so nothing more is taken.
var errFull = errors.New("the memory of what came in is full")

// Memory is a Seen of one process. Only what carried Slack's signature gets into it. When it is full it
// refuses, because to forget the oldest would let that in again.
type Memory struct {
	most int

	mu    sync.Mutex
	until map[string]time.Time
	swept time.Time
}

// NewMemory remembers so many; 0 is 16,384.
func NewMemory(most int) *Memory {
	if most <= 0 {
		most = defaultMemory
	}
	return &Memory{most: most, until: map[string]time.Time{}}
}

// Seen implements Seen.
func (m *Memory) Seen(_ context.Context, key string, until time.Time) (bool, error) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if end, ok := m.until[key]; ok && now.Before(end) {
		return true, nil
	}
	if len(m.until) >= m.most || now.Sub(m.swept) > requestTime {
		m.swept = now
		for old, end := range m.until {
			if !now.Before(end) {
				delete(m.until, old)
			}
		}
	}
	if len(m.until) >= m.most {
		return false, errFull
	}
	m.until[key] = until
	return false, nil
}
