package redteam

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	chatstandin "github.com/countersign/countersign/starter/gateway/slack/standin"
)

// markup is what Slack makes something of, beside what is hostile everywhere.
const markup = " <!here> <!everyone> <@U0ZOE> <#C0SECOPS> <!subteam^S0ONCALL> <https://evil.example|secops> https://evil.example @channel @here *bold* _it_ ~no~ `code` ```block``` &lt;!channel&gt; <!date^1^{date}|x> "

// ours are the times and people that a card names itself.
var ours = regexp.MustCompile(`^(!date\^\d{10}\^[^^|<>]*\|[^|<>]*|@U0(ALICE|BOB|GUEST|ULTRA|ROBOT|GONE|STRANGER|CAROL))$`)

// tame fails if something in what Slack shows is alive, or of the attacker's making.
func (c *chat) tame(what string, live []string, shown any) {
	c.Helper()
	for _, is := range live {
		require.Regexp(c, ours, is, "%s is alive in %s", is, what)
	}
	raw, err := json.Marshal(shown)
	require.NoError(c, err)
	var tree any
	require.NoError(c, json.Unmarshal(raw, &tree))
	var walk func(v any, markdown bool)
	walk = func(v any, markdown bool) {
		switch v := v.(type) {
		case string:
			harmless(c, what, v)
			if markdown { // of what the attacker wrote, nothing but between code quotes, and with brackets escaped
				for i, part := range strings.Split(v, "`") {
					require.False(c, i%2 == 0 && strings.Contains(part, "evil.example"), "%s: %s", what, v)
				}
			}
		case []any:
			for _, e := range v {
				walk(e, markdown)
			}
		case map[string]any:
			for name, e := range v {
				walk(e, v["type"] == "mrkdwn" && name == "text")
			}
		}
	}
	walk(tree, false)
}

// tameChannel looks at all that Slack shows.
func (c *chat) tameChannel() {
	c.Helper()
	for _, m := range c.slack.Messages(secops) {
		for _, line := range append(c.slack.Thread(secops, m.TS), m) {
			require.False(c, line.LinkNames || line.Unfurl || line.Parse == "full", "Slack looks for links and names in it")
			c.tame("a message", line.Live(), line.Blocks)
		}
	}
	for _, user := range []string{"U0ALICE", "U0BOB"} {
		for _, m := range c.slack.Ephemeral(user) {
			c.tame("what one person hears", m.Live(), m.Blocks)
		}
	}
}

// hostileInSlack sends an event whose free fields are hostile, and long, through Slack to the approved end.
func hostileInSlack(t *testing.T) {
	c := newChat(t, overHTTP, "")
	g := c.openGate()
	raw := c.poisoned(func(finding map[string]any) {
		finding["title"] = hostile + markup
		finding["description"] = strings.Repeat(hostile+markup, 50<<10/len(hostile+markup))
	})
	status, answer := g.ask("pipeline", http.MethodPost, "/v1/events", raw)
	require.Equal(t, http.StatusOK, status, answer)
	r := c.asked(sampleRun)
	m := c.card(r)
	require.Contains(t, c.slack.Plain(m), "evil.example", "it does not reach the card")
	c.tameChannel()

	got := c.press("U0ALICE", m, blocks.ActDetails)
	require.NotNil(t, got.View)
	c.tame("the details", got.View.Live(), got.View.Blocks)
	c.slack.CloseView("U0ALICE")
	home, err := c.slack.OpenHome("U0ALICE")
	require.NoError(t, err)
	require.True(t, home.Acked)
	c.eventually("there is no home", func() bool { _, is := c.slack.Home("U0ALICE"); return is })
	view, _ := c.slack.Home("U0ALICE")
	c.tame("the home tab", view.Live(), view.Blocks)

	got = c.press("U0BOB", m, blocks.ActReject)
	require.NotNil(t, got.View)
	c.tame("a form", got.View.Live(), got.View.Blocks)
	c.slack.CloseView("U0BOB")
	second := c.card(c.asks("second", ""))
	c.press("U0BOB", second, blocks.ActReject)
	got, err = c.slack.Submit("U0BOB", chatstandin.Fill{"reason": {"value": hostile + markup}})
	require.NoError(t, err)
	require.True(t, got.Acked)
	c.reads(second, "Rejected")
	c.untouched()

	c.press("U0ALICE", m, blocks.ActApprove)
	c.over(sampleRun)
	require.Equal(t, contained, c.changes())
	c.reads(m, "Approved and done")
	c.tameChannel()
	inLines(t, "the logs", c.logs.String())
}
