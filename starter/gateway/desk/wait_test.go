package desk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/workflows/approval"
)

func TestWaits(t *testing.T) {
	now := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	w := newWaits()
	one := func(name string, asked time.Duration) *waiting {
		return &waiting{run: "a/1", digest: digest.Digest(name), asked: now.Add(asked), expires: now.Add(asked + time.Hour)}
	}
	for i, name := range []string{"c", "a", "b"} {
		require.True(t, w.add(one(name, time.Duration(2-i)*time.Minute)))
	}
	require.False(t, w.add(one("a", 0)), "it is known")
	due, next := w.take(now)
	require.Len(t, due, 1)
	require.Equal(t, digest.Digest("b"), due[0].digest)
	require.Equal(t, now.Add(time.Minute), next)
	due[0].given = 1
	w.put(due[0], due[0].again())
	due, next = w.take(now.Add(2 * time.Minute))
	require.Len(t, due, 2)
	require.Equal(t, now.Add(30*time.Minute), next)

	require.NotNil(t, w.remove("a"))
	require.Nil(t, w.remove("a"))
	for _, taken := range due {
		w.put(taken, now)
	}
	require.Len(t, w.heap, 2, "what was removed meanwhile is not put back")
	var left []digest.Digest
	for x := w.runs["a/1"]; x != nil; x = x.beside {
		left = append(left, x.digest)
	}
	require.ElementsMatch(t, []digest.Digest{"b", "c"}, left)
	w.remove("c")
	w.remove("b")
	require.Empty(t, w.runs)
	require.Empty(t, w.heap)
}

func TestReminders(t *testing.T) {
	now := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	w := &waiting{asked: now, expires: now.Add(time.Hour), escalates: now.Add(40 * time.Minute)}
	for minute, want := range map[int]struct {
		n    int
		kind NoticeKind
	}{-1: {0, ""}, 0: {1, Asked}, 30: {2, HalfTime}, 40: {3, Escalated}, 54: {4, LastCall}, 90: {4, LastCall}} {
		n, kind := w.due(now.Add(time.Duration(minute) * time.Minute))
		require.Equal(t, want.n, n, minute)
		require.Equal(t, want.kind, kind, minute)
	}
	w.given = 4
	require.Equal(t, w.expires.Add(approval.Grace), w.again(), "then it is looked at once more, at its end")
	w.over = now
	require.Equal(t, now, w.again())
	n, kind := (&waiting{question: true, asked: now, expires: now.Add(time.Hour)}).due(now.Add(50 * time.Minute))
	require.Equal(t, []any{1, Asked}, []any{n, kind}, "of a question nobody is reminded")
}
