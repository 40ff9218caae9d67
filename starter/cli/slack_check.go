package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/secret"
	front "github.com/countersign/countersign/starter/gateway/slack"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/needs"
	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// slackPatience bounds one question to Slack.
const slackPatience = 10 * time.Second

// readSlack reads the files of the flags that are there. With a directory, whom the routes name is looked
// for in it.
func readSlack(f slackFlags) (routes *route.Routes, people directory.Directory, err error) {
	var known route.Known
	if f.people != "" {
		if people, err = directory.Load(f.people); err != nil {
			return nil, people, err
		}
		known = front.Known(people)
	}
	if f.file != "" {
		routes, err = route.File(f.file, func() (route.Known, error) { return known, nil })()
	}
	return routes, people, err
}

// checkSlack looks at all that it is told of, so that all that is missing is named at once.
func (a *app) checkSlack(ctx context.Context, f slackFlags, post string) error {
	routes, people, err := readSlack(f)
	if err != nil {
		return refuse(err, "")
	}
	if _, err := front.ReadTokens(a.env); err != nil {
		return refuse(err, "")
	}
	c, err := a.slackClient(slackTokenEnv)
	if err != nil {
		return refuse(err, "")
	}
	var checks slackChecks
	if checks.token(ctx, c, routes) {
		checks.socket(ctx, a)
		for _, id := range channels(routes, post) {
			checks.channel(ctx, c, id)
		}
		groups := c
		if a.env(slackGroupsEnv) != "" {
			if groups, err = a.slackClient(slackGroupsEnv); err != nil {
				return refuse(err, "")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(people.SlackGroups)) {
			checks.group(ctx, groups, people, name)
		}
		if post != "" {
			checks.post(ctx, c, post)
		}
	}
	if err := a.printSlack(checks); err != nil {
		return err
	}
	return checks.told()
}

func (a *app) slackClient(env string) (*web.Client, error) {
	return web.New(web.Options{Token: secret.New(a.env(env)), API: a.env(slackURLEnv), Timeout: slackPatience})
}

// channels are those of the routes, and one more.
func channels(routes *route.Routes, more string) []string {
	var all []string
	if routes != nil {
		all = routes.Channels()
	}
	if more != "" && !slices.Contains(all, more) {
		all = append(all, more)
	}
	return all
}

// failed tells what Slack said no to: what an operator must mend, or that it could not be asked.
func (s *slackChecks) failed(what string, err error, do string) {
	state := slackBad
	if web.Is(err, web.Later) || web.Is(err, web.Ambiguous) {
		state, do = slackUnknown, "try again; if it stays so, look whether Slack can be reached from here"
	}
	s.add(what, state, err.Error(), do)
}

// token looks at the bot's token, and reports whether Slack takes it.
func (s *slackChecks) token(ctx context.Context, c *web.Client, routes *route.Routes) bool {
	self, err := c.Self(ctx)
	if err != nil {
		s.failed("token", err, "take the Bot User OAuth Token (xoxb-) of the installed app, under OAuth & Permissions")
		return false
	}
	s.add("token", slackGood, fmt.Sprintf("of the workspace %s, app %s", self.Team, self.App), "")
	if routes != nil {
		if self.Team != routes.Workspace {
			s.add("workspace", slackBad, fmt.Sprintf("the token is of %s, and the file says %s", self.Team, routes.Workspace), "set the workspace in the file, or take the token of that workspace")
		}
		if self.App != routes.App {
			s.add("app", slackBad, fmt.Sprintf("the token is of the app %q, and the file says %s", self.App, routes.App), "set the app in the file, or take the token of that app")
		}
	}
	missing, extra := needs.Missing(self.Scopes)
	lacks := false
	for _, scope := range missing {
		if scope.Optional != "" {
			s.add("scope "+scope.Name, slackNote, "missing: "+scope.Optional, "")
			continue
		}
		lacks = true
		s.add("scope "+scope.Name, slackBad, "missing; it is "+scope.Why, "add it under OAuth & Permissions, Bot Token Scopes, and install the app again")
	}
	if len(extra) > 0 {
		s.add("scopes", slackNote, "more than is needed: "+strings.Join(extra, ", "), "")
	}
	if !lacks {
		s.add("scopes", slackGood, "all that are needed", "")
	}
	return true
}

// socket looks at the way in.
func (s *slackChecks) socket(ctx context.Context, a *app) {
	token := a.env(slackAppEnv)
	switch {
	case token == "" && a.env(slackSecretEnv) == "":
		s.add("clicks", slackBad, fmt.Sprintf("neither $%s nor $%s is set, so nothing comes in", slackAppEnv, slackSecretEnv), "set one: the first for Socket Mode, the second for HTTP")
		return
	case token == "":
		s.add("clicks", slackNote, fmt.Sprintf("over HTTP: whether $%s is right shows the first click", slackSecretEnv), "")
		return
	}
	options := []slack.Option{slack.OptionAppLevelToken(token), slack.OptionHTTPClient(&http.Client{
		Timeout: slackPatience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})}
	if url := a.env(slackURLEnv); url != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(url, "/")+"/"))
	}
	ctx, end := context.WithTimeout(ctx, slackPatience)
	defer end()
	_, _, err := slack.New("", options...).StartSocketModeContext(ctx) // the address is used once, and lapses
	var said slack.SlackErrorResponse
	switch {
	case err == nil:
		s.add("clicks", slackGood, "Socket Mode opens connections", "")
	case errors.As(err, &said):
		s.add("clicks", slackBad, "apps.connections.open: "+said.Err, "switch Socket Mode on, and make an App-Level Token (xapp-) with the scope connections:write")
	default:
		s.add("clicks", slackUnknown, "apps.connections.open: Slack could not be asked", "try again; if it stays so, look whether Slack can be reached from here")
	}
}

