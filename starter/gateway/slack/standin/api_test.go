package standin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

func TestRefusals(t *testing.T) {
	s, c := start(t, standin.Options{})
	mine := c.post("C0SECOPS", "approve")
	theirs := s.Say("U0ALICE", "C0SECOPS", "hello")
	long := func(n int) string { return strings.Repeat("ä", n) }
	for name, test := range map[string]struct {
		method string
		args   object
		code   string
	}{
		"unknown channel":      {"chat.postMessage", object{"channel": "C0NONE", "text": "x"}, "channel_not_found"},
		"not in channel":       {"chat.postMessage", object{"channel": "C0NOAPP", "text": "x"}, "not_in_channel"},
		"archived":             {"chat.postMessage", object{"channel": "C0ARCHIVED", "text": "x"}, "is_archived"},
		"nothing said":         {"chat.postMessage", object{"channel": "C0SECOPS"}, "no_text"},
		"no thread":            {"chat.postMessage", object{"channel": "C0SECOPS", "text": "x", "thread_ts": "1.2"}, "thread_not_found"},
		"blocks no list":       {"chat.postMessage", object{"channel": "C0SECOPS", "text": "x", "blocks": "{"}, "invalid_blocks_format"},
		"unknown block":        {"chat.postMessage", object{"channel": "C0SECOPS", "text": "x", "blocks": []any{object{"type": "marquee"}}}, "invalid_blocks"},
		"metadata without":     {"chat.postMessage", object{"channel": "C0SECOPS", "text": "x", "metadata": object{"event_type": "a"}}, "invalid_metadata_schema"},
		"no message":           {"chat.update", object{"channel": "C0SECOPS", "ts": "1.2", "text": "x"}, "message_not_found"},
		"another's message":    {"chat.update", object{"channel": "C0SECOPS", "ts": theirs, "text": "x"}, "cant_update_message"},
		"too long an update":   {"chat.update", object{"channel": "C0SECOPS", "ts": mine, "text": long(4001)}, "msg_too_long"},
		"delete another's":     {"chat.delete", object{"channel": "C0SECOPS", "ts": theirs}, "cant_delete_message"},
		"ephemeral to outside": {"chat.postEphemeral", object{"channel": "C0PRIVATE", "user": "U0CAROL", "text": "x"}, "user_not_in_channel"},
		"no such user":         {"users.info", object{"user": "U0NONE"}, "user_not_found"},
		"no such address":      {"users.lookupByEmail", object{"email": "x@example.com"}, "users_not_found"},
		"address who left":     {"users.lookupByEmail", object{"email": "gone@example.com"}, "users_not_found"},
		"disabled group":       {"usergroups.users.list", object{"usergroup": "S0OLD"}, "no_such_subteam"},
		"no such trigger":      {"views.open", object{"trigger_id": "x", "view": modal("m")}, "invalid_trigger_id"},
		"bad view":             {"views.open", object{"trigger_id": "x", "view": object{"type": "modal"}}, "invalid_arguments"},
		"large view":           {"views.open", object{"trigger_id": "x", "view": object{"type": "modal", "private_metadata": long(200_000)}}, "view_too_large"},
		"no such view":         {"views.update", object{"view_id": "V1", "view": modal("m")}, "not_found"},
		"no such method":       {"chat.whisper", object{}, "unknown_method"},
		"app's method":         {"apps.connections.open", object{}, "not_allowed_token_type"},
		"no such link":         {"chat.getPermalink", object{"channel": "C0SECOPS", "message_ts": "1.2"}, "message_not_found"},
		"talk to a bot":        {"conversations.open", object{"users": "U0ROBOT"}, "cannot_dm_bot"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.code, c.form(test.method, test.args)["error"])
			require.Equal(t, test.code, c.json(test.method, test.args)["error"])
		})
	}
}

func TestTokens(t *testing.T) {
	s, c := start(t, standin.Options{})
	require.Equal(t, standin.SampleTeam, c.form("auth.test", nil)["team_id"])
	require.Equal(t, standin.SampleTeam, c.json("auth.test", object{})["team_id"])
	bad := c
	bad.token = ""
	require.Equal(t, "not_authed", bad.form("auth.test", nil)["error"])
	bad.token = "xoxb-other"
	require.Equal(t, "invalid_auth", bad.json("auth.test", object{})["error"])
	s.SetScopes("chat:write")
	out := c.form("users.info", object{"user": "U0ALICE"})
	require.Equal(t, []any{"missing_scope", "users:read", "chat:write"}, []any{out["error"], out["needed"], out["provided"]})
	require.Equal(t, "groups:read", c.form("conversations.info", object{"channel": "C0PRIVATE"})["needed"])
	require.Equal(t, "channels:history", c.form("conversations.history", object{"channel": "C0SECOPS"})["needed"])
	s.Revoke("token_revoked")
	require.Equal(t, "token_revoked", c.form("auth.test", nil)["error"])
}

