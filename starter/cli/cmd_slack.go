package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/countersign/countersign/starter/card"
)

// The variables of the environment with what Slack is spoken to with.
const (
	slackTokenEnv  = "SLACK_BOT_TOKEN"
	slackAppEnv    = "SLACK_APP_TOKEN"
	slackSecretEnv = "SLACK_SIGNING_SECRET"
	slackGroupsEnv = "SLACK_GROUPS_TOKEN"
	slackURLEnv    = "SLACK_API_URL"
)

// slackFlags are the files that the commands about Slack read.
type slackFlags struct {
	file   string // routes
	people string
}

func (f *slackFlags) flags(flags *pflag.FlagSet) {
	flags.StringVar(&f.file, "slack", "", "`file` of the workspace, the channels and the routes, as serve takes it")
	flags.StringVar(&f.people, "directory", "", "`file` that names the people of each group")
}

func (a *app) slack() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slack",
		Short: "Look whether Slack is set up as the gateway needs it, and where what is shown",
		Args:  arguments(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var f slackFlags
	var post string // a channel
	check := &cobra.Command{
		Use:   "check",
		Short: "Ask Slack about the tokens, the scopes, the channels and the user groups, and name what is missing",
		Long: `Ask Slack about the tokens, the scopes, the channels and the user groups, and name what is missing.

The tokens are those of serve: $` + slackTokenEnv + `, and $` + slackAppEnv + ` or $` + slackSecretEnv + `. With --slack the workspace,
the app and every channel of that file are looked at, with --directory the user groups that it names. It
changes nothing, but for a line in the channel of --post, which stays.

Exit codes: 0 all is well, 1 something is missing, 3 Slack could not be asked about something.`,
		Example: `  starter slack check --slack slack.yaml --directory people.yaml
  starter slack check --slack slack.yaml --post C0SECOPS -o json`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.env(slackTokenEnv) == "" {
				return usagef(cmd, "set $%s to the bot's token", slackTokenEnv)
			}
			return a.checkSlack(cmd.Context(), f, post)
		},
	}
	f.flags(check.Flags())
	check.Flags().StringVar(&post, "post", "", "post a line into the `channel` with that id")
	cmd.AddCommand(check, a.slackRoutes())
	return cmd
}

// The states of what was looked at.
const (
	slackGood    = "ok"
	slackNote    = "note"
	slackBad     = "fail"
	slackUnknown = "unknown"
)

// slackCheck is one thing that was looked at.
type slackCheck struct {
	What  string `json:"what"`
	State string `json:"state"`
	Says  string `json:"says"`
	// Do is what to do about it.
	Do string `json:"do,omitempty"`
}

type slackChecks []slackCheck

func (s *slackChecks) add(what, state, says, do string) {
	*s = append(*s, slackCheck{what, state, says, do})
}

// told is the exit code.
func (s slackChecks) told() error {
	code := exitDone
	for _, c := range s {
		switch {
		case c.State == slackBad:
			return told(exitRefused)
		case c.State == slackUnknown:
			code = exitUnknown
		}
	}
	if code == exitDone {
		return nil
	}
	return told(code)
}

func (a *app) printSlack(checks slackChecks) error {
	if a.json() {
		return a.printJSON(checks)
	}
	for _, c := range checks {
		if err := a.print("%-7s  %s: %s", c.State, card.Clean(c.What, 200), card.Clean(c.Says, 500)); err != nil {
			return err
		}
		if c.Do != "" {
			if err := a.print("         %s", card.Clean(c.Do, 500)); err != nil {
				return err
			}
		}
	}
	return nil
}
