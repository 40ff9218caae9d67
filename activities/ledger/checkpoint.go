package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/countersign/countersign/activities/digest"
	"github.com/countersign/countersign/activities/grant"
)

// Checkpoint says which record was the last one at a time, and so which all of them were: its hash
// covers those before it. Signed, and kept where the ledger's own operators cannot reach it, it
// shows what a chain alone cannot: a tail that was cut off, and records that were written anew.
type Checkpoint struct {
	Seq  int64         `json:"seq"`
	Hash digest.Digest `json:"hash"`
	At   time.Time     `json:"at"`
}

// maxCheckpoint bounds a signed checkpoint as a line, in bytes.
const maxCheckpoint = 4096

// OpenCheckpoint checks a signed checkpoint and reads it.
func OpenCheckpoint(signed *grant.Signed, keys grant.Keys) (Checkpoint, error) {
	var c Checkpoint
	if err := keys.Open(signed, grant.KindCheckpoint, &c); err != nil {
		return Checkpoint{}, err
	}
	if c.Seq < 1 {
		return Checkpoint{}, fmt.Errorf("the checkpoint is over record %d, and the first is 1", c.Seq)
	}
	return c, nil
}

// SignCheckpoint signs a checkpoint.
func SignCheckpoint(signer grant.Signer, c Checkpoint) (grant.Signed, error) {
	signed, err := signer.Sign(grant.KindCheckpoint, c)
	if err != nil {
		return grant.Signed{}, fmt.Errorf("sign the checkpoint over record %d: %w", c.Seq, err)
	}
	return signed, nil
}

// Sealing is a checkpoint with its signature.
type Sealing struct {
	Checkpoint
	Signed grant.Signed
}

// ReadCheckpoints reads a file of signed checkpoints, one a line, and believes those signed with one
// of the keys. One that is not makes it fail: nothing but checkpoints belongs there.
func ReadCheckpoints(r io.Reader, keys grant.Keys) ([]Sealing, error) {
	return readCheckpoints(r, keys, false)
}

// readCheckpoints may leave out those that were signed with keys that it was not given.
func readCheckpoints(r io.Reader, keys grant.Keys, known bool) ([]Sealing, error) {
	var read []Sealing
	ids := keys.IDs()
	for in := newLines(r); ; {
		l, err := in.next()
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the checkpoints: %w", err)
		}
		var s Sealing
		if err = decodeSigned(l, &s.Signed); err == nil {
			if known && !slices.Contains(ids, s.Signed.Key) {
				continue
			}
			s.Checkpoint, err = OpenCheckpoint(&s.Signed, keys)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the checkpoints: %w", l.number, err)
		}
		read = append(read, s)
	}
}

// Over are the checkpoints without their signatures, as Verify wants them.
func Over(sealings []Sealing) []Checkpoint {
	over := make([]Checkpoint, len(sealings))
	for i, s := range sealings {
		over[i] = s.Checkpoint
	}
	return over
}

func decodeSigned(l line, into *grant.Signed) error {
	switch {
	case !l.whole:
		return errors.New("it does not end: it was cut off")
	case len(l.text) > maxCheckpoint:
		return fmt.Errorf("it is longer than %d bytes", maxCheckpoint)
	}
	dec := json.NewDecoder(bytes.NewReader(l.text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("it is no signed checkpoint: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it is no signed checkpoint: more follows it")
	}
	return nil
}
