// Package logs is how the worker and the gateway log: JSON, one object a line.
//
// What a line says may come from an event, a reason or a name, which others have written. JSON
// escapes line breaks, so nobody makes a line of their own; but it leaves the C1 controls, by which
// some terminals are steered as by ESC, and characters that turn the direction of writing or are not
// seen. Here these are escaped too, so that a log can be looked at with anything. It means the same.
package logs

import (
	"fmt"
	"io"
	"log/slog"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// New returns a logger that writes to w, a line at a time.
func New(w io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(escaping{w}, nil)) }

type escaping struct{ to io.Writer }

// Write takes whole lines of JSON, as the handler gives them.
func (e escaping) Write(line []byte) (int, error) {
	var out []byte // nil: nothing has to be escaped
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		if !shows(r) && out == nil {
			out = append(make([]byte, 0, len(line)+64), line[:i]...)
		}
		switch {
		case out == nil:
		case shows(r):
			out = append(out, line[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	if out == nil {
		return e.to.Write(line)
	}
	if _, err := e.to.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}

// shows reports what may stand in a line as it is. Below the space there is only the line's end:
// the handler escapes the others.
func shows(r rune) bool {
	if r < utf8.RuneSelf {
		return r != 0x7f
	}
	return unicode.IsGraphic(r) && (r == ' ' || !unicode.Is(unicode.Z, r)) && !unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
