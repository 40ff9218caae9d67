package blocks_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
)

// node is JSON as it goes to Slack, read without the types that wrote it.
type node = map[string]any

func decode(t require.TestingT, v any) any {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	var out any
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

// checker holds blocks against Slack's limits, and against what must not be in them.
type checker struct {
	problems []string
	text     int
	ids      map[string]bool
}

func (c *checker) sayf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func runes(v any) int { s, _ := v.(string); return utf8.RuneCountInString(s) }

// between is a text object or string of a bounded length.
func (c *checker) between(name string, v any, least, most int) {
	if o, ok := v.(node); ok {
		c.object(name, o)
		v = o["text"]
	}
	s, _ := v.(string)
	if n := utf8.RuneCountInString(s); n < least || n > most {
		c.sayf("%s has %d runes, want %d to %d: %.60q", name, n, least, most, s)
	}
	c.prints(name, s)
}

// object is a text object.
func (c *checker) object(name string, o node) {
	switch o["type"] {
	case "plain_text":
		if o["emoji"] != false {
			c.sayf("%s makes emoji", name)
		}
	case "mrkdwn":
		if o["verbatim"] != true {
			c.sayf("%s is not verbatim", name)
		}
		s, _ := o["text"].(string)
		c.markup(name, s)
	default:
		c.sayf("%s is of type %v", name, o["type"])
	}
}

// ours is what we ourselves write in angle brackets: dates, and mentions of those whom the test knows.
var ours = regexp.MustCompile(`<!date\^-?\d+\^\{date_short_pretty\} \{time\}\|[-0-9: ]+ UTC>|<@U0[A-Z0-9]+>|<!subteam\^S0[A-Z0-9]+>`)

func (c *checker) markup(name, s string) {
	rest := ours.ReplaceAllString(s, "")
	if strings.ContainsAny(rest, "<>") {
		c.sayf("%s has a bracket that is not ours: %.200q", name, rest)
	}
	for _, part := range strings.Split(rest, "&")[1:] {
		if !strings.HasPrefix(part, "amp;") && !strings.HasPrefix(part, "lt;") && !strings.HasPrefix(part, "gt;") {
			c.sayf("%s has a bare &: %.60q", name, part)
		}
	}
	if strings.Count(rest, "`")%2 != 0 || strings.Contains(rest, "``") {
		c.sayf("%s has an open code span: %.200q", name, rest)
	}
	// Outside of code spans only our own words stand.
	for i, part := range strings.Split(rest, "`") {
		if i%2 == 0 && strings.ContainsAny(part, "~_") || strings.Contains(part, "://") && i%2 == 0 {
			c.sayf("%s has a mark or a link that is not ours: %.60q", name, part)
		}
	}
}

// prints says whether nothing in a text is invisible or turns it around.
func (c *checker) prints(name, s string) {
	if !utf8.ValidString(s) {
		c.sayf("%s is no UTF-8", name)
	}
	for _, r := range s {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) {
			c.sayf("%s has %U", name, r)
			return
		}
	}
}

func (c *checker) blocks(all []any, most int) {
	if len(all) == 0 || len(all) > most {
		c.sayf("%d blocks, want 1 to %d", len(all), most)
	}
	c.ids = map[string]bool{}
	for i, b := range all {
		c.block(fmt.Sprintf("block %d", i), b.(node))
	}
}

func (c *checker) block(name string, b node) {
	if id, ok := b["block_id"].(string); ok {
		c.between(name+" block_id", id, 1, 255)
		if c.ids[id] {
			c.sayf("%s repeats the block_id %q", name, id)
		}
		c.ids[id] = true
	}
	name += fmt.Sprintf(" (%v)", b["type"])
	switch b["type"] {
	case "header":
		c.between(name, b["text"], 1, 150)
		if b["text"].(node)["type"] != "plain_text" {
			c.sayf("%s is not plain", name)
		}
		c.text += runes(b["text"].(node)["text"])
	case "section":
		c.between(name, b["text"], 1, 3000)
		c.text += runes(b["text"].(node)["text"])
		if a, ok := b["accessory"].(node); ok {
			c.element(name, a)
		}
	case "context":
		all := b["elements"].([]any)
		if len(all) == 0 || len(all) > 10 {
			c.sayf("%s has %d elements", name, len(all))
		}
		for _, one := range all {
			c.between(name, one, 1, 3000)
			c.text += runes(one.(node)["text"])
		}
	case "actions":
		all := b["elements"].([]any)
		if len(all) == 0 || len(all) > 25 {
			c.sayf("%s has %d elements", name, len(all))
		}
		ids := map[any]bool{}
		for _, one := range all {
			if ids[one.(node)["action_id"]] {
				c.sayf("%s repeats the action_id %v", name, one.(node)["action_id"])
			}
			ids[one.(node)["action_id"]] = true
			c.element(name, one.(node))
		}
	case "rich_text":
		c.rich(name, b)
	case "input":
		c.between(name+" label", b["label"], 1, 2000)
		if b["hint"] != nil {
			c.between(name+" hint", b["hint"], 1, 2000)
		}
		c.element(name, b["element"].(node))
	case "divider":
	default:
		c.sayf("%s is of no known type", name)
	}
}

