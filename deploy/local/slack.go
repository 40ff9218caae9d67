package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows/policy"
)

// slackFile is where the file of routes is that was made for this deployment.
const slackFile = "slack.yaml"

// envChannel is the channel that everything is shown in, where no file says more.
const envChannel = "SLACK_CHANNEL"

// chat is whether and how people are asked in Slack.
type chat struct {
	tokens slack.Tokens
	file   string // of routes; "" with tokens: one is made
}

// readChat reads flags and environment, so that what is missing is told before anything starts.
func (o options) readChat() (*chat, error) {
	tokens, err := slack.ReadTokens(os.Getenv)
	if err != nil {
		return nil, err
	}
	c := &chat{tokens, o.slack}
	switch given := tokens.Given(); {
	case len(given) == 0 && o.slack == "":
		return nil, nil
	case len(given) == 0:
		return nil, fmt.Errorf("--slack wants tokens in the environment: $%s, and $%s for Socket Mode or $%s for HTTP", slack.EnvBot, slack.EnvApp, slack.EnvSigning)
	case o.slack == "" && os.Getenv(envChannel) == "":
		return nil, fmt.Errorf("%s is set: say in which channel to ask with $%s, the id of one that the app is in, or with --slack FILE where what is shown", strings.Join(given, " and "), envChannel)
	}
	return c, nil
}

// routes makes a file that shows everything in one channel, for the app that the token is of.
func (c *chat) routes(ctx context.Context, state string) error {
	if c.file != "" {
		return nil
	}
	client, err := web.New(web.Options{Token: c.tokens.Bot, API: c.tokens.API})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	is, err := client.Self(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("ask Slack which app the token is of: %w", err)
	case is.App == "":
		return errors.New("Slack does not say which app the token is of: give the scope users:read, or --slack FILE")
	}
	c.file = filepath.Join(state, slackFile)
	text := fmt.Sprintf("# Made by deploy/local. For more than one channel copy it, and give it as --slack FILE.\nworkspace: %q\napp: %q\nfallback: %q\n", is.Team, is.App, os.Getenv(envChannel))
	if err := os.WriteFile(c.file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write where Slack shows what: %w", err)
	}
	return nil
}

// startSlack lets people be asked in Slack. What an operator must mend goes to trouble.
func (d *deployment) startSlack(ctx context.Context, o options, l *ledger.Ledger, rules func() (*policy.Policy, error), opts *server.Options) error {
	if o.chat == nil {
		return nil
	}
	if err := o.chat.routes(ctx, o.state); err != nil {
		return err
	}
	front, err := slack.Open(slack.Setup{
		File: o.chat.file, Tokens: o.chat.tokens, Desk: d.desk, Ledger: l, Runs: d.runs, Directory: d.desk.Directory, Library: d.desk.Library,
		Policy: rules, Log: slog.New(slog.NewTextHandler(lines(d.trouble), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	d.desk.Notifier = desk.Notifiers{d.desk.Notifier, front}
	opts.Routes = append(opts.Routes, front.Mount)
	opts.Ready = append(opts.Ready, server.Check{Name: "slack", Ready: front.Ready})
	d.slack = front
	return nil
}

// lines is a writer of lines.
type lines func(string)

// Write implements io.Writer.
func (l lines) Write(line []byte) (int, error) {
	if l != nil {
		l(strings.TrimRight(string(line), "\n"))
	}
	return len(line), nil
}
