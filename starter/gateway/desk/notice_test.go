package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/workflows/approval"
)

// serves serves a desk until the test, or whoever calls what it returns, ends it.
func serves(t *testing.T, d *desk.Desk, look time.Duration) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() { d.Serve(ctx, look); close(served) }()
	return func() { cancel(); <-served }
}

func (o *office) given() []desk.Notice {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]desk.Notice{}, o.notices...)
}

func (o *office) gets(n int) []desk.Notice {
	o.t.Helper()
	require.Eventually(o.t, func() bool { return len(o.given()) >= n }, 30*time.Second, 5*time.Millisecond)
	return o.given()
}

// tells puts on record what the run would.
func (o *office) tells(r approval.Request) {
	o.t.Helper()
	body := ledger.AskedBody{ID: r.ID, Digest: r.Digest, Execution: r.Execution, Asked: r.Asked, Expires: r.Expires}
	if r.Escalate != nil {
		body.Escalates = &r.Escalate.At
	}
	o.append(ledger.Entry{Kind: ledger.Asked, Run: r.Run, Key: ledger.AskedKey(r.Run, r.Digest), Body: body})
}

// What a run tells is noticed at once, and put on record as it was shown; then come the reminders.
func TestNotices(t *testing.T) {
	o := received(t)
	o.unlisted = true
	stop := serves(t, o.Desk, time.Hour)
	defer stop()
	first := o.asks(sealed(func(r *approval.Request) { r.Quorum = 2 }))
	began := time.Now()
	o.tells(first)
	got := o.gets(1)[0]
	require.Less(t, time.Since(began), 10*time.Second)
	require.Equal(t, desk.Notice{Kind: desk.Asked, Run: run, Approval: first.ID, Digest: first.Digest, Groups: first.Groups, Text: first.Question, Expires: got.Expires}, got)
	require.Len(t, records[ledger.RequestBody](o, ledger.Request), 1)

	almost := o.asks(sealed(func(r *approval.Request) { // of its hour 54 minutes are nearly over
		r.Asked = time.Now().Add(-54*time.Minute + 2*time.Second)
		r.Expires = r.Asked.Add(time.Hour)
	}))
	o.tells(almost)
	list := o.gets(3)
	require.Equal(t, []desk.NoticeKind{desk.HalfTime, desk.LastCall}, []desk.NoticeKind{list[1].Kind, list[2].Kind}, "of those that are over only the latest")
	require.Equal(t, almost.Digest, list[2].Digest)
}

func TestNoticeOfAQuestion(t *testing.T) {
	o := received(t)
	o.unlisted = true
	stop := serves(t, o.Desk, time.Hour)
	defer stop()
	q := o.poses()
	o.append(ledger.Entry{Kind: ledger.Asked, Run: run, Body: ledger.AskedBody{ID: q.ID, Digest: q.Digest, Execution: "e1", Question: true, Asked: q.Asked, Expires: q.Expires}})
	got := o.gets(1)[0]
	require.True(t, got.Question)
	require.Equal(t, []any{desk.Asked, q.Digest, q.Groups}, []any{got.Kind, got.Digest, got.Groups})
}

// Of what is not ours nobody is told, whoever put it on record.
func TestNoNotice(t *testing.T) {
	o := received(t)
	o.unlisted = true
	stop := serves(t, o.Desk, time.Hour)
	defer stop()
	forged := o.asks(func(r *approval.Request) { r.Question = "Nothing to see?" })
	o.tells(forged)
	other := forged
	other.Run, other.Digest = "other/1", "sha256:other"
	o.tells(other)
	ours := o.asks()
	o.tells(ours)
	require.Equal(t, ours.Digest, o.gets(1)[0].Digest)
	require.Len(t, o.given(), 1)
	require.Len(t, records[ledger.RequestBody](o, ledger.Request), 1)
}

