package blocks

import (
	"fmt"
	"time"

	"github.com/slack-go/slack"
)

// plain is plain text. Slack reads no mark, mention or link in it.
func plain(s string, max int) *slack.TextBlockObject {
	no := false
	return &slack.TextBlockObject{Type: slack.PlainTextType, Text: Plain(s, max), Emoji: &no}
}

// markup is mrkdwn that we wrote: whatever is in it from others went through [Code].
func markup(s string) *slack.TextBlockObject {
	return &slack.TextBlockObject{Type: slack.MarkdownType, Text: s, Verbatim: true}
}

// el is a part of a line of rich text, in which Slack reads no marks at all.
type el = slack.RichTextSectionElement

func text(s string) el {
	return &slack.RichTextSectionTextElement{Type: slack.RTSEText, Text: s}
}

func bold(s string) el {
	return &slack.RichTextSectionTextElement{Type: slack.RTSEText, Text: s, Style: &slack.RichTextSectionTextStyle{Bold: true}}
}

func code(s string) el {
	return &slack.RichTextSectionTextElement{Type: slack.RTSEText, Text: s, Style: &slack.RichTextSectionTextStyle{Code: true}}
}

// runesOf is how much text a part shows.
func runesOf(e el) int {
	if t, ok := e.(*slack.RichTextSectionTextElement); ok {
		return length(t.Text)
	}
	return 20 // a mention
}

// stamp is a time as the reader's clock shows it. Where it cannot, UTC stands there.
func stamp(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// clock is the time of day, in UTC, for text that Slack does not read.
func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// span writes a duration in at most two units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	days, hours, minutes, seconds := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60, d/time.Second%60
	two := func(large time.Duration, unit string, small time.Duration, smallUnit string) string {
		if small == 0 {
			return fmt.Sprintf("%d%s", large, unit)
		}
		return fmt.Sprintf("%d%s %d%s", large, unit, small, smallUnit)
	}
	switch {
	case days > 0:
		return two(days, "d", hours, "h")
	case hours > 0:
		return two(hours, "h", minutes, "m")
	case minutes > 0:
		return two(minutes, "m", seconds, "s")
	default:
		return fmt.Sprintf("%ds", seconds)
	}
}