func (s *slackChecks) channel(ctx context.Context, c *web.Client, id string) {
	what := "channel " + id
	ch, err := c.Channel(ctx, id)
	if err != nil {
		s.failed(what, err, "look at the id; into a private channel the app must be invited: /invite @Countersign")
		return
	}
	what += " #" + ch.Name
	bad := false
	for _, problem := range []struct {
		there    bool
		says, do string
	}{
		{ch.Archived, "it is archived", "name another one in the file"},
		{ch.External, "people of another company are in it, or are invited, so nothing is shown or decided there", "name one of our own in the file"},
		{!ch.Member, "the app is not in it", "invite it: /invite @Countersign"},
	} {
		if problem.there {
			bad = true
			s.add(what, slackBad, problem.says, problem.do)
		}
	}
	if !bad {
		s.add(what, slackGood, "the app is in it, and nobody else's people are", "")
	}
}

// group looks who is in a group of the directory that Slack keeps.
func (s *slackChecks) group(ctx context.Context, c *web.Client, people directory.Directory, name string) {
	id := people.SlackGroups[name]
	what := fmt.Sprintf("group %s (%s)", name, id)
	members, err := c.Group(ctx, id)
	if err != nil {
		s.failed(what, err, "nobody can answer for it until it is there, enabled and readable (usergroups:read)")
		return
	}
	var known, unknown []string
	for _, member := range members {
		if p, ok := people.BySlack(member); ok {
			known = append(known, p.ID)
		} else {
			unknown = append(unknown, member)
		}
	}
	slices.Sort(known)
	if len(known) == 0 {
		s.add(what, slackBad, "none of its members is a person of the directory", "write their Slack ids into the directory")
	} else {
		s.add(what, slackGood, strings.Join(known, ", "), "")
	}
	if len(unknown) > 0 {
		s.add(what, slackNote, "nobody to the directory: "+strings.Join(unknown, ", "), "")
	}
}

func (s *slackChecks) post(ctx context.Context, c *web.Client, channel string) {
	what := "post " + channel
	ts, err := c.Post(ctx, channel, "", false, blocks.Message{Text: "Countersign can post here. This line is a check by starter slack check."}, web.Meta{})
	if err != nil {
		s.failed(what, err, "invite the app to it: /invite @Countersign")
		return
	}
	s.add(what, slackGood, "posted "+ts, "")
}
