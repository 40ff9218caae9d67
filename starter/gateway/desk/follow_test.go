package desk_test

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
	"github.com/countersign/countersign/starter/gateway/desk"
)

// follows follows a desk; what it has seen, and an end.
func follows(t *testing.T, o *office) (seen func() []desk.Change, stop func()) {
	t.Helper()
	var mu sync.Mutex
	var all []desk.Change
	began := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.Follow(ctx, func(_ context.Context, c desk.Change) {
			mu.Lock()
			defer mu.Unlock()
			if all = append(all, c); len(all) == 1 {
				close(began)
			}
		})
	}()
	<-began
	return func() []desk.Change { mu.Lock(); defer mu.Unlock(); return append([]desk.Change{}, all...) },
		func() { cancel(); <-done }
}

func TestFollow(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		mine, others := ledgertest.OpenURL(t, url), ledgertest.OpenURL(t, url)
		o := open(t, func(d *desk.Options) { d.Ledger = mine })
		o.ledger = mine
		o.append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}})
		seen, stop := follows(t, o)
		require.Equal(t, []desk.Change{{}}, seen(), "what was before is not told")

		o.ledger = others
		o.append(ledger.Entry{Kind: ledger.Token, Body: ledger.TokenBody{}}) // after which nothing looks otherwise
		o.append(ledger.Entry{Kind: ledger.Asked, Run: "a/1", Body: ledger.AskedBody{Digest: "sha256:q", Question: true}})
		o.append(ledger.Entry{Kind: ledger.Vote, Run: "a/1", Body: ledger.VoteBody{Request: "sha256:r"}})
		o.append(ledger.Entry{Kind: ledger.Answer, Run: "a/1", Body: ledger.AnswerBody{Question: "sha256:q"}})
		o.append(ledger.Entry{Kind: ledger.Intent, Run: "a/1/b", Body: ledger.IntentBody{Digest: "sha256:call"}})
		o.append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{Halted: true}})
		require.Eventually(t, func() bool { return len(seen()) == 6 }, 5*time.Second, 10*time.Millisecond)
		require.Equal(t, []desk.Change{
			{Run: "a/1", Digest: "sha256:q", Kind: "asked", Seq: 3}, {Run: "a/1", Digest: "sha256:r", Kind: "vote", Seq: 4},
			{Run: "a/1", Digest: "sha256:q", Kind: "answer", Seq: 5}, {Run: "a/1/b", Kind: "intent", Seq: 6}, {Kind: "switch", Seq: 7},
		}, seen()[1:])
		stop()
	})
}

// Many at once are all told, in their order.
func TestFollowMany(t *testing.T) {
	o := open(t)
	seen, stop := follows(t, o)
	require.NoError(t, o.ledger.Do(t.Context(), func(tx ledger.Tx) error {
		for range 450 {
			if _, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}}); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Eventually(t, func() bool { return len(seen()) == 451 }, 10*time.Second, 10*time.Millisecond)
	for i, c := range seen() {
		require.Equal(t, int64(i), c.Seq)
	}
	stop()
}

// What takes back the effects of a run changes that run.
func TestFollowAnUndo(t *testing.T) {
	o := received(t)
	input := `{"access_key_id":"AKIAIOSFODNN7EXAMPLE","account":"111122223333","user":"ci-deployer"}`
	o.did(run, "disable", "aws.iam.disable_access_key", "aws.iam.enable_access_key", input, "")
	started, err := o.Undo(t.Context(), by("dora"), run, "it was a drill")
	require.NoError(t, err)
	seen, stop := follows(t, o)
	o.did(started.Run, "one", "aws.iam.enable_access_key", "aws.iam.disable_access_key", input, "")
	require.Eventually(t, func() bool { return len(seen()) == 4 }, 5*time.Second, 10*time.Millisecond)
	last := seen()[2:]
	require.Equal(t, []string{started.Run, run}, []string{last[0].Run, last[1].Run})
	stop()
}

// A ledger that cannot be read for a while is waited for: nothing is left out, and it is logged once.
func TestFollowADatabaseThatFails(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		var log lines
		o := open(t, func(d *desk.Options) { d.Ledger, d.Log = l, slog.New(slog.NewTextHandler(&log, nil)) })
		o.ledger = l
		seen, stop := follows(t, o)
		driver, source := "pgx", url
		if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
			driver, source = "sqlite", file
		}
		db, err := sql.Open(driver, source)
		require.NoError(t, err)
		defer db.Close()
		_, err = db.ExecContext(t.Context(), "ALTER TABLE records RENAME TO elsewhere")
		require.NoError(t, err)
		require.Eventually(t, func() bool { return strings.Contains(log.String(), "cannot be read") }, 10*time.Second, 10*time.Millisecond)
		_, err = db.ExecContext(t.Context(), "ALTER TABLE elsewhere RENAME TO records")
		require.NoError(t, err)
		o.append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}})
		require.Eventually(t, func() bool { return len(seen()) == 2 }, 15*time.Second, 10*time.Millisecond)
		stop()
		require.Equal(t, 1, strings.Count(log.String(), "cannot be read"))
		require.Contains(t, log.String(), "can be read again")
	})
}

// One that cannot be read at the beginning is waited for as well, and the end of the wait is no failure.
func TestFollowBeginsLate(t *testing.T) {
	var log lines
	o := open(t, func(d *desk.Options) { d.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	require.NoError(t, o.ledger.Close())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.Follow(ctx, func(context.Context, desk.Change) { t.Error("there is nothing to see") })
	}()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "is tried again") }, 10*time.Second, 5*time.Millisecond)
	cancel()
	<-done
}

// lines is a log that tests read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
