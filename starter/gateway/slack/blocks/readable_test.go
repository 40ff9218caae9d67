package blocks_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what goes to Slack with a file, and what people see with another beside it.
func golden(t *testing.T, name string, v any, seen string) {
	t.Helper()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	require.NoError(t, enc.Encode(v))
	same(t, name+".json", out.String())
	same(t, name+".txt", seen)
}

func same(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run with -update to write it")
	require.Empty(t, cmp.Diff(string(want), got))
}

func goldenMessage(t *testing.T, name string, m blocks.Message) {
	t.Helper()
	requireMessage(t, m)
	golden(t, name, m, "notification: "+m.Text+"\n\n"+readable(t, m.Blocks))
}

func goldenView(t *testing.T, name string, v slack.ModalViewRequest) {
	t.Helper()
	requireView(t, v)
	seen := "== " + v.Title.Text + " ==\n\n" + readable(t, v.Blocks.BlockSet)
	if v.Submit != nil {
		seen += "[" + v.Submit.Text + "] "
	}
	golden(t, name, v, seen+"["+v.Close.Text+"]\n")
}

// readable is what people see of blocks, more or less.
func readable(t require.TestingT, all []slack.Block) string {
	var out strings.Builder
	for _, b := range decode(t, all).([]any) {
		out.WriteString(seen(b.(node)))
	}
	return out.String()
}

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

func seen(b node) string {
	switch b["type"] {
	case "header":
		return "# " + b["text"].(node)["text"].(string) + "\n\n"
	case "divider":
		return "---\n"
	case "section":
		says := shown(b["text"]) + "\n"
		if a, ok := b["accessory"].(node); ok {
			says += "  " + pressed(a) + "\n"
		}
		return says + "\n"
	case "context":
		var parts []string
		for _, one := range b["elements"].([]any) {
			parts = append(parts, shown(one))
		}
		return "(" + strings.Join(parts, "  ") + ")\n\n"
	case "actions":
		var parts []string
		for _, one := range b["elements"].([]any) {
			parts = append(parts, pressed(one.(node)))
		}
		return strings.Join(parts, " ") + "\n\n"
	case "input":
		return filledIn(b)
	case "rich_text":
		var says string
		for _, part := range b["elements"].([]any) {
			line := ""
			for _, one := range part.(node)["elements"].([]any) {
				line += one.(node)["text"].(string)
			}
			lead := map[any]string{"rich_text_quote": "│ ", "rich_text_preformatted": "    ", "rich_text_section": ""}[part.(node)["type"]]
			says += lead + strings.ReplaceAll(line, "\n", "\n"+lead) + "\n"
		}
		return says + "\n"
	}
	return fmt.Sprintf("?? %v\n", b["type"])
}

func shown(v any) string {
	o := v.(node)
	if o["type"] == "mrkdwn" {
		return entities.Replace(ours.ReplaceAllStringFunc(o["text"].(string), func(s string) string {
			if _, fallback, ok := strings.Cut(strings.TrimSuffix(s, ">"), "|"); ok {
				return fallback
			}
			return "@" + strings.Trim(strings.TrimPrefix(s, "<!subteam^"), "<@>")
		}))
	}
	return o["text"].(string)
}

func pressed(e node) string {
	says := "[" + shown(e["text"])
	if style, ok := e["style"]; ok {
		says += " (" + style.(string) + ")"
	}
	if q, ok := e["confirm"].(node); ok {
		says += " | asks: " + shown(q["title"]) + ": " + shown(q["text"])
	}
	return says + "]"
}

func filledIn(b node) string {
	e := b["element"].(node)
	says := shown(b["label"])
	if b["optional"] == true {
		says += " (optional)"
	}
	says += ": <" + e["type"].(string) + ">"
	if v, ok := e["initial_value"]; ok {
		says += " " + v.(string)
	}
	if all, ok := e["options"].([]any); ok {
		for _, o := range all {
			says += " | " + shown(o.(node)["text"])
		}
	}
	if b["hint"] != nil {
		says += "\n   " + shown(b["hint"])
	}
	return says + "\n\n"
}

type view = slack.ModalViewRequest
