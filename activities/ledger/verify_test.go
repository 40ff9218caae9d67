package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/activities/ledger/ledgertest"
)

// signer is the same in all tests.
var signer = grant.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))

// chain is a ledger of n records, without a database.
func chain(n int) []ledger.Record {
	records := make([]ledger.Record, n)
	for i := range records {
		records[i] = ledger.Record{
			Seq: int64(i + 1), At: time.Date(2026, 3, 14, 9, i, 0, 0, time.UTC), Kind: ledger.Vote, Run: fmt.Sprint("run-", i%3),
			Key: fmt.Sprint("vote/", i), Body: []byte(fmt.Sprintf(`{"person":"p%d","verdict":"approve"}`, i)),
		}
	}
	return rehash(records, 0)
}

// rehash makes the records fit together from one of them on, as somebody could who may write all.
func rehash(records []ledger.Record, from int) []ledger.Record {
	records = slices.Clone(records)
	for i := from; i < len(records); i++ {
		records[i].Prev = digest.Digest("sha256:" + strings.Repeat("0", 64))
		if i > 0 {
			records[i].Prev = records[i-1].Hash
		}
		records[i].Hash = sum(records[i])
	}
	return records
}

func sum(r ledger.Record) digest.Digest {
	s, err := r.Sum()
	if err != nil {
		panic(err)
	}
	return s
}

func export(records []ledger.Record) []byte {
	var out []byte
	for _, r := range records {
		line, err := r.Line()
		if err != nil {
			panic(err)
		}
		out = append(out, line...)
	}
	return out
}

func over(r ledger.Record) ledger.Checkpoint {
	return ledger.Checkpoint{Seq: r.Seq, Hash: r.Hash, At: r.At.Add(time.Minute)}
}

// forge is another vote in a record's place.
func forge(r ledger.Record) ledger.Record {
	r.Body = []byte(`{"person":"mallory","verdict":"approve"}`)
	r.Hash = sum(r)
	return r
}

