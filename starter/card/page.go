package card

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// Terminal returns w, marked as one that shows colours if it is a terminal and noColor, the value
// of the environment variable NO_COLOR, is empty. What is written to any other writer has none.
func Terminal(w io.Writer, noColor string) io.Writer {
	f, ok := w.(*os.File)
	if !ok || noColor != "" || !term.IsTerminal(int(f.Fd())) {
		return w
	}
	return coloured{w}
}

type coloured struct{ io.Writer }

// The styles, as parameters of SGR.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// page collects text and writes it at once, so that two writers to one terminal do not mix.
type page struct {
	out    strings.Builder
	colour bool
	to     io.Writer
}

func newPage(w io.Writer) *page {
	_, colour := w.(coloured)
	return &page{colour: colour, to: w}
}

func (p *page) write() error {
	_, err := io.WriteString(p.to, p.out.String())
	return err
}

func (p *page) style(style, s string) string {
	if !p.colour || style == "" || s == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

func (p *page) line(indent int, s string) {
	p.out.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+s, " ") + "\n")
}

func (p *page) linef(indent int, format string, args ...any) {
	p.line(indent, fmt.Sprintf(format, args...))
}

// row is a name and what is said of it; lines after the first stand below the first.
type row struct{ name, value string }

// The names of a table take nameWidth columns, its values stand at valueIndent.
const (
	nameWidth   = 9
	valueIndent = nameWidth + 2
)

// table writes rows with their values aligned. A row without a value is left out.
func (p *page) table(indent int, rows ...row) {
	for _, r := range rows {
		if r.value == "" {
			continue
		}
		for i, line := range strings.Split(r.value, "\n") {
			name := r.name
			if i > 0 {
				name = ""
			}
			p.line(indent, pad(name, nameWidth)+"  "+line)
		}
	}
}

// said writes text of somebody else.
func (p *page) said(indent int, s string) {
	for _, row := range said(s, indent) {
		p.line(indent, row)
	}
}

// saidIn is text of somebody else as the value of a table at an indent.
func saidIn(indent int, s string) string {
	return strings.Join(said(s, indent+valueIndent), "\n")
}

// maxTitle bounds a title, in runes. Titles come from playbooks, whose authors want them short.
const maxTitle = 300

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span writes a duration in at most two units.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	d = d.Round(time.Second)
	days, hours, minutes, seconds := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60, d/time.Second%60
	switch {
	case days > 0:
		return two(days, "d", hours, "h")
	case hours > 0:
		return two(hours, "h", minutes, "m")
	default:
		return two(minutes, "m", seconds, "s")
	}
}

func two(large time.Duration, largeUnit string, small time.Duration, smallUnit string) string {
	switch {
	case large == 0:
		return fmt.Sprintf("%d%s", small, smallUnit)
	case small == 0:
		return fmt.Sprintf("%d%s", large, largeUnit)
	default:
		return fmt.Sprintf("%d%s %d%s", large, largeUnit, small, smallUnit)
	}
}

// relative says how far t is from now.
func relative(t, now time.Time) string {
	if d := t.Sub(now); d > 0 {
		return "in " + span(d)
	}
	return span(now.Sub(t)) + " ago"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func exactAll(all []string) string {
	shown := make([]string, len(all))
	for i, s := range all {
		shown[i] = Exact(s)
	}
	return strings.Join(shown, ", ")
}
