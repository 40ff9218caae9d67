package blocks_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":              "plain",
		"<!channel> & <@U1>": "&lt;!channel&gt; &amp; &lt;@U1&gt;",
		"&lt;!here&gt;":      "&amp;lt;!here&amp;gt;",
		"a\nb\u202ec\u200bd": "a bcd",
	} {
		require.Equal(t, want, blocks.Escape(in))
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ci-deployer":        "`ci-deployer`",
		"":                   "`\"\"`",
		"a`b":                "`\"a\\u0060b\"`",
		"a`b\\":              "`\"a\\u0060b\\\\\"`",
		"a\\u0060b":          "`a\\u0060b`",
		"&lt;":               "`&amp;lt;`",
		"a<b":                "`a&lt;b`",
		"<!channel>":         "`\"\\u003c!channel&gt;\"`",
		"p\u0430ypal":        "`\"p\\u0430ypal\"`",
		"\u0430\u0431\u0432": "`\u0430\u0431\u0432`",
		"\uff41dmin":         "`\"\\uff41dmin\"`",
		"a\u202eb":           "`\"a\\u202eb\"`",
	} {
		require.Equal(t, want, blocks.Code(in))
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	require.Equal(t, "-", blocks.Plain("\u200b \n", 10))
	require.Equal(t, "a…[+9]", blocks.Plain("abcdefghij", 7))
	require.Equal(t, "‹!channel>", blocks.Plain("<!channel>", 20))
}

// No two names look the same.
func FuzzCode(f *testing.F) {
	for _, s := range []string{"", "a", "`", "```", "<!channel>", "&lt;", "p\u0430ypal", "\"\\u0430dmin\"", "a\u202eb", "\xff", "\\u0060", "\"a`b\""} {
		f.Add(s, s+"x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		shown := blocks.Code(a)
		c := &checker{}
		c.markup("code", shown)
		c.prints("code", shown)
		require.Empty(t, c.problems)
		require.Equal(t, a == b, shown == blocks.Code(b))
	})
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "<!channel>", "&lt;!here&gt;", "<http://x|y>", "\x1b[2K", "\u202e", "\xff<", "<\u200b!channel>"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		shown := blocks.Escape(s)
		require.False(t, strings.ContainsAny(shown, "<>\n\r\u202e\u200b"), shown)
		for _, part := range strings.Split(shown, "&")[1:] {
			require.True(t, strings.HasPrefix(part, "amp;") || strings.HasPrefix(part, "lt;") || strings.HasPrefix(part, "gt;"), shown)
		}
		most = 30 + most%1000
		require.LessOrEqual(t, utf8.RuneCountInString(blocks.Plain(s, max(most, 30))), max(most, 30))
		require.Empty(t, tag.FindString(blocks.Plain(s, 100)))
	})
}

// A card of text that somebody chose, in every place.
func FuzzCard(f *testing.F) {
	for _, s := range []string{"", "x", "<!channel> <@U0ADMIN>", "&lt;", "```\n`", "\u202e\u05d0", "\x00\xff", "| a\n| b", strings.Repeat("<http://x>", 400), "\"", "  ", "p\u0430ypal"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, evil string) {
		if len(evil) > 20_000 {
			t.Skip("the property test has long texts")
		}
		c := context(at(2, 0))
		s := hostile(evil)
		for _, m := range []blocks.Message{blocks.Card(s, c), blocks.Card(hostileQuestion(evil), c), blocks.Fold([]desk.Sight{s}, c), blocks.Sentence(evil)} {
			requireMessage(t, m)
			requireNoTags(t, m)
		}
		v := blocks.Details(s, c)
		requireView(t, v)
		requireNoTags(t, v)
		requireShown(t, s, v.Blocks.BlockSet)
		edit := blocks.EditForm(s, "", c)
		requireView(t, edit)
		requireNoTags(t, edit)
	})
}
