package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/activities/logs"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for said, line := range map[string]string{
		"plain, ünïcödé, 世界": `plain, ünïcödé, 世界`,
		"\x1b[2J":            `\u001b[2J`,
		"\u009b2J\x7f":       `\u009b2J\u007f`,
		"a\u202egnp.exe":     `a\u202egnp.exe`,
		"\u200b\ufeff\u2028": `\u200b\ufeff\u2028`,
		"\U000e0041":         `\udb40\udc41`,
		"one\r\n{\"level\"}": `one\r\n{\"level\"}`,
		"a\u00a0b\ufe0f":     `a\u00a0b\ufe0f`,
	} {
		var out bytes.Buffer
		logs.New(&out).Info("told", "text", said)
		require.Contains(t, out.String(), `"text":"`+line+`"`)
	}
}

// Whatever is said, it is one object on one line in which nothing steers or hides, and it says the same.
func TestAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		said, key := rapid.String().Draw(t, "said"), "k"+rapid.String().Draw(t, "key")
		var out bytes.Buffer
		logs.New(&out).Error(said, "error", errors.New(said), key, said)
		line, ended := strings.CutSuffix(out.String(), "\n")
		require.True(t, ended)
		require.False(t, strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }), "%q", line)
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object))
		require.Equal(t, said, object["error"])
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestBroken(t *testing.T) {
	t.Parallel()
	logs.New(broken{}).Info("\u202e") // it is nobody's loss
}
