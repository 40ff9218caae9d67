package card

import (
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/activities/clean"
)

// Text of somebody else could imitate the card around it: with line breaks, or with a line so long
// that the terminal breaks it. So it stands behind bars, in rows that fit the screen:
//
//	│ Disable the access key of ci-deployer, which was last used for s3 in ↩
//	│ us-east-1?
//
// What has a bar was said by somebody, what has none is ours. A row that ends in ↩ goes on in the
// next one.
const (
	bar  = "│ "
	more = "↩"

	// screen is how many columns every terminal has.
	screen = 80
	// maxRows bounds a text; what is left out is counted. The JSON form of a story has all of it.
	maxRows = 12
	// minWidth bounds how narrow a deep indent makes a text.
	minWidth = 30
)

// said returns text of somebody else as the rows that stand at an indent. Blank lines at its end
// are dropped.
func said(s string, indent int) []string {
	width := max(screen-indent-utf8.RuneCountInString(bar), minWidth)
	var rows []string // never more than maxRows, however long the text
	total, blank := 0, 0
	row := func(text string) {
		if total++; total <= maxRows {
			rows = append(rows, bar+text)
		}
	}
	for again := true; again; {
		var line string
		line, s, again = clean.CutLine(s)
		line = strings.TrimRight(Clean(line, whole), " ")
		if line == "" {
			blank++
			continue
		}
		for ; blank > 0; blank-- {
			row("")
		}
		for text := range wrap(line, width) {
			row(text)
		}
	}
	if total > maxRows {
		rows = append(rows[:maxRows-1], bar+clean.Mark(total-maxRows+1, " lines"))
	}
	return rows
}

// wrap breaks a line, behind a space where there is one not too far back. It loses nothing.
func wrap(line string, width int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for columns(line) > width {
			end, space, used := 0, 0, 0
			for i, r := range line {
				if used += wide(r); used > width-wide('↩') {
					break
				}
				end = i + utf8.RuneLen(r)
				if r == ' ' && used > width/2 {
					space = end
				}
			}
			if space > 0 {
				end = space
			}
			if !yield(line[:end] + more) {
				return
			}
			line = line[end:]
		}
		yield(line)
	}
}

// columns is how much room s takes on a screen at most.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += wide(r)
	}
	return n
}

// wide counts two columns for every character that may take them: none of these scripts is
// narrower than it looks, and a row that is too short does no harm.
func wide(r rune) int {
	if r >= 0x1100 {
		return 2
	}
	return 1
}

// inline puts text of somebody else behind what is ours if all of it fits on one line that begins
// at an indent, and else in rows below.
func inline(ours, text string, indent int) (line string, below []string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return ours, nil
	}
	_, _, lines := clean.CutLine(text)
	together := ours + ": " + Clean(text, whole)
	if lines || columns(together) > screen-indent {
		return ours, said(text, indent)
	}
	return together, nil
}

// exactly is Exact, for text of which anybody could send a lot: what is beyond max runes is counted.
func exactly(s string, max int) string {
	n := 0
	for i := range s {
		if n++; n > max {
			return Exact(s[:i]) + clean.Mark(utf8.RuneCountInString(s[i:]), "")
		}
	}
	return Exact(s)
}
