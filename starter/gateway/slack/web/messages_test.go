package web_test

import (
	"testing"
	"testing/synctest"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

func TestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		ctx := t.Context()
		ts, err := c.Post(ctx, channel, "", false, card, meta)
		require.NoError(t, err)
		m, ok := s.Message(channel, ts)
		require.True(t, ok)
		require.Equal(t, []any{"may I?", "none", false, false}, []any{m.Text, m.Parse, m.LinkNames, m.Unfurl})
		require.Equal(t, "digest", m.Buttons()[0].Value)
		require.Equal(t, map[string]any{"event_type": "countersign_request", "event_payload": map[string]any{"request": "digest", "attempt": 1.0}}, m.Metadata)

		_, err = c.Post(ctx, channel, ts, true, blocks.Message{Text: "it failed"}, web.Meta{})
		require.NoError(t, err)
		require.Len(t, s.Thread(channel, ts), 1)
		require.Len(t, s.Messages(channel), 2, "broadcast")

		require.NoError(t, c.Update(ctx, channel, ts, blocks.Message{Text: "done"}))
		m, _ = s.Message(channel, ts)
		require.Empty(t, m.Buttons())
		require.NotNil(t, m.Metadata)

		require.NoError(t, c.Private(ctx, channel, "U0ALICE", ts, blocks.Message{Text: "for you"}))
		require.Equal(t, "for you", s.Ephemeral("U0ALICE")[0].Text)
		require.Empty(t, s.Ephemeral("U0BOB"))

		link, err := c.Permalink(ctx, channel, ts)
		require.NoError(t, err)
		require.Contains(t, link, channel)
		direct, err := c.Direct(ctx, "U0BOB")
		require.NoError(t, err)
		_, err = c.Post(ctx, direct, "", false, card, meta)
		require.NoError(t, err)
		require.Len(t, s.Messages(direct), 1)
		require.NoError(t, c.Delete(ctx, channel, ts))
		require.True(t, web.Is(c.Delete(ctx, channel, ts), web.Gone))
	})
}

// After a post whose answer was lost, the message is found; what others say of themselves is not.
func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		ctx := t.Context()
		_, found, err := c.Find(ctx, channel, "digest")
		require.NoError(t, err)
		require.False(t, found)

		s.Inject(standin.Fault{Method: "chat.postMessage", Kind: standin.LoseAnswer, Times: 1})
		_, err = c.Post(ctx, channel, "", false, card, meta)
		require.True(t, web.Is(err, web.Ambiguous))
		for range 250 { // more than a page
			s.Say("U0BOB", channel, "chatter")
		}
		ts, found, err := c.Find(ctx, channel, "digest")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, s.Messages(channel)[0].TS, ts)

		s.Forge("U0ROBOT", channel, map[string]any{"event_type": "countersign_request", "event_payload": map[string]any{"request": "other"}})
		_, found, err = c.Find(ctx, channel, "other")
		require.NoError(t, err)
		require.False(t, found, "it is not ours")

		s.SetScopes("chat:write")
		_, found, err = c.Find(ctx, channel, "digest")
		require.False(t, found)
		e := failed(t, err)
		require.Equal(t, []any{web.Operator, "channels:history"}, []any{e.Kind, e.Needed})
	})
}

func modal(callback string) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: callback, Title: slack.NewTextBlockObject(slack.PlainTextType, "A form", false, false),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}},
	}
}

func TestHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := start(t, standin.Options{})
		home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, CallbackID: "home", Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}}}
		require.NoError(t, c.Home(t.Context(), "U0ALICE", home))
		v, ok := s.Home("U0ALICE")
		require.True(t, ok)
		require.Equal(t, "home", v.Callback)
		require.Error(t, c.Home(t.Context(), "U0NOBODY", home))
	})
}