func TestMessages(t *testing.T) {
	s, c := start(t, standin.Options{})
	meta := object{"event_type": "asked", "event_payload": object{"request": "r1"}}
	posted := c.form("chat.postMessage", object{"channel": "C0SECOPS", "text": "root", "blocks": []any{actionsBlock("approve")}, "metadata": meta})
	ts := posted["ts"].(string)
	c.form("chat.postMessage", object{"channel": "C0SECOPS", "text": "answer", "thread_ts": ts})
	c.json("chat.postMessage", object{"channel": "C0SECOPS", "text": "loud", "thread_ts": ts, "reply_broadcast": true})
	require.Len(t, s.Messages("C0SECOPS"), 2)
	require.Len(t, s.Thread("C0SECOPS", ts), 2)
	require.Equal(t, []standin.Button{{Block: "row", Action: "approve", Value: "of approve", Text: "approve"}}, s.Messages("C0SECOPS")[0].Buttons())

	// Text alone takes the blocks away, and leaves the metadata.
	require.Equal(t, true, c.form("chat.update", object{"channel": "C0SECOPS", "ts": ts, "text": "done"})["ok"])
	m, found := s.Message("C0SECOPS", ts)
	require.True(t, found)
	require.Empty(t, m.Blocks)
	require.Equal(t, 1, m.Edits)
	require.Equal(t, meta, m.Metadata)

	history := func(args object) []any {
		args["channel"] = "C0SECOPS"
		out := c.form("conversations.history", args)
		require.Equal(t, true, out["ok"], out)
		return out["messages"].([]any)
	}
	require.Nil(t, history(object{})[1].(object)["metadata"], "only for who asks")
	require.Equal(t, meta, history(object{"include_all_metadata": "true"})[1].(object)["metadata"])
	page := c.form("conversations.history", object{"channel": "C0SECOPS", "limit": "1"})
	cursor := page["response_metadata"].(object)["next_cursor"]
	require.Equal(t, "loud", page["messages"].([]any)[0].(object)["text"])
	require.Equal(t, "done", history(object{"limit": "1", "cursor": cursor})[0].(object)["text"])
	require.Len(t, c.form("conversations.replies", object{"channel": "C0SECOPS", "ts": ts})["messages"], 3)

	// An empty object takes the metadata away; a post that is too long is cut.
	c.form("chat.update", object{"channel": "C0SECOPS", "ts": ts, "text": "done", "metadata": object{}})
	m, _ = s.Message("C0SECOPS", ts)
	require.Empty(t, m.Metadata)
	c.form("chat.postMessage", object{"channel": "C0OTHER", "text": strings.Repeat("ä", 50_000)})
	require.Len(t, []rune(s.Messages("C0OTHER")[0].Text), 40_000)

	// A person's id is the conversation with them.
	direct := c.form("chat.postMessage", object{"channel": "U0ALICE", "text": "psst"})
	require.Equal(t, "D0ALICE", direct["channel"])
	require.Equal(t, "D0ALICE", c.form("conversations.open", object{"users": "U0ALICE"})["channel"].(object)["id"])
	require.Equal(t, true, c.form("chat.delete", object{"channel": "D0ALICE", "ts": direct["ts"]})["ok"])
	require.Empty(t, s.Messages("D0ALICE"))
}

func TestLimits(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := standin.New(standin.Options{Limits: true, Clock: func() time.Time { return now }})
	t.Cleanup(s.Close)
	c := small{t: t, api: "https://standin.test/api/", token: standin.SampleBotToken}
	c.http = clientOf(s)
	calls := func(n int, method string, args object) (codes []any) {
		for range n {
			codes = append(codes, c.form(method, args)["error"])
		}
		return codes
	}
	require.NotContains(t, calls(4, "chat.postMessage", object{"channel": "C0SECOPS", "text": "x"}), "ratelimited")
	require.Contains(t, calls(1, "chat.postMessage", object{"channel": "C0SECOPS", "text": "x"}), "ratelimited")
	require.NotContains(t, calls(1, "chat.postMessage", object{"channel": "C0OTHER", "text": "x"}), "ratelimited", "each channel has its own")
	require.NotContains(t, calls(20, "usergroups.list", nil), "ratelimited")
	require.Contains(t, calls(1, "usergroups.list", nil), "ratelimited")
	now = now.Add(time.Minute)
	require.NotContains(t, calls(1, "usergroups.list", nil), "ratelimited")
}
