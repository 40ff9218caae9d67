package receive_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/receive"
)

func TestHTTP(t *testing.T) {
	h := build(t, nil)
	h.desk.reply = receive.Reply{Private: "recorded"}
	mux := h.mux(t)

	w := send(mux, request(receive.PathInteractions, form(file(t, "block_actions_message.json"))))
	require.Equal(t, 200, w.Code, "%s", w.Body)
	require.Empty(t, w.Body.String(), "a click is acknowledged without a word")
	w = send(mux, request(receive.PathCommands, file(t, "slash_command.form")))
	require.Equal(t, 200, w.Code)
	require.JSONEq(t, `{"response_type":"ephemeral","text":"recorded"}`, w.Body.String())
	h.desk.formReply = receive.FormReply{Errors: map[string]string{"reason": "say more"}}
	w = send(mux, request(receive.PathInteractions, form(file(t, "view_submission.json"))))
	require.JSONEq(t, `{"response_action":"errors","errors":{"reason":"say more"}}`, w.Body.String())
	w = send(mux, request(receive.PathEvents, file(t, "app_home_opened.json")))
	require.Equal(t, 200, w.Code)
	require.NoError(t, h.Wait(t.Context()))

	require.Equal(t, []string{"U0ALICE: recorded"}, h.whispers.all())
	require.Equal(t, 4, h.desk.told())
	require.Empty(t, cmp.Diff(receive.Click{
		From: receive.From{
			App: "A0123", Team: "T0123", User: "U0ALICE", UserTeam: "T0123", Channel: "C0SECOPS", Message: "1548261231.000200", Thread: "1548261230.000100",
			Trigger:     "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
			ResponseURL: "https://hooks.slack.com/actions/T0123/1232321423432/D09sSasdasdAS9091209",
		},
		Action: "approve", Value: "sha256:39fc5b8cfab4f4e1d1f588617e769e65b45e394e3743d7a574cf0a97079672e9",
	}, h.desk.clicks[0]))
}
