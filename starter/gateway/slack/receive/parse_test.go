package receive

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func read1(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(raw)
}

func parse(raw string, by func(object) (incoming, error)) (incoming, error) {
	o, err := decode([]byte(raw))
	if err != nil {
		return incoming{}, err
	}
	return by(o)
}

var alice = From{App: "A0123", Team: "T0123", User: "U0ALICE", UserTeam: "T0123"}

// with returns alice somewhere.
func with(change func(*From)) From {
	f := alice
	change(&f)
	return f
}

func TestParse(t *testing.T) {
	inView := with(func(f *From) { f.Trigger = "1111.2222.3333" })
	inEnterprise := with(func(f *From) { f.Trigger, f.Enterprise = "1111.2222.3333", "E0123" })
	onMessage := with(func(f *From) {
		f.Channel, f.Message, f.Thread = "C0SECOPS", "1548261231.000200", "1548261230.000100"
		f.Trigger = "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3"
		f.ResponseURL = "https://hooks.slack.com/actions/T0123/1232321423432/D09sSasdasdAS9091209"
	})
	command := From{
		App: "A0123", Team: "T0123", User: "U0ALICE", Channel: "C0SECOPS", Trigger: "13345224609.738474920.8088930838d88f008e0",
		ResponseURL: "https://hooks.slack.com/commands/T0123/1234/5678",
	}
	one := func(kind, text string) map[string]Value { return map[string]Value{"value": {Type: kind, Text: text}} }
	some := func(kind string, chosen ...string) map[string]Value {
		return map[string]Value{"value": {Type: kind, Chosen: chosen}}
	}
	for name, tc := range map[string]struct {
		by   func(object) (incoming, error)
		want incoming
	}{
		"block_actions_message.json": {interaction, incoming{
			kind: kindClick, name: "approve", from: onMessage,
			click: &Click{From: onMessage, Action: "approve", Value: "sha256:39fc5b8cfab4f4e1d1f588617e769e65b45e394e3743d7a574cf0a97079672e9"},
		}},
		"block_actions_view.json": {interaction, incoming{
			kind: kindClick, name: "approve", from: inEnterprise,
			click: &Click{From: inEnterprise, Action: "approve", Value: "sha256:39fc", View: &View{ID: "V0DETAILS", Hash: "1548261231.abcdef", Callback: "shown", Meta: "sha256:39fc", Values: Values{}}},
		}},
		"block_actions_home.json": {interaction, incoming{
			kind: kindClick, name: "show", from: inView,
			click: &Click{From: inView, Action: "show", Value: "all", View: &View{ID: "V0HOME", Hash: "1548261231.abcdef", Values: Values{"filter": {"show": {Type: "static_select", Text: "all"}}}}},
		}},
		"view_submission.json": {interaction, incoming{
			kind: kindSubmission, name: "answer_form", from: inView, firstInput: "reason",
			submission: &Submission{From: inView, View: View{ID: "V0FORM", Hash: "1548261231.abcdef", Callback: "answer_form", Meta: "sha256:39fc", Values: Values{
				"reason":   one("plain_text_input", "it is <!channel> & mine"),
				"empty":    one("plain_text_input", ""),
				"count":    one("number_input", "12"),
				"mail":     one("email_text_input", "alice@example.com"),
				"link":     one("url_text_input", "https://example.com/x"),
				"choice":   one("static_select", "keep"),
				"none":     one("static_select", ""),
				"found":    one("external_select", "found"),
				"radio":    one("radio_buttons", "true"),
				"several":  some("multi_static_select", "a", "b"),
				"sought":   some("multi_external_select"),
				"boxes":    some("checkboxes", "sure"),
				"person":   one("users_select", "U0BOB"),
				"people":   some("multi_users_select", "U0BOB", "U0CAROL"),
				"place":    one("conversations_select", "C0SECOPS"),
				"places":   some("multi_conversations_select", "C0SECOPS"),
				"channel":  one("channels_select", "C0SECOPS"),
				"channels": some("multi_channels_select", "C0SECOPS", "C0OPS"),
				"day":      one("datepicker", "2026-12-24"),
				"time":     one("timepicker", "23:59"),
				"moment":   {"value": {Type: "datetimepicker", Time: 1798070400}},
				"files":    some("file_input", "F0123"),
				"rich":     one("rich_text_input", ""),
			}}},
		}},
		"view_closed.json": {interaction, incoming{kind: kindOther, name: "view_closed"}},
		"shortcut.json":    {interaction, incoming{kind: kindOther, name: "shortcut"}},
		"slash_command.json": {commandOf, incoming{
			kind: kindCommand, name: "/playbook", from: command,
			command: &Command{From: command, Name: "/playbook", Text: "run aws-compromised-access-key"},
		}},
		"app_home_opened.json": {eventOf, incoming{
			kind: kindOpened, name: "app_home_opened", from: From{App: "A0123", Team: "T0123", User: "U0ALICE"},
			opened: &Opened{From: From{App: "A0123", Team: "T0123", User: "U0ALICE"}, EventID: "Ev08MFMKH6"},
		}},
		"message_event.json": {eventOf, incoming{kind: kindOther, name: "event_callback message"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(read1(t, name), tc.by)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(tc.want, got, cmp.AllowUnexported(incoming{})))
		})
	}
}

