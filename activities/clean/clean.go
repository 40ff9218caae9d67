// Package clean makes text of somebody else harmless to look at.
//
// A host name, a user agent or a tag can carry terminal escapes, right-to-left overrides or fifty
// kilobytes of text. Line and Block take that out. They are not an escape for any markup: text that
// goes into Slack mrkdwn, HTML or a shell needs that sink's own escaping afterwards.
package clean

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxEscape bounds a control sequence that Line drops as a whole. Real ones have a few digits; a
// longer one is text that somebody wants hidden, and loses its introducer only.
const maxEscape = 32

// Line returns s as one line that is safe to print: for text that stands in a sentence, a field or
// a table cell. Block is for text with lines.
//
//   - terminal control sequences, and control characters with them, are dropped. A sequence that
//     wraps text (a title, a hyperlink) loses its delimiters only, so that no readable text hides in it
//   - line breaks, tabs and every kind of space become a space; CR LF becomes one
//   - format characters (bidi overrides and isolates, zero-width characters, tags), variation
//     selectors, other invisible fillers and private use characters are dropped
//   - invalid UTF-8, and code points without a meaning, become U+FFFD
//
// The result has at most max runes. What does not fit is left out from the end, and a mark says how
// many runes that were: "a long te…[+1203]". The mark counts towards max, and stands alone where
// max has no room for more than the mark.
func Line(s string, max int) string {
	var out strings.Builder
	total := 0
	end := 0 // bytes of out that fit when no mark is needed
	for len(s) > 0 {
		r, size := next(s)
		s = s[size:]
		if r < 0 {
			continue
		}
		total++
		if total <= max {
			out.WriteRune(r)
			end = out.Len()
		}
	}
	if total <= max {
		return out.String()
	}
	kept := max - utf8.RuneCountInString(Mark(total, ""))
	if kept <= 0 {
		return Mark(total, "")
	}
	text := out.String()[:end]
	for range max - kept {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text + Mark(total-kept, "")
}

// Block returns s as at most maxLines lines, each cleaned and cut to maxRunes as Line does: for
// descriptions, command output and other text whose lines mean something. If lines are left out, the
// last line says how many: "…[+12 lines]". A line break at the very end is dropped.
func Block(s string, maxLines, maxRunes int) string {
	lines := []string{} // never more than maxLines, however many there are
	total := 0
	for more := true; more; {
		var line string
		line, s, more = CutLine(s)
		if !more && line == "" && total > 0 {
			break
		}
		total++
		if total <= maxLines {
			lines = append(lines, Line(line, maxRunes))
		}
	}
	if total > maxLines {
		lines = lines[:max(len(lines)-1, 0)]
		lines = append(lines, Mark(total-len(lines), " lines"))
	}
	return strings.Join(lines, "\n")
}

// Mark says how much was left out.
func Mark(n int, unit string) string { return fmt.Sprintf("…[+%d%s]", n, unit) }

// next returns the rune to show for what s begins with, or -1 if that is dropped, and how many
// bytes of s it stands for.
func next(s string) (r rune, size int) {
	r, size = utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		return utf8.RuneError, 1
	case r == '\r' && strings.HasPrefix(s, "\r\n"):
		return ' ', 2
	case unicode.IsSpace(r), unicode.Is(unicode.Z, r):
		return ' ', size
	case r == '\x1b':
		return -1, escape(s)
	case r == '\u009b': // CSI as a single character
		return -1, size + sequence(s[size:])
	case unicode.Is(unicode.Cc, r), invisible(r):
		return -1, size
	case !unicode.IsGraphic(r):
		return utf8.RuneError, size
	}
	return r, size
}

// invisible reports characters that take no room on the screen, or look like nothing there, and so
// make two different texts look the same.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Co, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// escape returns the length of the escape sequence (ECMA-48) that s, which begins with ESC, begins with.
func escape(s string) int {
	if len(s) == 1 {
		return 1
	}
	if s[1] == '[' {
		return 2 + sequence(s[2:])
	}
	// ESC, intermediate bytes, and a final byte. The introducers of strings (OSC, DCS, APC, PM, SOS)
	// have this form too: their text stays, and their terminator goes as an escape of its own.
	i := 1
	for i < len(s) && i < maxEscape && s[i] >= 0x20 && s[i] <= 0x2f {
		i++
	}
	if i < len(s) && s[i] >= 0x30 && s[i] <= 0x7e {
		return i + 1
	}
	return 1
}

// sequence returns the length of the parameters, intermediates and final byte of a control
// sequence, or 0 if s does not complete one.
func sequence(s string) int {
	i := 0
	for i < len(s) && i < maxEscape && s[i] >= 0x20 && s[i] <= 0x3f {
		i++
	}
	if i < len(s) && s[i] >= 0x40 && s[i] <= 0x7e {
		return i + 1
	}
	return 0
}

// CutLine returns s up to its first line break, and what follows the break.
func CutLine(s string) (line, rest string, found bool) {
	i := strings.IndexAny(s, "\n\r\v\f\u0085\u2028\u2029")
	if i < 0 {
		return s, "", false
	}
	_, size := utf8.DecodeRuneInString(s[i:])
	if strings.HasPrefix(s[i:], "\r\n") {
		size = 2
	}
	return s[:i], s[i+size:], true
}
