package standin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// form opens a form for alice, and lets the app answer its submissions one after the other.
func form(t *testing.T, answers ...any) (*standin.Server, *app) {
	t.Helper()
	s, c := start(t, standin.Options{})
	ts := c.post("C0SECOPS", "approve")
	view := modal("reject",
		input("reason", "text"),
		object{"type": "input", "block_id": "how", "optional": true, "label": plain("how"), "element": object{"type": "static_select", "action_id": "pick", "options": options(3)}},
		object{"type": "input", "block_id": "who", "optional": true, "label": plain("who"), "element": object{"type": "users_select", "action_id": "user", "initial_user": "U0BOB"}},
		actionsBlock("more"))
	a, err := dial(c, func(e object) (any, bool) {
		p := e["payload"].(object)
		if p["type"] == "view_submission" {
			next := answers[0]
			answers = answers[1:]
			return next, true
		}
		c.json("views.open", object{"trigger_id": p["trigger_id"], "view": view})
		return nil, true
	})
	require.NoError(t, err)
	_, err = s.Press("U0ALICE", "C0SECOPS", ts, "approve")
	require.NoError(t, err)
	<-a.got
	return s, a
}

func TestSubmit(t *testing.T) {
	s, a := form(t,
		object{"response_action": "errors", "errors": object{"reason": "say more"}},
		object{"response_action": "push", "view": modal("on top")},
		nil,
		object{"response_action": "update", "view": modal("instead")},
		nil)
	filled := standin.Fill{"reason": {"text": "because"}, "how": {"pick": "v1"}}
	got, err := s.Submit("U0ALICE", filled)
	require.NoError(t, err)
	require.True(t, got.Acked)
	require.Equal(t, map[string]string{"reason": "say more"}, got.Errors)
	require.Equal(t, got.Errors, got.View.Errors)
	view := (<-a.got)["payload"].(object)["view"].(object)
	require.Equal(t, "reject", view["callback_id"])
	values := view["state"].(object)["values"].(object)
	require.Equal(t, object{"text": object{"type": "plain_text_input", "value": "because"}}, values["reason"])
	require.Equal(t, "v1", values["how"].(object)["pick"].(object)["selected_option"].(object)["value"])
	require.Equal(t, "U0BOB", values["who"].(object)["user"].(object)["selected_user"], "filled in beforehand")

	got, err = s.Submit("U0ALICE", filled)
	require.NoError(t, err)
	require.Equal(t, "on top", got.View.Callback)
	require.Equal(t, 2, s.Depth("U0ALICE"))
	got, err = s.Submit("U0ALICE", nil)
	require.NoError(t, err)
	require.Equal(t, "reject", got.View.Callback)
	got, err = s.Submit("U0ALICE", filled)
	require.NoError(t, err)
	require.Equal(t, "instead", got.View.Callback)
	got, err = s.Submit("U0ALICE", nil)
	require.NoError(t, err)
	require.Nil(t, got.View)
	_, err = s.Submit("U0ALICE", nil)
	require.ErrorContains(t, err, "no form open")
}

// What Slack's own client does not send is an error, and the app hears nothing.
func TestSubmitRefused(t *testing.T) {
	s, a := form(t)
	_, err := s.Submit("U0ALICE", nil)
	require.ErrorContains(t, err, "must be filled in")
	for want, values := range map[string]standin.Fill{
		"nothing to fill in": {"reason": {"text": "x"}, "nowhere": {"x": "y"}},
		"no option":          {"reason": {"text": "x"}, "how": {"pick": "other"}},
		"too many":           {"reason": {"text": long(3001)}},
	} {
		_, err := s.Submit("U0ALICE", values)
		require.ErrorContains(t, err, want)
	}
	require.Empty(t, a.got)
}

// An answer that Slack does not understand leaves the form open, with a warning.
func TestSubmitAnswers(t *testing.T) {
	for name, answer := range map[string]any{
		"unknown":            object{"response_action": "explode"},
		"error of no block":  object{"response_action": "errors", "errors": object{"nowhere": "x"}},
		"error of no input":  object{"response_action": "errors", "errors": object{"row": "x"}},
		"view not to show":   object{"response_action": "update", "view": object{"type": "modal"}},
		"no object":          "sorry",
		"errors without any": object{"response_action": "errors"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := form(t, answer)
			got, err := s.Submit("U0ALICE", standin.Fill{"reason": {"text": "x"}})
			require.NoError(t, err)
			require.True(t, got.Warning())
			require.Equal(t, "reject", got.View.Callback)
		})
	}
}

func TestPressInView(t *testing.T) {
	s, a := form(t)
	_, err := s.PressInView("U0ALICE", "more", "")
	require.NoError(t, err)
	p := (<-a.got)["payload"].(object)
	require.Equal(t, "view", p["container"].(object)["type"])
	require.Equal(t, "of more", p["actions"].([]any)[0].(object)["value"])
	_, err = s.PressAtHome("U0ALICE", "more", "")
	require.Error(t, err)
}

func TestPlain(t *testing.T) {
	s, c := start(t, standin.Options{})
	c.form("chat.postMessage", object{"channel": "C0SECOPS", "text": "notification", "blocks": []any{
		object{"type": "header", "text": plain("Disable <!channel>?")},
		object{"type": "section", "text": mrkdwn("by <@U0ALICE> of <!subteam^S0ONCALL> in <#C0OTHER>: <https://example.com|the run> &lt;!here&gt; <!here>")},
	}})
	m := s.Messages("C0SECOPS")[0]
	require.Equal(t, "Disable <!channel>?\nby @alice of @oncall in #other: the run <!here> @here", s.Plain(m))
	require.Equal(t, []string{"@U0ALICE", "!subteam^S0ONCALL", "#C0OTHER", "https://example.com|the run", "!here"}, m.Live())
}
