package blocks

import (
	"fmt"
	"math"
	"regexp"
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
	if text := untagged(card.Clean(s, max)); strings.TrimSpace(text) != "" {
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

// exact is [card.Exact], and escapes more: what Slack would read as a mention or a link if it read the
// text, and letters that stand for others, where a word mixes Latin letters with those of a script
// that has look-alikes.
func exact(s string) string { return plainer(card.Exact(s)) }

// plainer is what exact adds to [card.Exact].
func plainer(shown string) string {
	mixed := mixed(shown)
	if !mixed && !tag.MatchString(shown) {
		return shown
	}
	shown = tag.ReplaceAllStringFunc(quoted(shown), func(s string) string { return `\u003c` + s[1:] })
	var out strings.Builder
	for _, r := range shown {
		switch {
		case !mixed || !alike(r):
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// tag is how mentions, dates and links begin in Slack's markup.
var tag = regexp.MustCompile(`(?i)<(?:[!@#]|http|mailto)`)

// untagged is prose in which nothing looks like Slack's markup. It stands where Slack reads none; this is
// for clients that do.
func untagged(s string) string {
	return tag.ReplaceAllStringFunc(s, func(s string) string { return "‹" + s[1:] })
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
		case alike(r):
			other = true
		case unicode.Is(unicode.Latin, r):
			latin = true
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
