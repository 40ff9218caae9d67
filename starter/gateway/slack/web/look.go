package web

import (
	"context"
	"slices"

	"github.com/slack-go/slack"
)

// User asks who a member is. One that Slack does not show us is [Gone].
func (c *Client) User(ctx context.Context, id string) (User, error) {
	return c.user(ctx, "users.info", func(ctx context.Context) (*slack.User, error) { return c.api.GetUserInfoContext(ctx, id) })
}

// UserByEmail asks whose mail address it is; [Gone] where it is nobody's.
func (c *Client) UserByEmail(ctx context.Context, email string) (User, error) {
	return c.user(ctx, "users.lookupByEmail", func(ctx context.Context) (*slack.User, error) { return c.api.GetUserByEmailContext(ctx, email) })
}

func (c *Client) user(ctx context.Context, method string, ask func(context.Context) (*slack.User, error)) (User, error) {
	var u *slack.User
	err := c.call(ctx, method, "", true, func(ctx context.Context) (err error) {
		u, err = ask(ctx)
		return err
	})
	if err != nil {
		return User{}, err
	}
	return User{
		ID: u.ID, Team: u.TeamID, Name: u.Name, Email: u.Profile.Email, EmailConfirmed: u.IsEmailConfirmed,
		Deleted: u.Deleted, Bot: u.IsBot || u.IsConnectorBot || u.IsWorkflowBot || u.ID == "USLACKBOT",
		Restricted: u.IsRestricted, UltraRestricted: u.IsUltraRestricted, Foreign: u.IsStranger,
	}, nil
}

// Channel asks what a conversation is.
func (c *Client) Channel(ctx context.Context, id string) (Channel, error) {
	var ch *slack.Channel
	err := c.call(ctx, "conversations.info", "", true, func(ctx context.Context) (err error) {
		ch, err = c.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
		return err
	})
	if err != nil {
		return Channel{}, err
	}
	return Channel{
		ID: ch.ID, Name: ch.Name, Archived: ch.IsArchived, Member: ch.IsMember || ch.IsIM, Direct: ch.IsIM,
		External: ch.IsExtShared || ch.IsPendingExtShared || len(ch.PendingShared) > 0,
	}, nil
}

// Direct is the conversation between the app and a person.
func (c *Client) Direct(ctx context.Context, user string) (channel string, err error) {
	err = c.call(ctx, "conversations.open", "", true, func(ctx context.Context) error {
		ch, _, _, err := c.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}})
		if err == nil {
			channel = ch.ID
		}
		return err
	})
	return channel, err
}

// Group asks who is in a user group. A disabled one keeps its members, and counts as none: the error is
// of kind [Operator], as it is for one that is not there.
func (c *Client) Group(ctx context.Context, id string) ([]string, error) {
	var groups []slack.UserGroup
	err := c.call(ctx, "usergroups.list", "", true, func(ctx context.Context) (err error) {
		groups, err = c.api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeDisabled(true), slack.GetUserGroupsOptionIncludeUsers(true))
		return err
	})
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(groups, func(g slack.UserGroup) bool { return g.ID == id })
	switch {
	case at < 0:
		return nil, &Error{Method: "usergroups.list", Code: "no_such_subteam", Kind: Operator}
	case groups[at].DateDelete != 0:
		return nil, &Error{Method: "usergroups.list", Code: "group_disabled", Kind: Operator}
	}
	return groups[at].Users, nil
}

// Self asks what the token is: of which workspace and app, and what it may. App is "" where the token
// may not ask (users:read).
func (c *Client) Self(ctx context.Context) (Self, error) {
	var auth *slack.AuthTestResponse
	err := c.call(ctx, "auth.test", "", true, func(ctx context.Context) (err error) {
		auth, err = c.api.AuthTestContext(ctx)
		return err
	})
	if err != nil {
		return Self{}, err
	}
	self := Self{Team: auth.TeamID, User: auth.UserID, Bot: auth.BotID}
	if auth.BotID != "" {
		err := c.call(ctx, "bots.info", "", true, func(ctx context.Context) error {
			bot, err := c.api.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: auth.BotID})
			if err == nil {
				self.App = bot.AppID
			}
			return err
		})
		if err != nil && !Is(err, Operator) {
			return Self{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.self = &self
	self.Scopes = slices.Clone(c.scopes)
	return self, nil
}

// ids are those of the token, asked once.
func (c *Client) ids(ctx context.Context) (Self, error) {
	c.mu.Lock()
	self := c.self
	c.mu.Unlock()
	if self != nil {
		return *self, nil
	}
	return c.Self(ctx)
}
