package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 14, 9, 26, 53, 589793115, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// add appends one record in a transaction of its own.
func add(t testing.TB, l *ledger.Ledger, e ledger.Entry) ledger.Record {
	t.Helper()
	var r ledger.Record
	require.NoError(t, l.Do(t.Context(), func(tx ledger.Tx) (err error) {
		r, err = tx.Append(e)
		return err
	}))
	return r
}

// all reads all records.
func all(t testing.TB, l *ledger.Ledger) []ledger.Record {
	t.Helper()
	var records []ledger.Record
	require.NoError(t, l.View(t.Context(), func(tx ledger.Tx) (err error) {
		records, err = tx.List(ledger.Filter{Limit: 1 << 20})
		return err
	}))
	return records
}

// linked wants records that follow one another from the first.
func linked(t testing.TB, records []ledger.Record) {
	t.Helper()
	prev := digest.Digest("sha256:" + strings.Repeat("0", 64))
	for i, r := range records {
		require.EqualValues(t, i+1, r.Seq)
		require.Equal(t, prev, r.Prev)
		sum, err := r.Sum()
		require.NoError(t, err)
		require.Equal(t, sum, r.Hash)
		prev = r.Hash
	}
}

func TestRecordsFollowOneAnother(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		c := newClock()
		l := ledgertest.OpenURL(t, url, ledger.WithClock(c.Now))
		body := map[string]any{"z": "<b> \u2028 \x00 é", "a": 1.50}
		first := add(t, l, ledger.Entry{Kind: ledger.Switch, Run: "run", Key: "one", Topic: "t", Body: body})
		second := add(t, l, ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{Halted: true, By: "ada"}})

		require.EqualValues(t, 1, first.Seq)
		require.Equal(t, c.Now().Truncate(time.Microsecond), first.At)
		require.Equal(t, `{"a":1.5,"z":"<b> \u2028 \u0000 é"}`, string(first.Body))
		require.Equal(t, first.Hash, second.Prev)
		require.Equal(t, []ledger.Record{first, second}, all(t, l), "what is read is what was written")
		linked(t, all(t, l))

		var read ledger.SwitchBody
		require.NoError(t, second.Read(&read))
		require.Equal(t, ledger.SwitchBody{Halted: true, By: "ada"}, read)
	})
}

// The hash of a known record: what is in old exports must stay true.
func TestHashIsStable(t *testing.T) {
	r := ledger.Record{
		Seq: 7, At: time.Date(2026, 3, 14, 9, 26, 53, 589793000, time.UTC), Kind: ledger.Vote, Run: "run", Key: "vote/x/ada",
		Body: []byte(`{"person":"ada"}`), Prev: digest.Digest("sha256:" + strings.Repeat("0", 64)),
	}
	sum, err := r.Sum()
	require.NoError(t, err)
	require.Equal(t, digest.Digest("sha256:f1c158b6f4d8ba94250efa7844dff6e46212caed06f28934878e87a80646fabe"), sum)
}

func TestAKeyIsTakenOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		first := add(t, l, ledger.Entry{Kind: ledger.Vote, Key: "vote/x/ada", Body: ledger.VoteBody{Person: "ada", Verdict: "approve"}})
		require.NoError(t, l.Do(t.Context(), func(tx ledger.Tx) error {
			got, err := tx.Append(ledger.Entry{Kind: ledger.Vote, Key: "vote/x/ada", Body: ledger.VoteBody{Person: "ada", Verdict: "reject"}})
			require.ErrorIs(t, err, ledger.ErrTaken)
			require.Equal(t, first, got, "the first stands")
			_, err = tx.Append(ledger.Entry{Kind: ledger.Vote, Key: "vote/x/bob", Body: ledger.VoteBody{Person: "bob"}})
			return err // the transaction goes on
		}))
		// Without a key there may be any number.
		add(t, l, ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}})
		add(t, l, ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}})
		require.Len(t, all(t, l), 4)
		linked(t, all(t, l))
	})
}

