package web

import (
	"context"

	"github.com/slack-go/slack"
)

// Open opens a form for whom the trigger is of. A trigger lives three seconds and opens one view; one
// that does not any more is [Gone].
func (c *Client) Open(ctx context.Context, trigger string, view slack.ModalViewRequest) (id, hash string, err error) {
	return c.view(ctx, "views.open", func(ctx context.Context) (*slack.ViewResponse, error) {
		return c.api.OpenViewContext(ctx, trigger, view)
	})
}

// Push puts a form on top of the one that the trigger comes from. Three are the most.
func (c *Client) Push(ctx context.Context, trigger string, view slack.ModalViewRequest) (id, hash string, err error) {
	return c.view(ctx, "views.push", func(ctx context.Context) (*slack.ViewResponse, error) {
		return c.api.PushViewContext(ctx, trigger, view)
	})
}

// UpdateView replaces a form that is open. With a hash, only if it is still the one that has that hash:
// otherwise, and where it is closed, the error is [Gone].
func (c *Client) UpdateView(ctx context.Context, id, hash string, view slack.ModalViewRequest) error {
	// With a hash, a repetition would meet its own doing.
	return c.call(ctx, "views.update", "", hash == "", func(ctx context.Context) error {
		_, err := c.api.UpdateViewContext(ctx, view, "", hash, id)
		return err
	})
}

// Home shows a person's home tab.
func (c *Client) Home(ctx context.Context, user string, view slack.HomeTabViewRequest) error {
	return c.call(ctx, "views.publish", "", true, func(ctx context.Context) error {
		_, err := c.api.PublishViewContext(ctx, slack.PublishViewContextRequest{UserID: user, View: view})
		return err
	})
}

func (c *Client) view(ctx context.Context, method string, do func(context.Context) (*slack.ViewResponse, error)) (id, hash string, err error) {
	err = c.call(ctx, method, "", false, func(ctx context.Context) error {
		r, err := do(ctx)
		if err == nil {
			id, hash = r.ID, r.Hash
		}
		return err
	})
	return id, hash, err
}
