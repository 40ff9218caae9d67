package blocks

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/countersign/countersign/starter/card"
)

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Escape makes text of somebody else harmless in Slack's mrkdwn: one line, without what does not print,
// and nothing in it is a mention, a link in brackets or an entity. It is for a message's text, which is
// read out and put into notifications. In blocks, where Slack also makes links of what looks like
// one, use [Code] or plain text.
func Escape(s string) string { return escapes.Replace(card.Clean(s, math.MaxInt)) }

// Plain makes text of somebody else one harmless line of at most max runes, for plain text. What does
// not fit is counted: "a long te…[+1203]".
func Plain(s string, max int) string {
	if text := card.Clean(s, max); strings.TrimSpace(text) != "" {
		return text
	}
	return "-" // Slack refuses an empty text
}

// Code is a name or value as a code span of mrkdwn, exactly: two different ones never look the same.
func Code(s string) string { return codeOf(exact(s)) }

// codeOf is a code span of what is exact already.
func codeOf(s string) string {
	if strings.Contains(s, "`") {
		s = strings.ReplaceAll(quoted(s), "`", `\u0060`)
	}
	return "`" + escapes.Replace(s) + "`"
}

// exact is [card.Exact], and shows letters that stand for others: where a word mixes Latin letters with
// those of a script that has look-alikes, the latter are escaped.
func exact(s string) string {
	shown := card.Exact(s)
	if !mixed(shown) {
		return shown
	}
	var out strings.Builder
	for _, r := range quoted(shown) {
		switch {
		case !alike(r):
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// quoted puts what is exact in quotes if it does not stand in quotes yet.
func quoted(s string) string {
	if strings.HasPrefix(s, `"`) {
		return s
	}
	return `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
}

// mixed reports a word of Latin letters and of those that look like some.
func mixed(s string) bool {
	latin, other := false, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			latin, other = false, false
		case unicode.Is(unicode.Latin, r):
			latin = true
		case alike(r):
			other = true
		}
		if latin && other {
			return true
		}
	}
	return false
}

// alike reports letters of scripts in which some look like Latin ones.
func alike(r rune) bool {
	return unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu) ||
		r >= 0xff01 && r <= 0xff5e || r >= 0x1d400 && r <= 0x1d7ff // full width, mathematical
}

// rightToLeft reports text that turns around what stands beside it on a line.
func rightToLeft(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam, unicode.Hanifi_Rohingya)
	})
}
