package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/countersign/countersign/starter/card"
)

func (a *app) json() bool { return a.output == "json" }

// moreForms annotates a command that prints in other forms than text and json, with their names.
const moreForms = "forms"

// form checks -o against what the command can print.
func (a *app) form(cmd *cobra.Command) error {
	forms := append([]string{"text", "json"}, strings.Fields(cmd.Annotations[moreForms])...)
	if slices.Contains(forms, a.output) {
		return nil
	}
	last := len(forms) - 1
	return usagef(cmd, "-o %q: want %s or %s", a.output, strings.Join(forms[:last], ", "), forms[last])
}

// say talks, a line at a time. A broken Err is nobody's loss.
func (a *app) say(format string, args ...any) { _, _ = fmt.Fprintf(a.err, format+"\n", args...) }

// print writes a line of a result.
func (a *app) print(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}

// printJSON writes the one document of a command.
func (a *app) printJSON(v any) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	a.printed = true
	_, err := io.WriteString(a.out, visible(out.String()))
	return err
}

// visible escapes what does not print and encoding/json leaves as it is, such as bidi overrides.
// Outside of ASCII there are only strings, so the document means the same.
func visible(document string) string {
	var out strings.Builder
	for _, r := range document {
		switch {
		case r < utf8.RuneSelf && r != 0x7f, card.Clean(string(r), 1) == string(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// table writes rows with aligned columns. Cells are cleaned.
func (a *app) table(rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = card.Clean(cell, 300)
		}
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// word makes s one word of a shell, for commands that people copy.
func word(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(card.Clean(s, 500), "'", `'\''`) + "'"
}

// terminal reports whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// cleaned is text of somebody else in one line of talk.
func cleaned(s string) string { return card.Clean(s, 1000) }