func TestWhatFailsIsNotOnRecord(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		boom := errors.New("boom")
		require.Equal(t, boom, l.Do(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Keep, Key: "k", Body: ledger.KeepBody{}})
			require.NoError(t, err)
			_, found, err := tx.Find("k")
			require.NoError(t, err)
			require.True(t, found, "it sees what it wrote")
			return boom
		}))
		require.Panics(t, func() {
			_ = l.Do(t.Context(), func(tx ledger.Tx) error {
				_, _ = tx.Append(ledger.Entry{Kind: ledger.Keep, Key: "k", Body: ledger.KeepBody{}})
				panic("boom")
			})
		})
		require.Empty(t, all(t, l))
		require.EqualValues(t, 1, add(t, l, ledger.Entry{Kind: ledger.Keep, Key: "k", Body: ledger.KeepBody{}}).Seq, "no gap")
	})
}

// Many writers, over several connections as several processes have them: no gap, no fork, and one
// winner for each key.
func TestWritersTakeTurns(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		const processes, writers, each = 3, 4, 5
		won := make(chan string, processes*writers*each)
		var wg sync.WaitGroup
		for p := range processes {
			wg.Go(func() { // all make the table at once
				l, err := ledger.Open(t.Context(), url)
				if !errors.Is(err, nil) {
					t.Error(err)
					return
				}
				defer l.Close()
				var inner sync.WaitGroup
				for w := range writers {
					inner.Go(func() {
						for i := range each {
							key := fmt.Sprint("key ", w, i) // the same in each process
							err := l.Do(t.Context(), func(tx ledger.Tx) error {
								_, err := tx.Append(ledger.Entry{Kind: ledger.Intent, Key: key, Body: ledger.IntentBody{Attempt: p}})
								return err
							})
							switch {
							case err == nil:
								won <- key
							case !errors.Is(err, ledger.ErrTaken):
								t.Error(err)
							}
						}
					})
				}
				inner.Wait()
			})
		}
		wg.Wait()
		close(won)
		seen := map[string]int{}
		for key := range won {
			seen[key]++
		}
		require.Len(t, seen, writers*each)
		for key, n := range seen {
			require.Equal(t, 1, n, key)
		}
		records := all(t, ledgertest.OpenURL(t, url))
		require.Len(t, records, writers*each)
		linked(t, records)
	})
}

// What a writing transaction has read stands: counting and then appending never goes beyond a bound.
func TestWhatWasReadStands(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l, other := ledgertest.OpenURL(t, url), ledgertest.OpenURL(t, url)
		full := errors.New("full")
		var wg sync.WaitGroup
		for i := range 12 {
			from := []*ledger.Ledger{l, other}[i%2]
			wg.Go(func() {
				err := from.Do(t.Context(), func(tx ledger.Tx) error {
					n, err := tx.Count(ledger.Intent, tx.Now().Add(-time.Hour))
					if err != nil {
						return err
					}
					if n["a@1"] >= 5 {
						return full
					}
					_, err = tx.Append(ledger.Entry{Kind: ledger.Intent, Topic: "a@1", Body: ledger.IntentBody{}})
					return err
				})
				if err != nil && !errors.Is(err, full) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Len(t, all(t, l), 5)
	})
}

func TestCallsAreBoundByTheirContext(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l, other := ledgertest.OpenURL(t, url), ledgertest.OpenURL(t, url)
		require.NoError(t, l.Do(t.Context(), func(ledger.Tx) error {
			// Somebody else has the turn. A reader does not mind, a writer waits as long as it may.
			require.NoError(t, other.View(t.Context(), func(ledger.Tx) error { return nil }))
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			for _, waiting := range []*ledger.Ledger{l, other} {
				err := waiting.Do(ctx, func(ledger.Tx) error { return nil })
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.ErrorContains(t, err, "write to the ledger "+l.Name())
			}
			return nil
		}))
		require.NoError(t, other.Do(t.Context(), func(ledger.Tx) error { return nil }))
	})
}

func TestAViewOnlyReads(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		err := l.View(t.Context(), func(tx ledger.Tx) error {
			_, err := tx.Append(ledger.Entry{Kind: ledger.Keep, Body: ledger.KeepBody{}})
			return err
		})
		require.ErrorContains(t, err, "a View only reads")
	})
}