// What somebody may do to a ledger, and what is said of it. Records 1 to 10; checkpoints over 4 and 8
// in those cases that say so.
func TestAttacks(t *testing.T) {
	genuine := chain(10)
	checkpoints := []ledger.Checkpoint{over(genuine[3]), over(genuine[7])}
	none := []ledger.Checkpoint(nil)
	lines := func(change func([]ledger.Record) []ledger.Record) []byte {
		return export(change(slices.Clone(genuine)))
	}
	for name, tc := range map[string]struct {
		export      []byte
		checkpoints []ledger.Checkpoint
		want        string
	}{
		"a flipped byte": {
			bytes.Replace(export(genuine), []byte(`"p4"`), []byte(`"q4"`), 1), none,
			"record 5 (line 5): changed: it has the hash",
		},
		"a byte that means nothing": {
			bytes.Replace(export(genuine), []byte(`"person":"p4"`), []byte(`"person": "p4"`), 1), none,
			"record 5 (line 5): changed: read a record: it is not written as the ledger writes it",
		},
		"a field more": {
			bytes.Replace(export(genuine), []byte(`,"seq":5}`), []byte(`,"seq":5,"x":1}`), 1), none,
			`record 5 (line 5): changed: read a record: json: unknown field "x"`,
		},
		"a field twice": {
			bytes.Replace(export(genuine), []byte(`,"seq":5}`), []byte(`,"seq":5,"seq":5}`), 1), none,
			"record 5 (line 5): changed: read a record: it is not written as the ledger writes it",
		},
		"a changed record with a hash that fits": {
			lines(func(r []ledger.Record) []ledger.Record { r[4] = forge(r[4]); return r }), none,
			"record 5 (line 5): changed: it was written anew, with a hash that fits: record 6 follows another one",
		},
		"a record taken out": {
			lines(func(r []ledger.Record) []ledger.Record { return slices.Delete(r, 4, 5) }), none,
			"record 5 (line 5): missing: here is record 6",
		},
		"records taken out": {
			lines(func(r []ledger.Record) []ledger.Record { return slices.Delete(r, 4, 7) }), none,
			"record 5 (line 5): missing: so are those up to 7: here is record 8",
		},
		"a record taken out, the others numbered anew": {
			lines(func(r []ledger.Record) []ledger.Record {
				r = slices.Delete(r, 4, 5)
				for i := 4; i < len(r); i++ {
					r[i].Seq--
					r[i].Hash = sum(r[i])
				}
				return r
			}), none,
			"record 5 (line 5): changed: it follows another record than the 4 that stands before it",
		},
		"two records in each other's place": {
			lines(func(r []ledger.Record) []ledger.Record { r[4], r[6] = r[6], r[4]; return r }), none,
			"record 5 (line 5): moved: it stands on line 7, and here is record 7",
		},
		"a copy before its time": {
			lines(func(r []ledger.Record) []ledger.Record { return slices.Insert(r, 4, r[7]) }), none,
			"record 5 (line 5): inserted: the record itself stands on line 6, and here is record 8, which is there a second time",
		},
		"a copy later on": {
			lines(func(r []ledger.Record) []ledger.Record { return slices.Insert(r, 7, r[4]) }), none,
			"record 5 (line 8): inserted: it is there a second time, in the place of record 8",
		},
		"a line in between": {
			bytes.Replace(export(genuine), []byte("\n"), []byte("\nnonsense\n"), 1), none,
			"record 2 (line 2): inserted: the record itself stands on line 3, and this line is none",
		},
		"an empty line": {
			bytes.Replace(export(genuine), []byte("\n"), []byte("\n\n"), 1), none,
			"record 2 (line 2): inserted: the record itself stands on line 3, and this line is none",
		},
		"an empty line at the end": {
			append(export(genuine), '\n'), checkpoints,
			"record 11 (line 11): changed: the line is empty",
		},
		"a forged record in between that follows nothing": {
			lines(func(r []ledger.Record) []ledger.Record {
				forged := r[4]
				forged.Prev = r[0].Hash
				return slices.Insert(r, 4, forge(forged))
			}), none,
			"record 5 (line 5): inserted: the record itself stands on line 6, and this one follows something else",
		},
		"a fork": {
			lines(func(r []ledger.Record) []ledger.Record { return slices.Insert(r, 5, forge(r[4])) }), none,
			"record 5 (line 6): forked: here is another one that follows record 4 as well",
		},
		"a fork whose forged side comes first": {
			lines(func(r []ledger.Record) []ledger.Record { return slices.Insert(r, 4, forge(r[4])) }), none,
			"record 5 (line 6): forked: here is another one that follows record 4 as well",
		},
		"the other side of a fork, with the checkpoints of this one": {
			export(rehash(append(slices.Clone(genuine[:4]), forge(genuine[4]), genuine[5], genuine[6], genuine[7]), 4)), checkpoints,
			"record 5 (line 5): rewritten: records 5 to 8 are not those that the checkpoint of 2026-03-14T09:08:00Z was signed over",
		},
		"two checkpoints over one record": {
			export(genuine), []ledger.Checkpoint{over(genuine[4]), over(forge(genuine[4]))},
			"record 5: forked: two checkpoints were signed over it",
		},
		"the tail cut off": {
			export(genuine[:6]), checkpoints,
			"record 7: truncated: here are 6 records, and the checkpoint of 2026-03-14T09:08:00Z was signed over 8",
		},
		"everything cut off": {
			nil, checkpoints,
			"record 1: truncated: here are 0 records",
		},
		"a cut through a line": {
			export(genuine)[:len(export(genuine[:6]))+20], none,
			"record 7 (line 7): truncated: the line does not end",
		},
		"the beginning cut off": {
			export(genuine[2:]), none,
			"record 1 (line 1): missing: so are those up to 2: here is record 3",
		},
		"the beginning cut off, the others numbered anew": {
			lines(func(r []ledger.Record) []ledger.Record {
				r[1].Seq = 1
				r[1].Hash = sum(r[1])
				return r[1:]
			}), none,
			"record 1 (line 1): changed: it follows another record, and is the first",
		},
		"all written anew": {
			export(rehash(append([]ledger.Record{forge(genuine[0])}, genuine[1:]...), 0)), checkpoints,
			"record 1 (line 1): rewritten: records 1 to 4 are not those",
		},
		"a number below one": {
			lines(func(r []ledger.Record) []ledger.Record { r[4].Seq = -5; r[4].Hash = sum(r[4]); return r }), none,
			"record 5 (line 5): inserted: here is one that calls itself -5",
		},
		"a line without an end": {
			bytes.Repeat([]byte("x"), 3<<20), none,
			"record 1 (line 1): truncated: the line does not end",
		},
		"a line that is too long": {
			append(bytes.Repeat([]byte("x"), 3<<20), '\n'), none,
			"record 1 (line 1): changed: the line is longer than 1114112 bytes, and so than any record",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.Verify(bytes.NewReader(tc.export), tc.checkpoints)
			var fault *ledger.Fault
			require.ErrorAs(t, err, &fault)
			require.Contains(t, err.Error(), tc.want)
		})
	}
}

