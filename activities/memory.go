package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"go.temporal.io/sdk/activity"
)

// Memory is what one attempt of a call leaves for the next: what it found before it changed
// anything, and how far it came. A worker gets it from the engine; a test makes its own, with
// WithMemory, and hands the same one to every attempt.
type Memory struct {
	mu sync.Mutex
	at memo
}

// memo is the form of a Memory on the wire: the heartbeat details of the Temporal activity.
type memo struct {
	Found    json.RawMessage `json:"found,omitempty"`
	Progress string          `json:"progress,omitempty"`
}

type memoryKey struct{}

// WithMemory lets Remember and Heartbeat use m.
func WithMemory(ctx context.Context, m *Memory) context.Context {
	return context.WithValue(ctx, memoryKey{}, m)
}

// Remember returns the state that the first attempt of this call found, and found itself if this
// is the first. Call it once, after reading the state and before changing it.
//
// A change saves the state it found so that it can be undone. An attempt that is cut off after
// the provider acted leaves a successor that finds its own doing: "already disabled", which an
// undo would then keep. The engine carries what was found first from attempt to attempt. Should it
// fail to take it and the worker die as well, the change is still made once, and its undo leaves it.
func Remember[T any](ctx context.Context, found T) (T, error) {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	if m == nil {
		return found, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at.Found != nil {
		var first T
		if err := json.Unmarshal(m.at.Found, &first); err != nil {
			return found, Permanent("BadMemory", fmt.Errorf("read what the first attempt found: %w", err))
		}
		return first, nil
	}
	raw, err := json.Marshal(found)
	if err != nil {
		return found, Permanent("BadMemory", fmt.Errorf("keep what was found: %w", err))
	}
	m.at.Found = raw
	m.send(ctx)
	return found, nil
}

// Heartbeat tells the engine that a long activity is alive and hears from it, by the context,
// whether the run was cancelled. Outside a worker it does nothing.
func Heartbeat(ctx context.Context, progress string) {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at.Progress = progress
	m.send(ctx)
}

// send gives the memory to the engine. The SDK sends the first heartbeat of an attempt before it
// returns and may hold back later ones, hence "once, before changing it" above.
func (m *Memory) send(ctx context.Context) {
	if activity.IsActivity(ctx) {
		activity.RecordHeartbeat(ctx, m.at)
	}
}

// withTemporalMemory recalls what earlier attempts left. Details it cannot read are another
// version's and count as none.
func withTemporalMemory(ctx context.Context) context.Context {
	m := &Memory{}
	if activity.HasHeartbeatDetails(ctx) {
		var left memo
		if err := activity.GetHeartbeatDetails(ctx, &left); err == nil {
			m.at = left
		}
	}
	return WithMemory(ctx, m)
}