// A desk that was started again does not tell people again, and goes on where the other was.
func TestNoticesAfterARestart(t *testing.T) {
	o := received(t)
	o.unlisted = true
	stop := serves(t, o.Desk, time.Hour)
	r := o.asks(sealed(func(r *approval.Request) { r.Expires = r.Asked.Add(8 * time.Second) }))
	o.tells(r)
	o.gets(1)
	stop()
	again, err := desk.New(o.Options)
	require.NoError(t, err)
	defer serves(t, again, time.Hour)()
	require.Equal(t, desk.HalfTime, o.gets(2)[1].Kind)
}

// What runs asked whose word was missed is found by asking them, a few at a time.
func TestWhatWasMissed(t *testing.T) {
	o := received(t)
	q := o.poses()
	defer serves(t, o.Desk, time.Hour)()
	list := o.gets(2)
	require.ElementsMatch(t, []digest.Digest{q.Digest, o.status[run].Approvals[0].Digest}, []digest.Digest{list[0].Digest, list[1].Digest})
}

// A run that has ended waits for nobody: that is on record at once, and a failure is told.
func TestNoticeOfAnEnd(t *testing.T) {
	o := received(t)
	o.unlisted = true
	defer serves(t, o.Desk, time.Hour)()
	r := o.asks()
	o.tells(r)
	o.gets(1)
	o.mu.Lock()
	delete(o.status, run) // no worker knows it
	o.mu.Unlock()
	o.append(ledger.Entry{Kind: ledger.Ended, Run: run, Key: ledger.EndedKey(run, "e1"), Body: ledger.EndedBody{Execution: "e1", State: "failed", Error: "the key is gone"}})
	got := o.gets(2)[1]
	require.Equal(t, desk.Notice{Kind: desk.RunFailed, Run: run, Text: "the key is gone"}, got)
	require.Eventually(t, func() bool { return len(records[ledger.DecisionBody](o, ledger.Decision)) == 1 }, 30*time.Second, 10*time.Millisecond)
	require.Equal(t, "withdrawn", records[ledger.DecisionBody](o, ledger.Decision)[0].Outcome)
	o.append(ledger.Entry{Kind: ledger.Ended, Run: "done/1", Body: ledger.EndedBody{Execution: "e1", State: "done"}})
	require.Len(t, o.given(), 2)
}

// Thousands that wait cost no questions, and little memory.
func TestThousandsWait(t *testing.T) {
	if testing.Short() {
		t.Skip("memory is measured without the race detector, which -short goes with in CI")
	}
	o := received(t)
	o.unlisted = true
	now := time.Now().UTC()
	for batch := range 4 {
		require.NoError(t, o.ledger.Do(t.Context(), func(tx ledger.Tx) error {
			for i := range 500 {
				i += 500 * batch
				r := approval.Request{
					ID: "contain_user", Run: fmt.Sprintf("aws-compromised-access-key/%d", i), Execution: fmt.Sprintf("%036d", i),
					Question: strings.Repeat("x", 1000), Asked: now, Expires: now.Add(24 * time.Hour), Digest: digest.Digest(fmt.Sprintf("sha256:%064d", i)),
				}
				raw, err := json.Marshal(r)
				if err != nil {
					return err
				}
				if _, err := tx.Append(ledger.Entry{Kind: ledger.Request, Run: r.Run, Key: ledger.RequestKey(r.Digest), Body: ledger.RequestBody{Digest: r.Digest, Request: raw}}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	end := sync.OnceFunc(serves(t, o.Desk, 10*time.Millisecond))
	defer end()
	last := o.asks()
	o.tells(last)
	require.Equal(t, last.Digest, o.gets(1)[0].Digest)
	require.Eventually(t, func() bool { return o.Waits() == 2001 }, 5*time.Minute, 10*time.Millisecond)
	end() // what its work leaves behind is not what it keeps
	each := (heap() - before) / 2000
	t.Logf("%d bytes for each", each)
	require.Less(t, each, uint64(800), "whole requests would be more than four times that")
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Less(t, o.asked, 10, "those that wait are not asked whether they do")
}
