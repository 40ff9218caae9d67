package ledger_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

// seal signs a checkpoint over a record.
func seal(t testing.TB, r ledger.Record) ledger.Sealing {
	t.Helper()
	s, err := ledger.SignCheckpoint(signer, over(r))
	require.NoError(t, err)
	return ledger.Sealing{Checkpoint: over(r), Signed: s}
}

// proven is a ledger of 20 records, of which 3, 5, 11 and 17 are a run's; checkpoints over 8, 9 and 14.
func proven(t *testing.T, url string) (*ledger.Ledger, []ledger.Record, []ledger.Sealing) {
	t.Helper()
	l := ledgertest.OpenURL(t, url)
	for i := range 20 {
		run := ""
		if slices.Contains([]int{3, 5, 11, 17}, i+1) {
			run = "mine"
		}
		add(t, l, ledger.Entry{Kind: ledger.Keep, Run: run, Body: ledger.KeepBody{Step: string(rune('a' + i))}})
	}
	records := all(t, l)
	var mine []ledger.Record
	for _, r := range records {
		if r.Run == "mine" {
			mine = append(mine, r)
		}
	}
	return l, mine, []ledger.Sealing{seal(t, records[13]), seal(t, records[7]), seal(t, records[8])}
}

func TestProof(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l, mine, sealings := proven(t, url)
		p, err := l.Prove(t.Context(), mine, sealings)
		require.NoError(t, err)
		var pieces [][2]int64
		for _, s := range p.Segments {
			pieces = append(pieces, [2]int64{s.First, int64(len(s.Contents))})
		}
		require.Equal(t, [][2]int64{{3, 6}, {11, 4}, {17, 1}}, pieces, "each to the first checkpoint after it")
		sealed, err := p.Verify(mine, signer.Keys())
		require.NoError(t, err)
		require.Equal(t, 3, sealed, "no checkpoint is over 17 yet")

		p, err = l.Prove(t.Context(), mine, nil)
		require.NoError(t, err)
		require.Len(t, p.Segments, 1)
		sealed, err = p.Verify(mine, signer.Keys())
		require.NoError(t, err)
		require.Zero(t, sealed)

		raw, err := json.Marshal(p)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "step", "it shows nothing of the records between")
	})
}

func TestAChangedLedgerProvesNothing(t *testing.T) {
	for name, tc := range map[string]struct{ statement, want string }{
		"a record between":  {"UPDATE records SET topic = 'x' WHERE seq = 6", "record 6 (line 6): changed"},
		"taken out":         {"DELETE FROM records WHERE seq = 6", "record 6 (line 6): changed"},
		"the tail":          {"DELETE FROM records WHERE seq > 12", "record 13: truncated"},
		"another's hash":    {"UPDATE records SET hash = 'x' WHERE seq = 6", "record 6 (line 6): changed"},
		"one of the others": {"UPDATE records SET body = '{}' WHERE seq = 14", "record 14 (line 14): changed"},
	} {
		t.Run(name, func(t *testing.T) {
			url := ledgertest.SQLite(t)
			l, mine, sealings := proven(t, url)
			db := raw(t, url)
			for _, statement := range []string{"DROP TRIGGER records_update", "DROP TRIGGER records_delete", tc.statement} {
				_, err := db.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			_, err := l.Prove(t.Context(), mine, sealings)
			require.ErrorContains(t, err, tc.want)
		})
	}
	l, mine, _ := proven(t, ledgertest.SQLite(t))
	forged := all(t, l)[13]
	forged.Hash = mine[0].Hash
	_, err := l.Prove(t.Context(), mine, []ledger.Sealing{seal(t, forged)})
	require.ErrorContains(t, err, "record 3 (line 3): rewritten: records 3 to 14 are not those that the checkpoint over record 14")
}

// Whatever single thing is changed in the records or in the proof, it does not verify as sealed.
func TestAChangedProofDoesNotHold(t *testing.T) {
	l, mine, sealings := proven(t, ledgertest.SQLite(t))
	mine = mine[:3] // those that are sealed
	genuine, err := l.Prove(t.Context(), mine, sealings)
	require.NoError(t, err)
	raw, err := json.Marshal(genuine)
	require.NoError(t, err)
	other := digest.Digest("sha256:" + string(mine[0].Hash[7:69]) + "00")
	rapid.Check(t, func(t *rapid.T) {
		var p ledger.Proof
		require.NoError(t, json.Unmarshal(raw, &p))
		records := slices.Clone(mine)
		i := rapid.IntRange(0, len(records)-1).Draw(t, "record")
		s := &p.Segments[rapid.IntRange(0, len(p.Segments)-1).Draw(t, "segment")]
		switch rapid.SampledFrom([]string{"body", "run", "seq", "hash", "prev", "drop a segment", "content", "before", "first", "checkpoint", "twice", "swap", "more", "less"}).Draw(t, "edit") {
		case "body":
			records[i].Body = []byte(`{"run":"","step":"x"}`)
		case "run":
			records[i].Run = "another"
		case "seq":
			records[i].Seq++
		case "hash":
			records[i].Hash = other
		case "prev":
			records[i].Prev = other
		case "drop a segment":
			p.Segments = p.Segments[:1]
		case "content":
			s.Contents[rapid.IntRange(0, len(s.Contents)-1).Draw(t, "content")] = other
		case "before":
			s.Prev = other
		case "first":
			s.First += int64(rapid.SampledFrom([]int{-3, -1, 1, 2, 1 << 40}).Draw(t, "by"))
		case "checkpoint":
			s.Checkpoint.Signature[rapid.IntRange(0, 63).Draw(t, "byte")] ^= 1
		case "twice":
			records = slices.Insert(records, i, records[i])
		case "swap":
			j := (i + 1) % len(records)
			records[i], records[j] = records[j], records[i]
		case "more":
			s.Contents = append(s.Contents, other)
		case "less":
			s.Contents = s.Contents[:len(s.Contents)-1]
		}
		if sealed, err := p.Verify(records, signer.Keys()); err == nil {
			t.Fatalf("it holds, with %d records sealed", sealed)
		}
	})
	_, err = genuine.Verify(mine, grant.Keys{})
	require.ErrorIs(t, err, grant.ErrForged)
	var fault *ledger.Fault
	_, err = ledger.Proof{}.Verify(mine, signer.Keys())
	require.True(t, errors.As(err, &fault), err)
}
