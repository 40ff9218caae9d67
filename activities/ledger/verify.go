package ledger

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
)

// Report is what a ledger that is in order says of itself.
type Report struct {
	Records int64         `json:"records"`
	First   time.Time     `json:"first,omitzero"`
	Last    time.Time     `json:"last,omitzero"`
	Head    digest.Digest `json:"head,omitempty"` // hash of the last record
	// Sealed is the number of the last record that a checkpoint was signed over. Those after it, and
	// without checkpoints all, may have been rewritten by somebody who may write to the database.
	Sealed      int64 `json:"sealed"`
	Checkpoints int   `json:"checkpoints"` // that were met
}

// Verify reads an export and checks every record, the chain, and the checkpoints. What is wrong
// comes back as a *Fault that names the first bad record; other errors are those of the reader.
// It needs no database and no network.
func Verify(export io.Reader, checkpoints []Checkpoint) (Report, error) {
	v := verifier{lines: newLines(export), want: slices.Clone(checkpoints), last: origin}
	slices.SortStableFunc(v.want, func(a, b Checkpoint) int { return cmp.Compare(a.Seq, b.Seq) })
	for i := 1; i < len(v.want); i++ {
		if a, b := v.want[i-1], v.want[i]; a.Seq == b.Seq && a.Hash != b.Hash {
			return v.report, &Fault{Forked, a.Seq, 0, fmt.Sprintf("two checkpoints were signed over it, and name %s and %s", a.Hash.Short(), b.Hash.Short())}
		}
	}
	for {
		line, err := v.lines.next()
		if errors.Is(err, io.EOF) {
			return v.report, v.end()
		}
		if err == nil {
			err = v.line(line)
		}
		if err != nil {
			return v.report, err
		}
	}
}

type verifier struct {
	lines  *lines
	want   []Checkpoint // not met yet
	report Report
	last   digest.Digest
	hashes [][sha256.Size]byte // of all records so far
}

// line checks what stands where the next record should.
func (v *verifier) line(l line) error {
	next := v.report.Records + 1
	if !l.whole {
		return &Fault{Truncated, next, l.number, "the line does not end: it was cut off"}
	}
	r, err := sealed(l)
	switch {
	case err != nil:
		return v.unreadable(&Fault{Changed, next, l.number, err.Error()})
	case r.Seq < next:
		return v.again(r, l)
	case r.Seq > next:
		return v.gap(r, l)
	case r.Prev != v.last:
		return v.astray(r, l)
	}
	if r.Seq == 1 {
		v.report.First = r.At
	}
	v.report.Records, v.report.Head, v.report.Last, v.last = r.Seq, r.Hash, r.At, r.Hash
	v.hashes = append(v.hashes, raw(r.Hash))
	return v.meet(r)
}

// meet checks a record that follows against the checkpoints over it.
func (v *verifier) meet(r Record) error {
	for len(v.want) > 0 && v.want[0].Seq <= r.Seq {
		c := v.want[0]
		if c.Seq != r.Seq || c.Hash != r.Hash {
			if at := v.sibling(r, c.Hash); at > 0 {
				return &Fault{Forked, r.Seq, r.Seq, fmt.Sprintf("the one that a checkpoint was signed over stands on line %d and follows record %d as well", at, r.Seq-1)}
			}
			return &Fault{Rewritten, v.report.Sealed + 1, v.report.Sealed + 1, fmt.Sprintf(
				"records %d to %d are not those that the checkpoint of %s was signed over, though they fit among themselves; it names %s, and this is %s",
				v.report.Sealed+1, r.Seq, c.At.UTC().Format(time.RFC3339), c.Hash.Short(), r.Hash.Short())}
		}
		v.want = v.want[1:]
		v.report.Checkpoints++
		v.report.Sealed = r.Seq
	}
	return nil
}

// end checks that no checkpoint is left over.
func (v *verifier) end() error {
	if len(v.want) == 0 {
		return nil
	}
	c := v.want[len(v.want)-1]
	return &Fault{Truncated, v.report.Records + 1, 0, fmt.Sprintf(
		"here are %d records, and the checkpoint of %s was signed over %d", v.report.Records, c.At.UTC().Format(time.RFC3339), c.Seq)}
}

// sealed reads a line as a record that has the hash that it ought to have.
func sealed(l line) (Record, error) {
	switch {
	case len(l.text) == 0:
		return Record{}, errors.New("the line is empty")
	case l.long:
		return Record{}, fmt.Errorf("the line is longer than %d bytes, and so than any record", maxLine)
	}
	r, err := Decode(l.text)
	if err != nil {
		return Record{}, err
	}
	sum, err := r.Sum()
	if err != nil {
		return Record{}, err
	}
	if sum != r.Hash {
		return Record{}, fmt.Errorf("it has the hash %s, and what it says has the hash %s", clip(string(r.Hash)), sum.Short())
	}
	return r, nil
}
