package web_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// However much is to be sent, Slack is never asked more often than it takes: with its limits on, no call
// is refused.
func TestPace(t *testing.T) {
	for name, test := range map[string]struct {
		calls int
		call  func(context.Context, *web.Client, int) error
		least time.Duration
		most  time.Duration
	}{
		"posts in one channel": {30, func(ctx context.Context, c *web.Client, _ int) error {
			_, err := c.Post(ctx, channel, "", false, card, meta)
			return err
		}, 26 * time.Second, 28 * time.Second},
		"posts in two channels": {30, func(ctx context.Context, c *web.Client, n int) error {
			_, err := c.Post(ctx, []string{channel, "C0OTHER"}[n%2], "", false, card, meta)
			return err
		}, 11 * time.Second, 13 * time.Second},
		"tier 3": {100, func(ctx context.Context, c *web.Client, _ int) error {
			_, err := c.Channel(ctx, channel)
			return err
		}, time.Minute, 3 * time.Minute},
		"tier 4": {200, func(ctx context.Context, c *web.Client, _ int) error {
			_, err := c.User(ctx, "U0ALICE")
			return err
		}, time.Minute, 3 * time.Minute},
		"tier 2": {30, func(ctx context.Context, c *web.Client, _ int) error {
			_, err := c.Group(ctx, "S0ONCALL")
			return err
		}, time.Minute, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := start(t, standin.Options{Limits: true})
				began := time.Now()
				var wait sync.WaitGroup
				for n := range test.calls {
					wait.Go(func() {
						if err := test.call(t.Context(), c, n); err != nil {
							t.Error(err)
						}
					})
				}
				wait.Wait()
				took := time.Since(began)
				require.GreaterOrEqual(t, took, test.least)
				require.LessOrEqual(t, took, test.most)
				for _, call := range s.Calls() {
					require.Empty(t, call.Code)
				}
			})
		})
	}
}

// When Slack wants to be left alone, all callers of that method leave it alone, and no others.
func TestLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		s.Inject(standin.Fault{Method: "chat.postMessage", Kind: standin.Throttle, After: 30 * time.Second, Times: 1})
		began := time.Now()
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				if _, err := c.Post(t.Context(), channel, "", false, card, meta); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		// Those that had left already are through; the one that was refused waits, as does who comes now.
		_, err := c.Post(within(t, time.Second), channel, "", false, card, meta)
		e := failed(t, err)
		require.Equal(t, []any{"pace", web.Later, 30 * time.Second}, []any{e.Code, e.Kind, e.After})
		require.Zero(t, time.Since(began), "there was no point in waiting")
		_, err = c.Post(t.Context(), "C0OTHER", "", false, card, meta)
		require.NoError(t, err, "another channel")
		_, err = c.User(t.Context(), "U0ALICE")
		require.NoError(t, err, "another method")
		require.Zero(t, time.Since(began))
		wait.Wait()
		require.Equal(t, 30*time.Second, time.Since(began))
		require.Len(t, s.Messages(channel), 3)
	})
}

// A caller whose time is up leaves the queue, and those behind move up.
func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := start(t, standin.Options{})
		for range 3 {
			_, err := c.Post(t.Context(), channel, "", false, card, meta)
			require.NoError(t, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		heard := make(chan error)
		go func() {
			_, err := c.Post(ctx, channel, "", false, card, meta)
			heard <- err
		}()
		synctest.Wait()
		cancel()
		require.True(t, web.Is(<-heard, web.Later))
		began := time.Now()
		_, err := c.Post(t.Context(), channel, "", false, card, meta)
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(began))
	})
}

// A call that hangs ends with the client's patience, however long the caller's is.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		s.Inject(standin.Fault{Kind: standin.Hang, Times: 1})
		began := time.Now()
		_, err := c.Post(t.Context(), channel, "", false, card, meta)
		require.True(t, web.Is(err, web.Ambiguous), fmt.Sprint(err))
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}