func (c *checker) rich(name string, b node) {
	total := 0
	for _, part := range b["elements"].([]any) {
		for _, one := range part.(node)["elements"].([]any) {
			o := one.(node)
			if o["type"] != "text" {
				c.sayf("%s has a %v", name, o["type"])
				continue
			}
			c.between(name, o["text"], 1, 3000)
			total += runes(o["text"])
		}
	}
	if total > 3000 {
		c.sayf("%s has %d runes", name, total)
	}
	c.text += total
}

func (c *checker) element(name string, e node) {
	name += fmt.Sprintf(" %v", e["type"])
	c.between(name+" action_id", e["action_id"], 1, 255)
	options := func() {
		all, _ := e["options"].([]any)
		if len(all) == 0 || len(all) > 100 {
			c.sayf("%s has %d options", name, len(all))
		}
		for _, o := range all {
			c.between(name+" option", o.(node)["text"], 1, 75)
			c.between(name+" option value", o.(node)["value"], 1, 75)
		}
	}
	switch e["type"] {
	case "button":
		c.between(name+" text", e["text"], 1, 75)
		c.between(name+" value", e["value"], 1, 2000)
		c.between(name+" accessibility_label", e["accessibility_label"], 1, 75)
		if q, ok := e["confirm"].(node); ok {
			c.between(name+" confirm title", q["title"], 1, 100)
			c.between(name+" confirm text", q["text"], 1, 300)
			c.between(name+" confirm button", q["confirm"], 1, 30)
			c.between(name+" deny button", q["deny"], 1, 30)
		}
		if style, ok := e["style"]; ok && style != "primary" && style != "danger" {
			c.sayf("%s has the style %v", name, style)
		}
	case "plain_text_input":
		if n := runes(e["initial_value"]); n > 3000 || float64(n) > e["max_length"].(float64) {
			c.sayf("%s begins with %d runes", name, n)
		}
		if n := e["max_length"].(float64); n < 1 || n > 3000 {
			c.sayf("%s takes %v runes", name, n)
		}
	case "static_select":
		c.between(name+" placeholder", e["placeholder"], 1, 150)
		options()
	case "number_input", "datetimepicker", "datepicker", "users_select":
	default:
		c.sayf("%s is of no known type", name)
	}
}

// message holds a message against the limits.
func requireMessage(t require.TestingT, m blocks.Message) {
	c := &checker{}
	c.between("text", m.Text, 1, 4000)
	c.brackets(m.Text)
	c.blocks(decode(t, m.Blocks).([]any), 50)
	if c.text > 12_000 {
		c.sayf("%d runes; Slack takes about 13,000", c.text)
	}
	require.Empty(t, c.problems)
}

func (c *checker) brackets(s string) {
	if strings.ContainsAny(ours.ReplaceAllString(s, ""), "<>") {
		c.sayf("text has a bracket: %.200q", s)
	}
}

// requireView holds a modal against the limits.
func requireView(t require.TestingT, v slack.ModalViewRequest) {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	require.LessOrEqual(t, len(raw), 250_000)
	c := &checker{}
	o := decode(t, v).(node)
	c.between("title", o["title"], 1, 24)
	c.between("close", o["close"], 1, 24)
	if o["submit"] != nil {
		c.between("submit", o["submit"], 1, 24)
	}
	c.between("callback_id", o["callback_id"], 1, 255)
	meta, _ := o["private_metadata"].(string)
	require.LessOrEqual(t, len(meta), 3000)
	c.blocks(o["blocks"].([]any), 100)
	inputs := false
	for _, b := range o["blocks"].([]any) {
		inputs = inputs || b.(node)["type"] == "input"
	}
	require.True(t, !inputs || o["submit"] != nil, "a form can be sent")
	require.Empty(t, c.problems)
}

func requireHome(t *testing.T, v slack.HomeTabViewRequest) {
	t.Helper()
	c := &checker{}
	c.blocks(decode(t, v).(node)["blocks"].([]any), 100)
	require.Empty(t, c.problems)
}
