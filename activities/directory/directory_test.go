package directory

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	d, err := Parse([]byte("groups:\n  b: [zoe@example.com, alice@example.com]\n  a: [alice@example.com]\n"))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		groups []string
		want   []string
	}{
		"one group":          {[]string{"b"}, []string{"alice@example.com", "zoe@example.com"}},
		"each person once":   {[]string{"a", "b"}, []string{"alice@example.com", "zoe@example.com"}},
		"the order is fixed": {[]string{"b", "a"}, []string{"alice@example.com", "zoe@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := d.members(tc.groups)
			require.NoError(t, err)
			require.Equal(t, tc.want, out.People)
		})
	}
	_, err = d.members([]string{"a", "absent"})
	require.ErrorContains(t, err, `no group "absent"`)
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                                 "EOF",
		"groups: {}":                       "nobody could approve anything",
		"groups: {a: []}":                  `the group "a" is empty`,
		"groups: {a: [alice]}":             "want a mail address",
		"groups: {a: [Alice@example.com]}": "in lower case",
		"groups: {a: [a@b.example, a@b.example]}":                   "twice",
		"people: {a: [alice@example.com]}":                          "field people not found",
		"groups: {a: [x@y.example]}" + strings.Repeat(" ", maxSize): "at most",
	} {
		_, err := Parse([]byte(text))
		require.ErrorContains(t, err, says, text[:min(len(text), 60)])
	}
}
