package slack_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/workflows"
)

// mute is a desk that gets no answer of what some run calls.
type mute struct {
	*desk.Desk

	run string
}

func (m mute) Sight(ctx context.Context, run string, name digest.Digest) (desk.Sight, error) {
	if !strings.HasPrefix(run, m.run) {
		return m.Desk.Sight(ctx, run, name)
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	return desk.Sight{}, workflows.ErrNoWorker
}

// What one run calls asks without end and never answers: what others ask does not wait for it.
func TestCrowd(t *testing.T) {
	o := open(t)
	o.serve(func(opts *slack.Options) { opts.Desk = mute{o.Desk, "p/1/"} })
	for i := range 100 {
		name, err := digest.Of(i)
		require.NoError(t, err)
		of := fmt.Sprintf("p/1/x%d", i)
		o.append(ledger.Entry{Kind: ledger.Asked, Run: of, Key: ledger.AskedKey(of, name), Topic: string(name), Body: ledger.AskedBody{ID: "a", Digest: name, Execution: "e"}})
	}
	o.asks()
	require.Eventually(t, func() bool { return len(o.slack.Messages(secops)) == 1 }, 10*time.Second, 20*time.Millisecond)
}

// Anybody can press and type without end, and the record is kept for years.
func TestTurnedAwayAgain(t *testing.T) {
	o := open(t)
	f := o.serve()
	say := func(user string) {
		r := f.Command(t.Context(), receive.Command{Name: "/playbook", Text: "runs", From: receive.From{App: "A0APP", Team: "T0TEAM", User: user, Channel: secops}})
		r.After(t.Context())
	}
	for range 20 {
		say("U0GUEST")
	}
	require.Len(t, records[ledger.RefusalBody](o, ledger.Refusal), 1)
	say("U0ULTRA")
	require.Len(t, records[ledger.RefusalBody](o, ledger.Refusal), 2)
}

// Who looks at the home tab again and again has it made once at a time.
func TestHomeAgain(t *testing.T) {
	o := open(t)
	f := o.serve()
	o.asks()
	o.card(secops)
	slow := make(chan struct{})
	o.mu.Lock()
	o.slow = slow
	o.mu.Unlock()
	var all sync.WaitGroup
	var back atomic.Int32
	for range 20 {
		all.Go(func() {
			f.Opened(t.Context(), receive.Opened{From: receive.From{App: "A0APP", Team: "T0TEAM", User: "U0ALICE"}})
			back.Add(1)
		})
	}
	o.until(func() bool { return back.Load() >= 19 })
	close(slow)
	all.Wait()
	published := 0
	for _, c := range o.slack.Calls() {
		if c.Method == "views.publish" {
			published++
		}
	}
	require.Equal(t, 1, published)
}
