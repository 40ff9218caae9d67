package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

func TestQueries(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		c := newClock()
		l := ledgertest.OpenURL(t, url, ledger.WithClock(c.Now))
		began := c.Now()
		for _, e := range []ledger.Entry{
			{Kind: ledger.Run, Run: "r"},
			{Kind: ledger.Intent, Run: "r", Topic: "stop@1"},
			{Kind: ledger.Intent, Run: "r/child", Topic: "stop@2"},
			{Kind: ledger.Run, Run: "r2"},
			{Kind: ledger.Run, Run: "r-1"},
			{Kind: ledger.Intent, Run: "r/é", Topic: "stop@1"},
			{Kind: ledger.Switch},
		} {
			e.Body = struct{}{}
			add(t, l, e)
			c.add(time.Minute)
		}
		require.NoError(t, l.View(t.Context(), func(tx ledger.Tx) error {
			for name, tc := range map[string]struct {
				filter ledger.Filter
				want   []int64
			}{
				"everything":       {ledger.Filter{}, []int64{1, 2, 3, 4, 5, 6, 7}},
				"a kind":           {ledger.Filter{Kinds: []ledger.Kind{ledger.Intent}}, []int64{2, 3, 6}},
				"kinds":            {ledger.Filter{Kinds: []ledger.Kind{ledger.Switch, ledger.Run}}, []int64{1, 4, 5, 7}},
				"a run":            {ledger.Filter{Run: "r"}, []int64{1, 2}},
				"its tree":         {ledger.Filter{Run: "r", Tree: true}, []int64{1, 2, 3, 6}},
				"kind in a tree":   {ledger.Filter{Run: "r", Tree: true, Kinds: []ledger.Kind{ledger.Intent}}, []int64{2, 3, 6}},
				"a topic":          {ledger.Filter{Topic: "stop@1"}, []int64{2, 6}},
				"after and limit":  {ledger.Filter{After: 2, Limit: 2}, []int64{3, 4}},
				"nothing":          {ledger.Filter{Run: "r' OR '1'='1"}, nil},
				"a wildcard's run": {ledger.Filter{Run: "%", Tree: true}, nil},
			} {
				records, err := tx.List(tc.filter)
				require.NoError(t, err, name)
				var got []int64
				for _, r := range records {
					got = append(got, r.Seq)
				}
				require.Equal(t, tc.want, got, name)
			}

			n, err := tx.Count(ledger.Intent, began)
			require.NoError(t, err)
			require.Equal(t, map[string]int{"stop@1": 2, "stop@2": 1}, n)
			n, err = tx.Count(ledger.Intent, began.Add(2*time.Minute))
			require.NoError(t, err)
			require.Equal(t, map[string]int{"stop@1": 1, "stop@2": 1}, n, "the one at that very time counts")

			last, found, err := tx.Last(ledger.Run)
			require.NoError(t, err)
			require.True(t, found)
			require.EqualValues(t, 5, last.Seq)
			_, found, err = tx.Last(ledger.Vote)
			require.NoError(t, err)
			require.False(t, found)
			_, found, err = tx.Find("no such key")
			require.NoError(t, err)
			require.False(t, found)
			_, _, err = tx.Find("")
			require.ErrorContains(t, err, "no key was given")
			return nil
		}))
	})
}

func TestWhatIsNotRecorded(t *testing.T) {
	l := ledgertest.Open(t)
	for name, tc := range map[string]struct {
		entry ledger.Entry
		want  string
	}{
		"no kind":            {ledger.Entry{Body: 1}, `a record needs a kind`},
		"a kind with a line": {ledger.Entry{Kind: "a\nb", Body: 1}, `"a\nb" is none`},
		"a body too long": {ledger.Entry{Kind: ledger.Event, Body: strings.Repeat("x", ledger.MaxBody-1)},
			"the body of the event is 1048577 bytes; at most 1048576 are kept"},
		"no JSON":         {ledger.Entry{Kind: ledger.Event, Body: func() {}}, "write the body of the event"},
		"a key too long":  {ledger.Entry{Kind: ledger.Event, Key: strings.Repeat("k", 2501), Body: 1}, "the key of the event is 2501 bytes"},
		"a run too long":  {ledger.Entry{Kind: ledger.Event, Run: strings.Repeat("k", 1001), Body: 1}, "the run of the event is 1001 bytes"},
		"a zero in a key": {ledger.Entry{Kind: ledger.Event, Key: "a\x00", Body: 1}, `is no text: "a\x00"`},
		"bytes in a run":  {ledger.Entry{Kind: ledger.Event, Run: "\xff", Body: 1}, `is no text: "\xff"`},
	} {
		t.Run(name, func(t *testing.T) {
			err := l.Do(t.Context(), func(tx ledger.Tx) error {
				_, err := tx.Append(tc.entry)
				return err
			})
			require.ErrorContains(t, err, tc.want)
		})
	}
	require.Empty(t, all(t, l))
	add(t, l, ledger.Entry{Kind: ledger.Event, Body: strings.Repeat("x", ledger.MaxBody-2)})
}

func TestKeysAreNeverShared(t *testing.T) {
	require.Equal(t, "vote/sha256:aa/ada", ledger.VoteKey("sha256:aa", "ada"))
	require.Equal(t, "use/p/r%2Fchild/step", ledger.UseKey("p", "r/child", "step"))
	require.NotEqual(t, ledger.UseKey("p", "r/child", "step"), ledger.UseKey("p", "r", "child/step"))
	require.NotEqual(t, ledger.UseKey("p", "r", "s/2"), ledger.RetryKey("p", "r", "s", 2))
	require.NotEqual(t, ledger.KeepKey("a%2F", "b"), ledger.KeepKey("a/", "b"))
	event, err := ledger.EventKey("https://example.com/a", "1/2")
	require.NoError(t, err)
	require.Regexp(t, `^event/sha256:[0-9a-f]{64}/1%2F2$`, event)
}
