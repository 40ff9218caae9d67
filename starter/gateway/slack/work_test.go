package slack

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// hire lets workers work in a bubble.
func hire(t *testing.T) *term {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out := &term{Front: &Front{Options: Options{Log: slog.New(slog.DiscardHandler), pause: minPause}}, ctx: ctx, wake: make(chan struct{}, workers)}
	for range workers {
		out.group.Go(out.work)
	}
	t.Cleanup(func() {
		stop()
		out.group.Wait()
	})
	return out
}

// When effects are halted thousands of cards say so, each when it is its turn. What is decided meanwhile
// is shown at once; and however much is decided, they have their turn.
func TestWhatHasTimeHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := hire(t)
		var told atomic.Int64
		for range 5000 {
			w.enqueue(job{task: &task{}, do: func(context.Context) error {
				time.Sleep(1400 * time.Millisecond) // in a bubble
				told.Add(1)
				return nil
			}}, false)
		}
		time.Sleep(10 * time.Second)
		for range 50 {
			began, shown := time.Now(), make(chan time.Duration, 1)
			w.enqueue(job{task: &task{}, do: func(context.Context) error {
				shown <- time.Since(began)
				return nil
			}}, true)
			require.Zero(t, <-shown)
			time.Sleep(333 * time.Millisecond)
		}
		before := told.Load()
		require.Greater(t, before, int64(20))
		for range 1000 {
			w.enqueue(job{task: &task{}, do: func(context.Context) error {
				time.Sleep(time.Second)
				return nil
			}}, true)
		}
		time.Sleep(time.Minute)
		require.Greater(t, told.Load(), before+20)
	})
}

// What was urgent and failed is tried again before all that has time.
func TestFailedIsStillUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := hire(t)
		for range 100 {
			w.enqueue(job{task: &task{}, do: func(context.Context) error {
				time.Sleep(time.Second)
				return nil
			}}, false)
		}
		began, shown := time.Now(), make(chan time.Duration, 1)
		tries := 0
		w.enqueue(job{task: &task{}, do: func(context.Context) error {
			if tries++; tries < 3 {
				return errors.New("Slack is away")
			}
			shown <- time.Since(began)
			return nil
		}}, true)
		require.Equal(t, 3*minPause, <-shown)
	})
}
