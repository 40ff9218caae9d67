package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/countersign/countersign/activities/digest"
)

// What stands in the wrong place may be one of several things. The lines after it tell which.

// unreadable is a line that is no record, or one that was changed: if the one that belongs there
// comes later, somebody put it in between.
func (v *verifier) unreadable(f *Fault) error {
	if at, _ := v.search(Record{}); at > 0 {
		f.Wrong, f.Why = Inserted, fmt.Sprintf("the record itself stands on line %d, and this line is none: %s", at, f.Why)
	}
	return f
}

// again is a number that was there before.
func (v *verifier) again(r Record, l line) error {
	f := &Fault{Inserted, r.Seq, l.number, fmt.Sprintf("it is there a second time, in the place of record %d", v.report.Records+1)}
	before := origin
	switch {
	case r.Seq < 1:
		f.Seq, f.Why = v.report.Records+1, fmt.Sprintf("here is one that calls itself %d", r.Seq)
		return f
	case v.hashes[r.Seq-1] == raw(r.Hash):
		return f
	case r.Seq > 1:
		before = digest.Digest("sha256:" + hex.EncodeToString(v.hashes[r.Seq-2][:]))
	}
	f.Why = fmt.Sprintf("here is another record of that number, in the place of record %d", v.report.Records+1)
	if r.Prev == before {
		f.Wrong, f.Why = Forked, fmt.Sprintf("here is another one that follows record %d as well", r.Seq-1)
	}
	return f
}

// gap is a number that is too high.
func (v *verifier) gap(r Record, l line) error {
	f := &Fault{Missing, v.report.Records + 1, l.number, fmt.Sprintf("here is record %d", r.Seq)}
	switch at, twice := v.search(r); {
	case at > 0 && twice:
		f.Wrong, f.Why = Inserted, fmt.Sprintf("the record itself stands on line %d, and here is record %d, which is there a second time", at, r.Seq)
	case at > 0:
		f.Wrong, f.Why = Moved, fmt.Sprintf("it stands on line %d, and here is record %d", at, r.Seq)
	case r.Seq > f.Seq+1:
		f.Why = fmt.Sprintf("so are those up to %d: here is record %d", r.Seq-1, r.Seq)
	}
	return f
}

// astray is a record with the right number and a hash that fits, which follows another one than what
// stands before it. Either it was written anew or the one before was.
func (v *verifier) astray(r Record, l line) error {
	next := r.Seq
	f := &Fault{Changed, next, l.number, fmt.Sprintf("it follows another record than the %d that stands before it", next-1)}
	if next == 1 {
		f.Why = "it follows another record, and is the first"
	}
	after, err := v.lines.next()
	at := int64(0)
	var follows bool
	if err == nil {
		following, wrong := sealed(after)
		follows = wrong == nil && following.Seq == next+1 && following.Prev == r.Hash
		if wrong == nil && following.Seq == next && following.Prev == v.last {
			at = after.number
		} else {
			at, _ = v.search(Record{})
		}
	}
	switch {
	case at > 0:
		f.Wrong, f.Why = Inserted, fmt.Sprintf("the record itself stands on line %d, and this one follows something else", at)
	case next > 1 && v.report.Sealed < next-1 && (follows || err != nil):
		f.Seq, f.Line = next-1, l.number-1
		f.Why = fmt.Sprintf("it was written anew, with a hash that fits: record %d follows another one", next)
	}
	return f
}

// search looks in the lines that are left for the record that should have come next, and for a
// second copy of what came instead.
func (v *verifier) search(instead Record) (at int64, twice bool) {
	for {
		l, err := v.lines.next()
		if err != nil {
			return at, twice
		}
		r, err := sealed(l)
		if err != nil {
			continue
		}
		if at == 0 && r.Seq == v.report.Records+1 && r.Prev == v.last {
			at = l.number
		}
		twice = twice || instead.Hash != "" && r.Hash == instead.Hash
	}
}

// sibling looks in the lines that are left for the record with that hash which follows the same one.
func (v *verifier) sibling(of Record, hash digest.Digest) int64 {
	for {
		l, err := v.lines.next()
		if err != nil {
			return 0
		}
		if r, err := sealed(l); err == nil && r.Seq == of.Seq && r.Hash == hash && r.Prev == of.Prev {
			return l.number
		}
	}
}

// raw is a digest as bytes: millions of them are kept.
func raw(d digest.Digest) (sum [sha256.Size]byte) {
	_, _ = hex.Decode(sum[:], []byte(strings.TrimPrefix(string(d), "sha256:"))) // it was just made
	return sum
}

func clip(s string) string { return fmt.Sprintf("%q", s[:min(len(s), 80)]) }
