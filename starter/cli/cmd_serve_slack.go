package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/starter/gateway/slack"
)

const slackHelp = `
With --slack people are asked in Slack. The file says where what is shown and who is on call; the tokens
are in the environment alone:

  SLACK_BOT_TOKEN           xoxb-..., to post with (required)
  SLACK_APP_TOKEN           xapp-..., to hear of clicks over Socket Mode, without a public address
  SLACK_SIGNING_SECRET      to hear of clicks over HTTP, at /slack/interactions, /slack/commands and /slack/events
  SLACK_SIGNING_SECRET_OLD  the one before, while it is being changed
  SLACK_API_URL             where Slack is, for tests

One of the last ways in is needed, and both may be used at once. Of several gateways with one ledger one
writes to Slack; clicks may arrive at any.`

// slackTokens reads the tokens of Slack, and says what is there without the rest.
func (a *app) slackTokens(cmd *cobra.Command, f serveFlags, people func() (directory.Directory, error)) (slack.Tokens, error) {
	tokens, err := slack.ReadTokens(a.env)
	if err != nil {
		return tokens, refuse(err, "")
	}
	if f.slack != "" {
		if err := tokens.Enough(); err != nil {
			return tokens, usagef(cmd, "--slack: %v", err)
		}
		return tokens, nil
	}
	given := tokens.Given()
	if len(given) == 0 {
		return tokens, nil
	}
	d, err := people()
	if err != nil {
		return tokens, refuse(err, "")
	}
	if len(d.SlackGroups) > 0 && len(given) == 1 && given[0] == "$"+slack.EnvBot { // it looks up groups
		return tokens, nil
	}
	return tokens, usagef(cmd, "there is %s, and no --slack FILE says where in Slack what is shown: give the file, or unset it", strings.Join(given, " and "))
}

// openSlack opens the front of --slack and lets the desk's notices reach it. Without the flag there is
// none: nil.
func openSlack(f serveFlags, s slack.Setup, d *desk.Desk, o *server.Options) (*slack.Slack, error) {
	if f.slack == "" {
		return nil, nil
	}
	s.File = f.slack
	front, err := slack.Open(s)
	if err != nil {
		return nil, refuse(err, "")
	}
	d.Notifier = desk.Notifiers{d.Notifier, front}
	o.Routes = append(o.Routes, front.Mount)
	for _, part := range front.Parts() {
		o.Ready = append(o.Ready, server.Check(part))
	}
	return front, nil
}
