package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
)

// Proof shows that records are part of the ledger that checkpoints were signed over. Of the records
// between it holds the digests of their contents only, about 80 bytes each, so that one run can be
// shown without the others. That no record of the run was left out it does not show: an export does.
type Proof struct {
	Segments []Segment `json:"segments"`
}

// Segment is a piece of the chain, up to a checkpoint.
type Segment struct {
	First int64         `json:"first"` // Seq of the first record
	Prev  digest.Digest `json:"prev"`  // Hash of the one before it
	// Contents are those of the first record and of all that follow it.
	Contents []digest.Digest `json:"contents"`
	// Checkpoint was signed over the last of them; nil: none was yet.
	Checkpoint *grant.Signed `json:"checkpoint,omitempty"`
}

// errEnough ends a walk.
var errEnough = errors.New("enough")

// Prove makes a proof of records, each to the first checkpoint after it. What it finds changed is a
// *Fault.
func (l *Ledger) Prove(ctx context.Context, records []Record, sealings []Sealing) (Proof, error) {
	sealings = slices.Clone(sealings)
	slices.SortStableFunc(sealings, func(a, b Sealing) int { return cmp.Compare(a.Seq, b.Seq) })
	p := Proof{Segments: []Segment{}}
	covered := int64(0)
	for _, r := range records {
		if r.Seq <= covered {
			continue
		}
		s := Segment{First: r.Seq, Prev: r.Prev}
		to, hash := records[len(records)-1].Seq, digest.Digest("")
		for _, c := range sealings {
			if c.Seq >= r.Seq {
				to, hash, s.Checkpoint = c.Seq, c.Hash, &c.Signed
				break
			}
		}
		if err := l.segment(ctx, &s, to, hash); err != nil {
			return Proof{}, err
		}
		covered = to
		p.Segments = append(p.Segments, s)
	}
	return p, nil
}

// segment fills in the contents up to a record, which must have that hash unless it is "".
func (l *Ledger) segment(ctx context.Context, s *Segment, to int64, hash digest.Digest) error {
	prev, next := s.Prev, s.First
	err := l.each(ctx, s.First-1, func(r Record) error {
		if r.Seq > to {
			return errEnough
		}
		content, err := r.Content()
		if err != nil {
			return err
		}
		if sum, err := link(prev, content); err != nil || r.Seq != next || r.Prev != prev || sum != r.Hash {
			return &Fault{Changed, next, next, "it does not follow the one before, or its hash does not fit what it says"}
		}
		s.Contents, prev, next = append(s.Contents, content), r.Hash, next+1
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return err
	case next <= to:
		return &Fault{Truncated, next, 0, fmt.Sprintf("a checkpoint was signed over record %d", to)}
	case hash != "" && hash != prev:
		return &Fault{Rewritten, s.First, s.First, fmt.Sprintf("records %d to %d are not those that the checkpoint over record %d was signed over", s.First, to, to)}
	}
	return nil
}

// Verify checks that records are those that the proof was made of, and the signatures of the
// checkpoints. It returns how many of them are sealed by one. It needs nothing else.
func (p Proof) Verify(records []Record, keys grant.Keys) (sealed int, err error) {
	left := records
	last := int64(0)
	for _, s := range p.Segments {
		if s.First <= last {
			return 0, fmt.Errorf("the piece of the proof that begins at record %d goes back", s.First)
		}
		n, err := s.follow(left)
		if err != nil {
			return 0, err
		}
		left, last = left[n:], s.First+int64(len(s.Contents))-1
		if s.Checkpoint == nil {
			continue
		}
		if err := s.seal(keys); err != nil {
			return 0, err
		}
		sealed += n
	}
	if len(left) > 0 {
		return 0, &Fault{Inserted, left[0].Seq, 0, "the proof does not know it"}
	}
	return sealed, nil
}

// follow walks the chain, and returns how many of the records, the first ones, it passed.
func (s Segment) follow(records []Record) (n int, err error) {
	prev := s.Prev
	for i, content := range s.Contents {
		seq := s.First + int64(i)
		hash, err := link(prev, content)
		if err != nil {
			return 0, err
		}
		if n < len(records) && records[n].Seq <= seq {
			r := records[n]
			if is, err := r.Content(); err != nil || r.Seq != seq || is != content || r.Prev != prev || r.Hash != hash {
				return 0, &Fault{Changed, r.Seq, 0, "it is not the one that the proof was made of"}
			}
			n++
		}
		prev = hash
	}
	return n, nil
}

// seal checks the checkpoint at the end of a segment that hangs together.
func (s Segment) seal(keys grant.Keys) error {
	c, err := OpenCheckpoint(s.Checkpoint, keys)
	if err != nil {
		return err
	}
	hash := s.Prev
	for _, content := range s.Contents {
		if hash, err = link(hash, content); err != nil {
			return err
		}
	}
	if c.Seq != s.First+int64(len(s.Contents))-1 || c.Hash != hash {
		return &Fault{Rewritten, s.First, 0, fmt.Sprintf("the checkpoint over record %d was signed over another chain", c.Seq)}
	}
	return nil
}
