package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

// shelf is a place that can be closed.
type shelf struct {
	mu     sync.Mutex
	kept   []ledger.Sealing
	closed error
}

func (s *shelf) close(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = err
}

func (s *shelf) Name() string { return "the shelf" }

func (s *shelf) Keep(_ context.Context, c ledger.Sealing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return s.closed
	}
	s.kept = append(s.kept, c)
	return nil
}

func (s *shelf) seqs() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	seqs := []int64{}
	for _, c := range s.kept {
		seqs = append(seqs, c.Seq)
	}
	return seqs
}

func addMany(t *testing.T, l *ledger.Ledger, n int) {
	t.Helper()
	require.NoError(t, l.Do(context.WithoutCancel(t.Context()), func(tx ledger.Tx) error {
		for range n {
			if _, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Body: ledger.SwitchBody{}}); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Every minute, or when there are a hundred records, and at the end.
func TestCheckpointsAreSignedInTime(t *testing.T) {
	url := ledgertest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		l := ledgertest.OpenURL(t, url)
		place, log := &shelf{}, &bytes.Buffer{}
		c := &ledger.Checkpointer{Ledger: l, Signer: signer, Places: []ledger.Place{place}, Log: slog.New(slog.NewTextHandler(log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		pass := func(d time.Duration, want ...int64) {
			t.Helper()
			time.Sleep(d) // of the test's own clock
			synctest.Wait()
			require.Equal(t, append([]int64{}, want...), place.seqs())
		}
		pass(5 * time.Minute) // nothing to sign
		addMany(t, l, 1)
		pass(4*time.Second, 1) // it is late already
		addMany(t, l, 99)
		pass(50*time.Second, 1)
		pass(15*time.Second, 1, 100)
		addMany(t, l, 100)
		pass(4*time.Second, 1, 100, 200)

		place.close(errors.New("the shelf is full"))
		addMany(t, l, 100)
		pass(5*time.Minute, 1, 100, 200)
		require.Equal(t, 1, strings.Count(log.String(), "the shelf is full"), "the same failure is logged once")
		require.Contains(t, log.String(), "keep the checkpoint over record 300 in the shelf")
		place.close(nil)
		pass(time.Minute, 1, 100, 200, 300)

		addMany(t, l, 1)
		cancel()
		require.NoError(t, <-done)
		require.Equal(t, []int64{1, 100, 200, 300, 301}, place.seqs(), "the last one before it ends")

		var out bytes.Buffer
		_, err := l.Export(context.WithoutCancel(t.Context()), &out)
		require.NoError(t, err)
		report, err := ledger.Verify(&out, ledger.Over(place.kept))
		require.NoError(t, err)
		require.EqualValues(t, 301, report.Sealed)
	})
}

// A checkpoint never covers up what was changed since the last one, or its own record.
func TestNothingChangedIsSealed(t *testing.T) {
	for name, tc := range map[string]struct{ statement, want string }{
		"since the last one":    {"UPDATE records SET body = '1' WHERE seq = 4", "record 4 (line 4): changed"},
		"taken out":             {"DELETE FROM records WHERE seq = 4", "record 4 (line 5): missing"},
		"the tail":              {"DELETE FROM records WHERE seq > 1", "record 3: truncated"},
		"the last one's record": {"UPDATE records SET body = '1' WHERE seq = 3", "record 3 (line 3): rewritten"},
		"a link":                {"UPDATE records SET prev = 'x' WHERE seq = 5", "record 5 (line 5): changed"},
	} {
		t.Run(name, func(t *testing.T) {
			url := ledgertest.SQLite(t)
			l := ledgertest.OpenURL(t, url)
			place, log := &shelf{}, &bytes.Buffer{}
			c := &ledger.Checkpointer{
				Ledger: l, Signer: signer, Places: []ledger.Place{place}, Every: time.Millisecond,
				Log: slog.New(slog.NewTextHandler(log, nil)),
			}
			addMany(t, l, 3)
			_, err := c.Sign(t.Context())
			require.NoError(t, err)
			addMany(t, l, 3)
			db := raw(t, url)
			for _, statement := range []string{"DROP TRIGGER records_update", "DROP TRIGGER records_delete", tc.statement} {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			err = c.Run(t.Context())
			var fault *ledger.Fault
			require.ErrorAs(t, err, &fault)
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, []int64{3}, place.seqs())
			require.Contains(t, log.String(), "the ledger was changed")
		})
	}
}

func TestAFileOfCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints")
	l := ledgertest.Open(t)
	checkpoint := func() ledger.Checkpoint {
		file, last, err := ledger.OpenFile(path, signer.Keys())
		require.NoError(t, err)
		c := &ledger.Checkpointer{Ledger: l, Signer: signer, Places: []ledger.Place{file}, Last: last}
		addMany(t, l, 2)
		next, err := c.Sign(t.Context())
		require.NoError(t, err)
		again, err := c.Sign(t.Context())
		require.NoError(t, err)
		require.Equal(t, next, again, "nothing new")
		return next
	}
	require.EqualValues(t, 2, checkpoint().Seq)
	require.EqualValues(t, 4, checkpoint().Seq, "it goes on where it was")
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path, append(before, `{"kind":"che`...), 0o600)) // a crash
	require.EqualValues(t, 6, checkpoint().Seq)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(after, before))
	read, err := ledger.ReadCheckpoints(bytes.NewReader(after), signer.Keys())
	require.NoError(t, err)
	require.Len(t, read, 3)

	// The key was rotated: the next one goes on in the same file, and both verify it.
	next := grant.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize)))
	file, last, err := ledger.OpenFile(path, next.Keys())
	require.NoError(t, err)
	require.Zero(t, last)
	_, err = (&ledger.Checkpointer{Ledger: l, Signer: next, Places: []ledger.Place{file}, Last: last}).Sign(t.Context())
	require.NoError(t, err)
	rotated, err := os.ReadFile(path)
	require.NoError(t, err)
	both := grant.NewKeys(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)).Public().(ed25519.PublicKey),
		ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize)).Public().(ed25519.PublicKey))
	read, err = ledger.ReadCheckpoints(bytes.NewReader(rotated), both)
	require.NoError(t, err)
	require.Len(t, read, 4)
	_, err = ledger.ReadCheckpoints(bytes.NewReader(rotated), next.Keys())
	require.ErrorContains(t, err, "line 1 of the checkpoints")

	require.NoError(t, os.WriteFile(path, append(before, "nonsense\n"...), 0o600))
	_, _, err = ledger.OpenFile(path, signer.Keys())
	require.ErrorContains(t, err, "line 3 of the checkpoints: it is no signed checkpoint")
	require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("x"), 9000), 0o600))
	_, _, err = ledger.OpenFile(path, signer.Keys())
	require.ErrorContains(t, err, "its last line is longer than any checkpoint")
	_, _, err = ledger.OpenFile(filepath.Join(path, "no"), signer.Keys())
	require.ErrorContains(t, err, "open the checkpoints")
}