func TestALedgerInOrder(t *testing.T) {
	genuine := chain(10)
	report, err := ledger.Verify(bytes.NewReader(export(genuine)), []ledger.Checkpoint{over(genuine[7]), over(genuine[3]), over(genuine[3])})
	require.NoError(t, err)
	require.Equal(t, ledger.Report{
		Records: 10, First: genuine[0].At, Last: genuine[9].At, Head: genuine[9].Hash, Sealed: 8, Checkpoints: 3,
	}, report)
	report, err = ledger.Verify(strings.NewReader(""), nil)
	require.NoError(t, err)
	require.Zero(t, report)
	_, err = ledger.Verify(failing{}, nil)
	require.ErrorIs(t, err, errFailing)
}

var errFailing = errors.New("the disk is gone")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFailing }

// Whatever single thing is done to an export, it shows, and where it was done.
func TestEverySingleEditIsNamed(t *testing.T) {
	genuine := chain(12)
	whole := export(genuine)
	ends := make([]int, len(genuine)) // of the lines
	for i := range genuine {
		ends[i] = len(export(genuine[:i+1]))
	}
	at := func(offset int) int64 { // the record of a byte
		i, _ := slices.BinarySearch(ends, offset+1)
		return int64(i + 1)
	}
	head := []ledger.Checkpoint{over(genuine[11])}
	rapid.Check(t, func(t *rapid.T) {
		var edited []byte
		var want int64
		var wrong []ledger.Wrong
		record := func(label string) int { return rapid.IntRange(0, len(genuine)-1).Draw(t, label) }
		records := slices.Clone(genuine)
		switch rapid.SampledFrom([]string{"flip", "cut a byte", "add a byte", "delete", "swap", "copy", "truncate", "fork", "anew"}).Draw(t, "edit") {
		case "flip":
			offset := rapid.IntRange(0, len(whole)-1).Draw(t, "offset")
			edited = bytes.Clone(whole)
			edited[offset] ^= byte(rapid.IntRange(1, 255).Draw(t, "mask"))
			want, wrong = at(offset), []ledger.Wrong{ledger.Changed, ledger.Truncated}
		case "cut a byte":
			offset := rapid.IntRange(0, len(whole)-1).Draw(t, "offset")
			edited = slices.Delete(bytes.Clone(whole), offset, offset+1)
			want, wrong = at(offset), []ledger.Wrong{ledger.Changed, ledger.Truncated}
		case "add a byte":
			offset := rapid.IntRange(0, len(whole)-1).Draw(t, "offset")
			b := rapid.Byte().Draw(t, "byte")
			edited = slices.Insert(bytes.Clone(whole), offset, b)
			want, wrong = at(offset), []ledger.Wrong{ledger.Changed, ledger.Inserted}
			if b == '\n' && whole[offset] == '\n' { // an empty line after a record that is whole
				want++
			}
		case "delete":
			i := record("record")
			edited = export(slices.Delete(records, i, i+1))
			want, wrong = int64(i+1), []ledger.Wrong{ledger.Missing, ledger.Truncated}
		case "swap":
			i, j := record("record"), record("with")
			if i == j {
				t.Skip()
			}
			records[i], records[j] = records[j], records[i]
			edited = export(records)
			want, wrong = int64(min(i, j)+1), []ledger.Wrong{ledger.Moved}
		case "copy":
			i, to := record("record"), record("to")
			edited = export(slices.Insert(records, to, records[i]))
			want, wrong = int64(min(i, to)+1), []ledger.Wrong{ledger.Inserted}
		case "truncate":
			offset := rapid.IntRange(0, len(whole)-1).Draw(t, "offset")
			edited = whole[:offset]
			want, wrong = at(offset), []ledger.Wrong{ledger.Truncated}
		case "fork":
			i := record("record")
			edited = export(slices.Insert(records, i+rapid.IntRange(0, 1).Draw(t, "side"), forge(records[i])))
			want, wrong = int64(i+1), []ledger.Wrong{ledger.Forked}
		case "anew":
			i := record("record")
			records[i] = forge(records[i])
			edited = export(records)
			want, wrong = int64(i+1), []ledger.Wrong{ledger.Changed, ledger.Rewritten}
			if i == len(records)-1 { // only the checkpoint tells, and it covers all
				want = 1
			}
		}
		_, err := ledger.Verify(bytes.NewReader(edited), head)
		var fault *ledger.Fault
		if !errors.As(err, &fault) {
			t.Fatalf("not seen: %v", err)
		}
		if fault.Seq != want || !slices.Contains(wrong, fault.Wrong) {
			t.Fatalf("%v; want record %d to be one of %v", fault, want, wrong)
		}
	})
}

