package standin_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/standin"
)

// slack-go finds in what the stand-in sends what it looks for, over a socket.
func TestSlackGoOverSocket(t *testing.T) {
	s, c := start(t, standin.Options{})
	api := slack.New(standin.SampleBotToken, slack.OptionAppLevelToken(standin.SampleAppToken), slack.OptionAPIURL(c.api), slack.OptionHTTPClient(c.http))
	client := socketmode.New(api)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- client.RunContext(ctx) }()
	got := make(chan any, 10)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-client.Events:
				if e.Request == nil {
					continue
				}
				switch e.Type {
				case socketmode.EventTypeInteractive, socketmode.EventTypeSlashCommand, socketmode.EventTypeEventsAPI:
					got <- e.Data
					if err := client.AckCtx(ctx, e.Request.EnvelopeID, nil); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}()
	defer func() {
		cancel()
		<-ended
		<-drained
	}()
	wait, stop := context.WithTimeout(ctx, soon)
	defer stop()
	require.NoError(t, s.Wait(wait, func() bool { return s.Sockets() == 1 }))

	_, ts, err := api.PostMessage("C0SECOPS", slack.MsgOptionText("may I?", false), slack.MsgOptionBlocks(
		slack.NewActionBlock("row", slack.NewButtonBlockElement("approve", "digest", slack.NewTextBlockObject(slack.PlainTextType, "Approve", false, false)))))
	require.NoError(t, err)
	result, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
	require.NoError(t, err)
	require.True(t, result.Acked)
	click := (<-got).(slack.InteractionCallback)
	require.Equal(t, []any{"U0ALICE", standin.SampleTeam, standin.SampleApp, ts, "digest"},
		[]any{click.User.ID, click.Team.ID, click.APIAppID, click.Container.MessageTs, click.ActionCallback.BlockActions[0].Value})

	_, err = s.Command("U0ALICE", "C0SECOPS", "/playbook list")
	require.NoError(t, err)
	require.Equal(t, "list", (<-got).(slack.SlashCommand).Text)
	_, err = s.OpenHome("U0ALICE")
	require.NoError(t, err)
	event := (<-got).(slackevents.EventsAPIEvent)
	require.Equal(t, "U0ALICE", event.InnerEvent.Data.(*slackevents.AppHomeOpenedEvent).User)
}

// slack-go takes the signature, and finds the form's values.
func TestSlackGoOverHTTP(t *testing.T) {
	at, got := deliverTo(t, good)
	s, c := start(t, standin.Options{RequestURL: at})
	api := slack.New(standin.SampleBotToken, slack.OptionAPIURL(c.api), slack.OptionHTTPClient(c.http))
	ts := c.post("C0SECOPS", "approve")
	_, err := s.Press("U0ALICE", "C0SECOPS", ts, "approve")
	require.NoError(t, err)
	parse := func() slack.InteractionCallback {
		d := <-got
		v, err := slack.NewSecretsVerifier(d.header, standin.SampleSecret)
		require.NoError(t, err)
		_, err = v.Write(d.body)
		require.NoError(t, err)
		require.NoError(t, v.Ensure())
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at, bytes.NewReader(d.body))
		require.NoError(t, err)
		r.Header = d.header
		in, err := slack.InteractionCallbackParse(r)
		require.NoError(t, err)
		return in
	}
	in := parse()
	opened, err := api.OpenView(in.TriggerID, slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: "reject_form", PrivateMetadata: "digest",
		Title: slack.NewTextBlockObject(slack.PlainTextType, "Reject", false, false), Submit: slack.NewTextBlockObject(slack.PlainTextType, "Reject", false, false),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			slack.NewInputBlock("reason", slack.NewTextBlockObject(slack.PlainTextType, "Why", false, false), nil, slack.NewPlainTextInputBlockElement(nil, "text")),
			slack.NewInputBlock("until", slack.NewTextBlockObject(slack.PlainTextType, "Until", false, false), nil, slack.NewDateTimePickerBlockElement("when")),
		}},
	})
	require.NoError(t, err)
	require.NotEmpty(t, opened.Hash)
	_, err = s.Submit("U0ALICE", standin.Fill{"reason": {"text": "too risky"}, "until": {"when": 1790000000}})
	require.NoError(t, err)
	in = parse()
	require.Equal(t, slack.InteractionTypeViewSubmission, in.Type)
	require.Equal(t, []any{opened.ID, "digest", "too risky", int64(1790000000)},
		[]any{in.View.ID, in.View.PrivateMetadata, in.View.State.Values["reason"]["text"].Value, in.View.State.Values["until"]["when"].SelectedDateTime})
}
