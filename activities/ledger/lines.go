package ledger

import (
	"bufio"
	"errors"
	"io"
)

// line is one line of a file.
type line struct {
	number int64 // from 1
	text   []byte
	whole  bool // it ends with a line feed
	long   bool // it is longer than what is kept of it
}

// lines reads lines, and keeps at most maxLine bytes of one.
type lines struct {
	in     *bufio.Reader
	number int64
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line; its text is the caller's.
func (l *lines) next() (line, error) {
	l.number++
	next := line{number: l.number}
	for {
		part, err := l.in.ReadSlice('\n')
		if n := len(part); n > 0 && part[n-1] == '\n' {
			part, next.whole = part[:n-1], true
		}
		if len(next.text)+len(part) > maxLine {
			next.long = true
		} else {
			next.text = append(next.text, part...)
		}
		switch {
		case err == nil:
			return next, nil
		case errors.Is(err, io.EOF) && len(next.text) > 0:
			return next, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return line{}, err
		}
	}
}
