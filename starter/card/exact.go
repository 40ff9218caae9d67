package card

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/activities/digest"
)

// whole is the limit for Clean where nothing may be left out.
const whole = math.MaxInt

// Exact returns s so that two different texts never look the same: as it is where that is
// harmless, else in double quotes with escapes for what Clean would drop or replace, and for spaces
// so many that they could push what follows to where a line of the terminal begins. It is for names
// and parameters, which people approve; prose goes through Clean.
func Exact(s string) string {
	if s != "" && Clean(s, whole) == s && strings.TrimSpace(s) == s && !strings.ContainsAny(s[:1], `"|-[{`) && !strings.Contains(s, gap) {
		return s
	}
	var out strings.Builder
	out.WriteByte('"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case strings.HasPrefix(s[i:], gap):
			out.WriteString(` \u0020`)
			size = 2
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case Clean(string(r), whole) == string(r):
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		i += size
	}
	out.WriteByte('"')
	return out.String()
}

// gap is more space than a text needs in one place.
const gap = "   "

// Parameters returns JSON as lines, all of it. It reads like YAML: fields aligned, items with a
// dash, text of several lines behind bars.
func Parameters(raw json.RawMessage) []string {
	v, err := digest.Decode(raw)
	if err != nil {
		return []string{Exact(string(raw))}
	}
	lines, _ := tree(v)
	return lines
}

// tree returns a value as lines, and whether it fits behind its name on one line.
func tree(v any) (lines []string, inline bool) {
	switch v := v.(type) {
	case map[string]any:
		return object(v)
	case []any:
		if len(v) == 0 {
			return []string{"[]"}, true
		}
		for _, item := range v {
			inner, _ := tree(item)
			for i, line := range inner {
				lead := "  "
				if i == 0 {
					lead = "- "
				}
				lines = append(lines, lead+line)
			}
		}
		return lines, false
	case string:
		return text(v)
	case nil:
		return []string{"null"}, true
	default: // a number, true or false
		return []string{fmt.Sprint(v)}, true
	}
}

func object(v map[string]any) (lines []string, inline bool) {
	if len(v) == 0 {
		return []string{"{}"}, true
	}
	names := slices.Sorted(maps.Keys(v))
	shown := make([]string, len(names))
	width := 0
	for i, name := range names {
		shown[i] = Exact(name)
		width = max(width, utf8.RuneCountInString(shown[i]))
	}
	width = min(width, maxColumn)
	for i, name := range names {
		inner, inline := tree(v[name])
		if inline {
			lines = append(lines, pad(shown[i], width)+"  "+inner[0])
			continue
		}
		lines = append(lines, shown[i])
		for _, line := range inner {
			lines = append(lines, "  "+line)
		}
	}
	return lines, false
}

// text gives the lines of a text behind bars if they are harmless as they are, else one line.
func text(s string) (lines []string, inline bool) {
	if strings.Contains(s, "\n") {
		for line := range strings.SplitSeq(s, "\n") {
			if Clean(line, whole) != line || strings.HasSuffix(line, " ") || strings.Contains(strings.TrimLeft(line, " "), gap) && columns(line) > screen/2 {
				return []string{Exact(s)}, true
			}
			lines = append(lines, "| "+line)
		}
		return lines, false
	}
	return []string{Exact(s)}, true
}

// maxColumn bounds how far a long name may push what stands beside the others.
const maxColumn = 40

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
