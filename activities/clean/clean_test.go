package clean_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/clean"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		max  int
		want string
	}{
		"plain":                     {"ci-deployer", 40, "ci-deployer"},
		"empty":                     {"", 0, ""},
		"other scripts":             {"Zürich 東京 🔑", 40, "Zürich 東京 🔑"},
		"combining marks":           {"e\u0301", 40, "e\u0301"},
		"lines and tabs":            {"a\nb\r\nc\td\re", 40, "a b c d e"},
		"unicode line breaks":       {"a\u2028b\u2029c\u0085d", 40, "a b c d"},
		"other spaces":              {"a\u00a0b\u3000c", 40, "a b c"},
		"controls":                  {"a\x00b\x07c\x08d\x7fe\u0080f", 40, "abcdef"},
		"colour":                    {"\x1b[1;31mred\x1b[0m", 40, "red"},
		"cursor and clear":          {"\x1b[2J\x1b[1;1Hok", 40, "ok"},
		"private mode":              {"\x1b[?1049hok", 40, "ok"},
		"CSI as one character":      {"\u009b31mred", 40, "red"},
		"CSI in one raw byte":       {"\x9b31mred", 40, "\ufffd31mred"},
		"reset":                     {"\x1bcok", 40, "ok"},
		"character set":             {"\x1b(0ok", 40, "ok"},
		"title keeps its text":      {"\x1b]0;owned\x07ok", 40, "0;ownedok"},
		"hyperlink shows its text":  {"\x1b]8;;https://example.com\x1b\\ok\x1b]8;;\x1b\\", 60, "8;;https://example.comok8;;"},
		"sequence without end":      {"\x1b[31", 40, "31"},
		"sequence too long to hide": {"\x1b[" + strings.Repeat("1", 40) + "m", 60, strings.Repeat("1", 40) + "m"},
		"escape at the end":         {"a\x1b", 40, "a"},
		"escape before a break":     {"a\x1b\nb", 40, "a b"},
		"two escapes":               {"\x1b\x1b[31mred", 40, "red"},
		"bidi override":             {"exe\u202egnp.txt", 40, "exegnp.txt"},
		"bidi isolates":             {"\u2066a\u2067b\u2068c\u2069\u061c", 40, "abc"},
		"zero width":                {"ad\u200bmin\u200c\u200d\u2060\ufeff", 40, "admin"},
		"soft hyphen":               {"ad\u00admin", 40, "admin"},
		"tags":                      {"a\U000e0041\U000e007f", 40, "a"},
		"variation selectors":       {"a\ufe0f\U000e0100", 40, "a"},
		"fillers":                   {"a\u3164\u115f\uffa0\u034f", 40, "a"},
		"private use":               {"a\ue000\U000f0000\U00100000", 40, "a"},
		"invalid UTF-8":             {"a\xff\xc3(", 40, "a\ufffd\ufffd("},
		"surrogate in UTF-8":        {"\xed\xa0\x80", 40, "\ufffd\ufffd\ufffd"},
		"noncharacter":              {"a\ufffe", 40, "a\ufffd"},
		"just fits":                 {"0123456789", 10, "0123456789"},
		"one too many":              {"0123456789a", 10, "0123…[+7]"},
		"cut between runes":         {"東京東京東京東京東京東京", 8, "東京…[+10]"},
		"only the mark":             {"0123456789a", 3, "…[+11]"},
		"no room":                   {"abc", 0, "…[+3]"},
		"negative room":             {"abc", -1, "…[+3]"},
		"dropped runes do not cost": {strings.Repeat("\u200b", 50) + "abc", 3, "abc"},
		"fifty kilobytes":           {strings.Repeat("x", 50_000), 20, strings.Repeat("x", 11) + "…[+49989]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, clean.Line(tc.in, tc.max))
		})
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in              string
		lines, maxRunes int
		want            string
	}{
		"empty":               {"", 3, 10, ""},
		"one line":            {"a", 3, 10, "a"},
		"lines stay":          {"a\nb\r\nc", 3, 10, "a\nb\nc"},
		"break at the end":    {"a\nb\n", 2, 10, "a\nb"},
		"blank lines":         {"\n\na", 5, 10, "\n\na"},
		"carriage return":     {"real\rfake", 5, 10, "real\nfake"},
		"unicode line breaks": {"a\u2028b\u2029c\u0085d\ve\ff", 9, 10, "a\nb\nc\nd\ne\nf"},
		"each line cleaned":   {"\x1b[31ma\n\u202eb\tc", 5, 10, "a\nb c"},
		"each line cut":       {"0123456789a\nb", 5, 10, "0123…[+7]\nb"},
		"too many lines":      {"a\nb\nc\nd", 3, 10, "a\nb\n…[+2 lines]"},
		"one line of many":    {"a\nb\nc\nd\n", 1, 10, "…[+4 lines]"},
		"no lines":            {"a", 0, 10, "…[+1 lines]"},
		"negative":            {"a", -1, 10, "…[+1 lines]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, clean.Block(tc.in, tc.lines, tc.maxRunes))
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{
		"ci-deployer", "\x1b[31mred\x1b[0m", "\x1b]8;;https://example.com\x1b\\ok", "a\u202eb\u2066\u200b", "a\xff\xed\xa0\x80",
		"\u009b2J", "a\r\nb\rc\n", "\U000e0041\ue000\ufffe", strings.Repeat("東", 100), "\x1b[" + strings.Repeat(";", 100),
	} {
		f.Add(seed, 40, 3)
	}
	f.Fuzz(func(t *testing.T, s string, limit, lines int) {
		limit, lines = limit%10_000, lines%1_000
		const room = 40 // the longest mark, where the limit has no room for it
		line := clean.Line(s, limit)
		requireHarmless(t, line)
		require.NotContains(t, line, "\n")
		require.LessOrEqual(t, utf8.RuneCountInString(line), max(limit, room))
		if limit >= room {
			require.Equal(t, line, clean.Line(line, limit), "cleaning again changes nothing")
		}

		block := clean.Block(s, lines, limit)
		parts := strings.Split(block, "\n")
		require.LessOrEqual(t, len(parts), max(lines, 1))
		for _, part := range parts {
			requireHarmless(t, part)
			require.LessOrEqual(t, utf8.RuneCountInString(part), max(limit, room))
		}
	})
}

func requireHarmless(t *testing.T, s string) {
	t.Helper()
	require.True(t, utf8.ValidString(s), "%q is valid UTF-8", s)
	for _, r := range s {
		require.False(t, unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), "%q in %q", r, s)
		require.True(t, r == ' ' || !unicode.IsSpace(r), "%q in %q", r, s)
	}
}
