package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/countersign/countersign/activities/secret"
)

// Memory is what one attempt of a call leaves for the next: what it found before it changed
// anything, and how far it came. A worker gets it from the engine; a test makes its own, with
// WithMemory, and hands the same one to every attempt.
type Memory struct {
	mu sync.Mutex // held while a heartbeat is sent, so that none overtakes a newer one
	at memo
	// sent says that this attempt has given the engine a heartbeat.
	sent bool
}

// memo is the form of a Memory on the wire: the heartbeat details of the Temporal activity.
type memo struct {
	Found    json.RawMessage `json:"found,omitempty"`
	Progress string          `json:"progress,omitempty"`
	Kept     string          `json:"kept,omitempty"`
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
//
// The engine shows what it carries, so what holds a secret that was resolved is refused.
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
	if _, told := secret.Clean(ctx, string(raw)); told {
		// Without it, an undo would write something else back than what was there.
		return found, Permanent("BadMemory", errors.New("keep what was found: there is a secret in it, and the engine shows what is kept"))
	}
	m.at.Found = raw
	early := m.sent
	m.send(ctx)
	if early {
		m.push(ctx)
		m.send(ctx) // what the SDK took up to send meanwhile may be older
	}
	if Cancelled(ctx) {
		m.at.Found = nil // nothing was changed, and nothing will be
		return found, ctx.Err()
	}
	return found, nil
}

// Keep keeps the id that the provider gave to what an attempt has begun, where the provider takes none
// of ours: the next attempt has it from Kept, and need not find what may not be listed yet. An attempt
// that is cut off before it has the id leaves none.
func Keep(ctx context.Context, id string) {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at.Kept, _ = secret.Clean(ctx, id)
	early := m.sent
	m.send(ctx)
	if early && activity.IsActivity(ctx) {
		m.push(ctx)
		m.send(ctx) // as Remember does
	}
}

// Kept is the id that this attempt or an earlier one has kept; "" is none.
func Kept(ctx context.Context) string {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	if m == nil {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at.Kept
}

// Heartbeat tells the engine how far a long activity has come. That it is alive the guard tells:
// an activity need not call this. Outside a worker it does nothing. Secrets are taken out.
func Heartbeat(ctx context.Context, progress string) {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at.Progress, _ = secret.Clean(ctx, progress)
	m.send(ctx)
}

// send gives the memory, as it is, to the engine. The SDK sends the first heartbeat of an attempt
// before it returns. It holds back those of the next 80 % of the heartbeat timeout, of which it
// sends the last when that time is over, or when the attempt fails.
func (m *Memory) send(ctx context.Context) {
	if activity.IsActivity(ctx) {
		activity.RecordHeartbeat(ctx, m.at)
		m.sent = true
	}
}

// pushTime bounds push. It is a moment, as the engine took a heartbeat just before.
const pushTime = 5 * time.Second

// push gives the memory to the engine at once, where send may hold it back: what was found must be
// there before anything is changed. It is one try: see Remember for what is lost if it fails.
func (m *Memory) push(ctx context.Context) {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity || ctx.Value(withoutEngineKey{}) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pushTime)
	defer cancel()
	_ = record(ctx, client.RecordActivityHeartbeatOptions{
		TaskToken:    info.TaskToken,
		Namespace:    info.Namespace,
		WorkflowID:   info.WorkflowExecution.ID,
		WorkflowType: workflowType(info),
		ActivityType: info.ActivityType.Name,
		TaskQueue:    info.TaskQueue,
		Details:      []any{m.at},
	})
}

type withoutEngineKey struct{}

// WithoutEngine is for calls in the SDK's test environment, which ends the process that gives it a
// heartbeat by a client: see package activitytest.
func WithoutEngine(ctx context.Context) context.Context {
	return context.WithValue(ctx, withoutEngineKey{}, true)
}

// record is a variable for tests: the SDK's test environment ends the process that asks it for this.
var record = func(ctx context.Context, heartbeat client.RecordActivityHeartbeatOptions) error {
	return activity.GetClient(ctx).RecordActivityHeartbeatWithOptions(ctx, heartbeat)
}

func workflowType(info activity.Info) string {
	if info.WorkflowType == nil {
		return ""
	}
	return info.WorkflowType.Name
}

// beat sends a heartbeat, with the memory, every so often until stop is called, which returns when
// the last is sent. It goes on where ctx was cancelled: an effect may still have something to
// close, and a silent one would count as lost.
func beat(ctx context.Context, every time.Duration) (stop func()) {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	if m == nil || every <= 0 {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-over:
				return
			case <-ticker.C:
				m.mu.Lock()
				m.send(context.WithoutCancel(ctx))
				m.mu.Unlock()
			}
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}

// begun reports whether this attempt or an earlier one may have changed something.
func begun(ctx context.Context) bool {
	m, _ := ctx.Value(memoryKey{}).(*Memory)
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at.Found != nil
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
