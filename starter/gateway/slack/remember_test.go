package slack

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/ledger"
)

// Of ten thousand cards that wait little is remembered, and of those that are over nothing.
func TestMemoryIsSmall(t *testing.T) {
	const cards = 10_000
	m := newMemory()
	heap := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := heap()
	bodies := make([]ledger.MessageBody, cards)
	for i := range cards {
		name, err := digest.Of(i)
		require.NoError(t, err)
		bodies[i] = ledger.MessageBody{Digest: name, Surface: surface, Channel: "C0SECOPS", TS: fmt.Sprintf("1764313200.%06d", i), State: ledger.Posted, Attempt: 1}
		c := m.add(fmt.Sprintf("aws-compromised-access-key/AKIA%016d", i), name)
		m.shown(c, bodies[i])
	}
	each := (heap() - before) / cards
	t.Logf("%d bytes a card", each)
	require.Less(t, each, uint64(4<<10))
	for i, b := range bodies {
		b.State = ledger.Final
		m.shown(m.cards[b.Digest], b)
		require.Nil(t, m.cards[b.Digest], i)
	}
	require.Empty(t, m.cards)
	require.Empty(t, m.runs)
	require.Empty(t, m.messages)
}

// The record is read in its order: the last word of where a card is counts.
func TestShown(t *testing.T) {
	posting := func(channel string, attempt int) ledger.MessageBody {
		return ledger.MessageBody{Channel: channel, State: ledger.Posting, Attempt: attempt}
	}
	at := func(state ledger.MessageState, ts string) ledger.MessageBody {
		return ledger.MessageBody{Channel: "C1", TS: ts, State: state, Attempt: 1}
	}
	for name, tc := range map[string]struct {
		bodies  []ledger.MessageBody
		ts      string // "" is nowhere
		posting bool
		over    bool
	}{
		"begun":                {bodies: []ledger.MessageBody{posting("C1", 1)}, posting: true},
		"posted":               {bodies: []ledger.MessageBody{posting("C1", 1), at(ledger.Posted, "1")}, ts: "1"},
		"superseded":           {bodies: []ledger.MessageBody{at(ledger.Posted, "1"), at(ledger.Superseded, "1")}},
		"another superseded":   {bodies: []ledger.MessageBody{at(ledger.Posted, "1"), at(ledger.Posted, "2"), at(ledger.Superseded, "1")}, ts: "2"},
		"begun anew":           {bodies: []ledger.MessageBody{at(ledger.Posted, "1"), at(ledger.Superseded, "1"), posting("C1", 2)}, posting: true},
		"final":                {bodies: []ledger.MessageBody{at(ledger.Posted, "1"), at(ledger.Final, "1")}, over: true, ts: "1"},
		"final without a word": {bodies: []ledger.MessageBody{{State: ledger.Final}}, over: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			c := m.add("a/1", "sha256:a")
			require.Nil(t, m.add("a/1", "sha256:a"), "it is there")
			for _, b := range tc.bodies {
				m.shown(c, b)
			}
			ts := ""
			if c.message != nil {
				ts = c.message.ts
			}
			require.Equal(t, tc.ts, ts)
			require.Equal(t, tc.posting, c.posting != nil)
			require.Equal(t, tc.over, c.over)
			require.Equal(t, tc.over, m.cards["sha256:a"] == nil)
		})
	}
}
