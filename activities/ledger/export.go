package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/countersign/countersign/activities/digest"
)

// maxLine bounds a line of an export: names and hashes beside the longest body.
const maxLine = MaxBody + 64<<10

// Line is a record as one line of an export: canonical JSON and a line feed.
func (r Record) Line() ([]byte, error) {
	line, err := digest.Canonical(r)
	if err != nil {
		return nil, fmt.Errorf("write record %d: %w", r.Seq, err)
	}
	return append(line, '\n'), nil
}

// Decode reads a line of an export, without its line feed. There is one way to write a record: what
// reads the same and is written otherwise is refused, so that an edit of any byte shows.
func Decode(line []byte) (Record, error) {
	var r Record
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("read a record: %w", err)
	}
	again, err := r.Line()
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(again[:len(again)-1], line) {
		return Record{}, errors.New("read a record: it is not written as the ledger writes it")
	}
	r.At = r.At.UTC()
	return r, nil
}

// Export writes all records that there are when it begins, as they are: also those that were
// changed. It returns how many it wrote.
func (l *Ledger) Export(ctx context.Context, w io.Writer) (int64, error) {
	var written int64
	out := bufio.NewWriter(w)
	err := l.each(ctx, 0, func(r Record) error {
		line, err := r.Line()
		if err != nil { // somebody put something in the place of the body that is no JSON
			if r.Body, err = json.Marshal(string(r.Body)); err != nil {
				return err
			}
			if line, err = r.Line(); err != nil {
				return err
			}
		}
		written++
		_, err = out.Write(line)
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return written, l.failed("export", err)
	}
	return written, nil
}

// each calls f for the records after a number, up to the last one when it begins, unchecked. It reads
// page by page: what is append-only needs no long transaction to be read whole.
func (l *Ledger) each(ctx context.Context, after int64, f func(Record) error) error {
	var head int64
	for first := true; first || after < head; first = false {
		var records []Record
		err := l.View(ctx, func(view Tx) (err error) {
			t := view.(*tx)
			if t.unchecked = true; first {
				head = t.seq
			}
			records, err = t.List(Filter{After: after})
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Seq > head {
				return nil
			}
			if err := f(r); err != nil {
				return err
			}
			after = r.Seq
		}
		if len(records) == 0 {
			return nil
		}
	}
	return nil
}
