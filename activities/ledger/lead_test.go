package ledger_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

// leader tells when it has the lead, and when it has it no more.
type leader struct{ leads, ends chan struct{} }

func (l leader) work(ctx context.Context) error {
	l.leads <- struct{}{}
	<-ctx.Done()
	l.ends <- struct{}{}
	return ctx.Err()
}

func lead(t *testing.T, l *ledger.Ledger, name string) (leader, func()) {
	t.Helper()
	who := leader{make(chan struct{}, 8), make(chan struct{}, 8)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Lead(ctx, name, who.work) }()
	stop := func() {
		cancel()
		require.NoError(t, <-done, "the end of its time is no error")
		close(done)
	}
	return who, stop
}

func soon(t *testing.T, c <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(15 * time.Second):
		require.Fail(t, why)
	}
}

func TestOneLeads(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		one, stopOne := lead(t, ledgertest.OpenURL(t, url), "slack")
		soon(t, one.leads, "nobody else wants it")
		two, stopTwo := lead(t, ledgertest.OpenURL(t, url), "slack")
		other, stopOther := lead(t, ledgertest.OpenURL(t, url), "other")
		soon(t, other.leads, "another name is another lead")
		require.Never(t, func() bool { return len(two.leads) > 0 }, 1500*time.Millisecond, 50*time.Millisecond, "one leads at a time")
		stopOne()
		soon(t, two.leads, "the lead is free")
		stopTwo()
		stopOther()
	})
}

// Whoever has lost the lead stops, and waits for it like all others.
func TestALeadIsLost(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		program := "lead-" + grant.NewID()
		address := url
		if strings.HasPrefix(url, "postgres") {
			address += "&application_name=" + program
		}
		who, stop := lead(t, ledgertest.OpenURL(t, address), "slack")
		soon(t, who.leads, "nobody else wants it")
		if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
			require.NoError(t, os.Remove(file+".slack.lock"))
		} else {
			_, err := raw(t, url).ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = $1`, program)
			require.NoError(t, err)
		}
		soon(t, who.ends, "it is lost")
		soon(t, who.leads, "it is free")
		stop()
	})
}

func TestALeadEndsWithItsWork(t *testing.T) {
	l := ledgertest.Open(t)
	broken := errors.New("broken")
	require.ErrorIs(t, l.Lead(t.Context(), "slack", func(context.Context) error { return broken }), broken)
	require.NoError(t, l.Lead(t.Context(), "slack", func(context.Context) error { return nil }), "and is free again")
	require.ErrorContains(t, l.Lead(t.Context(), "../x", nil), "lower case letters")
}

// The lead of a process that was killed is free.
func TestALeadOfAnotherProcess(t *testing.T) {
	if url := os.Getenv("LEDGER_LEADER"); url != "" { // this is that process
		l, err := ledger.Open(t.Context(), url)
		require.NoError(t, err)
		_ = l.Lead(t.Context(), "slack", func(ctx context.Context) error {
			fmt.Println("leads")
			<-ctx.Done()
			return nil
		})
		return
	}
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestALeadOfAnotherProcess$")
		child.Env = append(os.Environ(), "LEDGER_LEADER="+url)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "leads\n", line)
		who, stop := lead(t, l, "slack")
		require.Never(t, func() bool { return len(who.leads) > 0 }, 1200*time.Millisecond, 50*time.Millisecond, "another process leads")
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
		soon(t, who.leads, "it is gone")
		stop()
	})
}

func TestCommitsAreTold(t *testing.T) {
	l := ledgertest.Open(t)
	told := l.Committed()
	require.ErrorIs(t, l.Do(t.Context(), func(ledger.Tx) error { return sql.ErrNoRows }), sql.ErrNoRows)
	require.Empty(t, told)
	select {
	case <-told:
		require.Fail(t, "nothing was committed")
	default:
	}
	add(t, l, ledger.Entry{Kind: ledger.Switch, Body: 1})
	soon(t, told, "something was committed")
	require.NotEqual(t, told, l.Committed())
	require.NoError(t, l.View(t.Context(), func(tx ledger.Tx) error {
		require.Equal(t, int64(1), tx.Head())
		return nil
	}))
}
