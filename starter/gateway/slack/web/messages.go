package web

import (
	"context"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
)

// metaType is the event_type of what a message of ours says to machines.
const metaType = "countersign_request"

// Post posts a message, in a thread where thread is not "", and to the channel as well where broadcast
// is set. A user's id as channel posts to the person; read [Client.Direct] for the id to update in. The
// error is [Ambiguous] where the message may stand there all the same.
func (c *Client) Post(ctx context.Context, channel, thread string, broadcast bool, m blocks.Message, meta Meta) (ts string, err error) {
	opts := append(content(m), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	if thread != "" {
		opts = append(opts, slack.MsgOptionTS(thread))
		if broadcast {
			opts = append(opts, slack.MsgOptionBroadcast())
		}
	}
	if meta.Request != "" {
		opts = append(opts, slack.MsgOptionMetadata(slack.SlackMetadata{
			EventType:    metaType,
			EventPayload: map[string]any{"request": meta.Request, "attempt": meta.Attempt},
		}))
	}
	err = c.call(ctx, "chat.postMessage", channel, false, func(ctx context.Context) error {
		_, at, err := c.api.PostMessageContext(ctx, channel, opts...)
		if err == nil && at == "" {
			return &failure{code: "answer", sent: true, err: errNotAnswer}
		}
		ts = at
		return err
	})
	if err != nil {
		return "", err
	}
	return ts, nil
}

// Update writes a message anew. Without blocks in m, those that were there go.
func (c *Client) Update(ctx context.Context, channel, ts string, m blocks.Message) error {
	return c.call(ctx, "chat.update", "", true, func(ctx context.Context) error {
		_, _, _, err := c.api.UpdateMessageContext(ctx, channel, ts, content(m)...)
		return err
	})
}

// Delete takes a message of ours away. One that is not there is [Gone].
func (c *Client) Delete(ctx context.Context, channel, ts string) error {
	return c.call(ctx, "chat.delete", "", true, func(ctx context.Context) error {
		_, _, err := c.api.DeleteMessageContext(ctx, channel, ts)
		return err
	})
}

// Private shows a message to one person in a channel, until they reload.
func (c *Client) Private(ctx context.Context, channel, user, thread string, m blocks.Message) error {
	opts := content(m)
	if thread != "" {
		opts = append(opts, slack.MsgOptionTS(thread))
	}
	return c.call(ctx, "chat.postEphemeral", "", false, func(ctx context.Context) error {
		_, err := c.api.PostEphemeralContext(ctx, channel, user, opts...)
		return err
	})
}

// Permalink is the address of a message.
func (c *Client) Permalink(ctx context.Context, channel, ts string) (link string, err error) {
	err = c.call(ctx, "chat.getPermalink", "", true, func(ctx context.Context) (err error) {
		link, err = c.api.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: channel, Ts: ts})
		return err
	})
	return link, err
}

// content is what a message says. Slack is to make nothing of it that we did not write: no links, no
// names, no channels.
func content(m blocks.Message) []slack.MsgOption {
	opts := []slack.MsgOption{
		slack.MsgOptionText(m.Text, false),
		slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false),
	}
	if len(m.Blocks) > 0 {
		opts = append(opts, slack.MsgOptionBlocks(m.Blocks...))
	}
	return opts
}

// pages bounds how far back Find looks: a thousand messages.
const pages = 5

// Find looks for the message that says of itself that it shows the request; the newest of several. Only
// the app's own messages count: whoever writes in the channel can say what they like. Without the
// history scope nothing is found, and the error is of kind [Operator]: post again then, and mark an
// older one that turns up as superseded.
func (c *Client) Find(ctx context.Context, channel, request string) (ts string, found bool, err error) {
	self, err := c.ids(ctx)
	if err != nil {
		return "", false, err
	}
	cursor := ""
	for range pages {
		var page *slack.GetConversationHistoryResponse
		err := c.call(ctx, "conversations.history", "", true, func(ctx context.Context) (err error) {
			page, err = c.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
				ChannelID: channel, Limit: 200, Cursor: cursor, IncludeAllMetadata: true,
			})
			return err
		})
		if err != nil {
			return "", false, err
		}
		for _, m := range page.Messages {
			if m.Metadata.EventType == metaType && m.Metadata.EventPayload["request"] == request && m.User == self.User {
				return m.Timestamp, true, nil
			}
		}
		if cursor = page.ResponseMetaData.NextCursor; cursor == "" {
			return "", false, nil
		}
	}
	return "", false, nil
}