// What a database holds, exported, is in order, and what was changed in it is named.
func TestExport(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.OpenURL(t, url)
		require.NoError(t, l.Do(t.Context(), func(tx ledger.Tx) error {
			for i := range 2100 { // more than two pages
				if _, err := tx.Append(ledger.Entry{Kind: ledger.Switch, Run: "r", Body: ledger.SwitchBody{By: fmt.Sprint(i)}}); err != nil {
					return err
				}
			}
			return nil
		}))
		var out bytes.Buffer
		n, err := l.Export(t.Context(), &out)
		require.NoError(t, err)
		require.EqualValues(t, 2100, n)
		report, err := ledger.Verify(bytes.NewReader(out.Bytes()), nil)
		require.NoError(t, err)
		require.EqualValues(t, 2100, report.Records)

		drop := "DROP TRIGGER records_update"
		if !strings.HasPrefix(url, "sqlite:") {
			drop += " ON records"
		}
		db := raw(t, url)
		for _, statement := range []string{drop, `UPDATE records SET body = 'no JSON' WHERE seq = 1777`} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		out.Reset()
		_, err = l.Export(t.Context(), &out)
		require.NoError(t, err, "also what was changed is exported")
		_, err = ledger.Verify(&out, nil)
		require.ErrorContains(t, err, "record 1777 (line 1777): changed")

		_, err = l.Export(t.Context(), full{})
		require.ErrorContains(t, err, "export the ledger")
		require.ErrorIs(t, err, errFailing)
	})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFailing }

func FuzzDecode(f *testing.F) {
	for _, r := range chain(3) {
		line, err := r.Line()
		require.NoError(f, err)
		f.Add(line[:len(line)-1])
	}
	for _, seed := range []string{``, `{}`, `null`, `[]`, `{"seq":1e3}`, `{"Seq":1}`, `{"at":"0000-01-01T00:00:00Z","body":null,"hash":"","kind":"","prev":"","seq":0}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ledger.Decode(in)
		if err != nil {
			return
		}
		line, err := r.Line()
		require.NoError(t, err)
		require.Equal(t, string(in)+"\n", string(line), "there is one way to write a record")
		_, err = r.Sum()
		require.NoError(t, err)
	})
}