// A click in a message that one person alone sees is of no message, whatever its time stamp.
func TestParseEphemeral(t *testing.T) {
	got, err := parse(strings.Replace(read1(t, "block_actions_message.json"), `"is_ephemeral": false`, `"is_ephemeral": true`, 1), interaction)
	require.NoError(t, err)
	require.Empty(t, got.click.Message)
	require.NotEmpty(t, got.click.ResponseURL)
}

func TestParseRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		file string
		by   func(object) (incoming, error)
		old  string
		with string
		says string
	}{
		"no type":              {"block_actions_message.json", interaction, `"type": "block_actions"`, `"kind": "x"`, "type"},
		"the type is a number": {"block_actions_message.json", interaction, `"type": "block_actions"`, `"type": 1`, "type"},
		"no user":              {"block_actions_message.json", interaction, `"id": "U0ALICE"`, `"is": "U0ALICE"`, "id: want an id"},
		"the user is a text":   {"view_submission.json", interaction, `"user": {"id": "U0ALICE", "username": "alice", "name": "alice", "team_id": "T0123"}`, `"user": "U0ALICE"`, "user: want an object"},
		"a user that is no id": {"block_actions_message.json", interaction, `"id": "U0ALICE"`, `"id": "U0ALICE> <!channel"`, "id: want an id"},
		"no workspace":         {"block_actions_message.json", interaction, `"team": {"id": "T0123"`, `"team": {"is": "T0123"`, "id: want an id"},
		"two actions": {"block_actions_message.json", interaction, `"actions": [
    {"action_id": "approve"`, `"actions": [{"action_id": "reject", "type": "button", "value": "x"},
    {"action_id": "approve"`, "actions: want one"},
		"no action":                 {"block_actions_message.json", interaction, `"actions": [`, `"actions": [], "others": [`, "actions: want one"},
		"actions of no objects":     {"block_actions_message.json", interaction, `"actions": [`, `"actions": ["approve",`, "actions: want a list of objects"},
		"an action without a name":  {"block_actions_message.json", interaction, `{"action_id": "approve", "block_id": "decide", "text"`, `{"block_id": "decide", "text"`, "action_id: want one"},
		"a long name":               {"block_actions_message.json", interaction, `{"action_id": "approve", "block_id"`, `{"action_id": "` + strings.Repeat("a", 256) + `", "block_id"`, "action_id: want at most 255"},
		"a long value":              {"block_actions_view.json", interaction, `"value": "sha256:39fc", "action_ts"`, `"value": "` + strings.Repeat("a", 3001) + `", "action_ts"`, "value: want at most 3000"},
		"two channels":              {"block_actions_message.json", interaction, `"channel_id": "C0SECOPS"`, `"channel_id": "C0OTHER"`, "channel"},
		"no time stamp":             {"block_actions_message.json", interaction, `"message_ts": "1548261231.000200"`, `"message_ts": ""`, "message_ts"},
		"a time stamp that is none": {"block_actions_message.json", interaction, `"message_ts": "1548261231.000200"`, `"message_ts": "now"`, "message_ts"},
		"nowhere":                   {"block_actions_view.json", interaction, `"view": {`, `"sight": {`, "container"},
		"answers without TLS":       {"block_actions_message.json", interaction, `https://hooks`, `http://hooks`, "response_url"},
		"answers elsewhere":         {"block_actions_message.json", interaction, `https://hooks.slack.com`, `file://`, "response_url"},
		"answers with a password":   {"block_actions_message.json", interaction, `https://hooks`, `https://a:b@hooks`, "response_url"},
		"no view":                   {"view_submission.json", interaction, `"view": {`, `"sight": {`, "view: want one"},
		"long private metadata":     {"view_submission.json", interaction, `"private_metadata": "sha256:39fc"`, `"private_metadata": "` + strings.Repeat("é", 3001) + `"`, "private_metadata"},
		"values of no blocks":       {"view_submission.json", interaction, `"values": {`, `"values": [], "others": {`, "values: want an object"},
		"a value of no type":        {"view_submission.json", interaction, `{"type": "users_select", "selected_user": "U0BOB"}`, `"U0BOB"`, "value: want an object"},
		"a user that is a list":     {"view_submission.json", interaction, `"selected_user": "U0BOB"`, `"selected_user": ["U0BOB"]`, "selected_user"},
		"users that are a text":     {"view_submission.json", interaction, `"selected_users": ["U0BOB", "U0CAROL"]`, `"selected_users": "U0BOB"`, "selected_users"},
		"users that are numbers":    {"view_submission.json", interaction, `"selected_users": ["U0BOB", "U0CAROL"]`, `"selected_users": [1]`, "selected_users"},
		"a time that is a text":     {"view_submission.json", interaction, `"selected_date_time": 1798070400`, `"selected_date_time": "1798070400"`, "selected_date_time"},
		"half a second":             {"view_submission.json", interaction, `"selected_date_time": 1798070400`, `"selected_date_time": 0.5`, "selected_date_time"},
		"a command without a slash": {"slash_command.json", commandOf, `"/playbook"`, `"playbook"`, "command"},
		"a long command":            {"slash_command.json", commandOf, `"run aws-compromised-access-key"`, `"` + strings.Repeat("a", 3001) + `"`, "text"},
		"a command of nobody":       {"slash_command.json", commandOf, `"user_id": "U0ALICE"`, `"user_id": ""`, "user_id"},
		"an event without an id":    {"app_home_opened.json", eventOf, `"event_id": "Ev08MFMKH6"`, `"event_id": ""`, "event_id"},
		"an event that is a text":   {"app_home_opened.json", eventOf, `"event": {`, `"event": "x", "others": {`, "event: want an object"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := read1(t, tc.file)
			require.Contains(t, raw, tc.old)
			_, err := parse(strings.Replace(raw, tc.old, tc.with, 1), tc.by)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestParseBounds(t *testing.T) {
	values := map[string]map[string]map[string]string{"a": {}}
	for i := range maxEntries + 1 {
		values["a"][strings.Repeat("x", i+1)] = map[string]string{"type": "plain_text_input", "value": "x"}
	}
	raw, err := json.Marshal(values)
	require.NoError(t, err)
	_, err = parse(strings.Replace(read1(t, "view_submission.json"), `"values": {`, `"values": `+string(raw)+`, "others": {`, 1), interaction)
	require.ErrorContains(t, err, "fewer entries")
	for _, raw := range []string{"", "[]", "1", "{", `{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `{"a":[{"b":1,"b":2}]}`, `{} {}`, "{\"a\":\"\xff\"}", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), `{"a":"` + strings.Repeat("x", maxBody) + `"}`} {
		_, err := decode([]byte(raw))
		require.Error(t, err, "%.60s", raw)
	}
}
