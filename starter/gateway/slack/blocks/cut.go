package blocks

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/starter/card"
)

// cut leaves out the end of a text that is longer than max runes, and counts what it left out: "a long
// te…[+1203]".
func cut(s string, max int) string {
	total := length(s)
	if total <= max {
		return s
	}
	kept := max - length(left(total))
	if kept <= 0 {
		return left(total)
	}
	for i := range s {
		if kept == 0 {
			return s[:i] + left(total-length(s[:i]))
		}
		kept--
	}
	return s
}

// name is a name or value exactly, in at most max runes. What is longer is cut with a mark; it may be
// very long, and then only its beginning is looked at.
func name(s string, max int) string {
	end, n := len(s), 0
	for i := range s {
		if n++; n > max {
			end = i
			break
		}
	}
	shown := exact(s[:end])
	if end == len(s) {
		return cut(shown, max)
	}
	missing := utf8.RuneCountInString(s[end:])
	kept := max - length(left(missing+length(shown)))
	if over := length(shown) - kept; over > 0 {
		cut := 0
		for i := range shown {
			if kept == 0 {
				cut = i
				break
			}
			kept--
		}
		return shown[:cut] + left(missing+over)
	}
	return shown + left(missing)
}

func left(n int) string { return fmt.Sprintf("…[+%d]", n) }

// cutLines leaves out lines from the end, and counts them.
func cutLines(lines []string, max int) []string {
	if len(lines) <= max {
		return lines
	}
	kept := lines[: max-1 : max-1]
	return append(kept, fmt.Sprintf("…[+%d lines]", len(lines)-len(kept)))
}

// goesOn stands at the end of a piece of a line that goes on in the next piece.
const goesOn = "↩"

// pieces breaks a line that is longer than one block takes.
func pieces(line string, max int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for length(line) > max {
			end := 0
			for range max - utf8.RuneCountInString(goesOn) {
				_, size := utf8.DecodeRuneInString(line[end:])
				end += size
			}
			if i := strings.LastIndexByte(line[:end], '\\'); i > 0 && end-i < len(`\U0001f600`) {
				end = i // an escape stays in one piece
			}
			if !yield(line[:end] + goesOn) {
				return
			}
			line = line[end:]
		}
		yield(line)
	}
}

// prose is text of somebody else as harmless lines. Blank lines at its end are dropped.
func prose(s string) []string {
	var lines []string
	for line := range strings.SplitSeq(card.Block(s, 1<<30, 1<<30), "\n") {
		lines = append(lines, untagged(strings.TrimRight(line, " ")))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
