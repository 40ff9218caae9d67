// Package slackgroup reads who is in the user groups of Slack, for directories that leave it to Slack
// who is in a group. It needs a token with the scope usergroups:read, and no other.
//
// What it answers is 15 seconds old at most. What it cannot read it does not answer: a group that is
// unknown, disabled or empty, and Slack that is slow, away or wants to be left alone, are errors. Slack
// lets about 20 such questions a minute through (Tier 2), so one answers for all groups, and it asks side
// by side only once.
package slackgroup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/singleflight"

	"github.com/countersign/countersign/activities/directory"
)

const (
	// MaxAge is how old an answer may be.
	MaxAge = 15 * time.Second
	// asked is how long nobody has the groups read once more to be found in one: pressing a button again
	// and again must not use up what Slack answers to all.
	asked = 3 * time.Second
	// wait bounds one question.
	wait = 2 * time.Second
	// mostWait bounds what Slack may have us wait for; then it is asked again.
	mostWait = time.Minute
)

// The variables of the environment: the token, first the one that can read groups and no more, and
// where Slack is, for tests.
const (
	TokenEnv    = "SLACK_GROUPS_TOKEN"
	BotTokenEnv = "SLACK_BOT_TOKEN"
	URLEnv      = "SLACK_API_URL"
)

// Options configure a reader.
type Options struct {
	Token string
	URL   string           // "" is Slack
	HTTP  *http.Client     // nil: one of its own
	Now   func() time.Time // nil: time.Now
}

// Reader reads user groups. It is safe for concurrent use.
type Reader struct {
	api   *slack.Client
	now   func() time.Time
	asks  singleflight.Group
	mu    sync.Mutex
	known map[string][]string // members, by group
	at    time.Time           // when that was asked for
	again time.Time           // before it Slack wants to be left alone
}

// New returns a reader.
func New(o Options) *Reader {
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: wait, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	options := []slack.Option{slack.OptionHTTPClient(o.HTTP)}
	if o.URL != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(o.URL, "/")+"/"))
	}
	return &Reader{api: slack.New(o.Token, options...), now: o.Now}
}

// FromEnv lets a directory look up the groups that it leaves to Slack, with the token of the
// environment. It fails if the directory cannot be read, or has such groups and there is no token.
func FromEnv(current func() (directory.Directory, error)) (func() (directory.Directory, error), error) {
	d, err := current()
	if err != nil {
		return nil, err
	}
	token := os.Getenv(TokenEnv)
	if token == "" {
		token = os.Getenv(BotTokenEnv)
	}
	switch {
	case token != "":
		return directory.Looking(current, New(Options{Token: token, URL: os.Getenv(URLEnv)})), nil
	case len(d.SlackGroups) > 0:
		return nil, fmt.Errorf("the directory has slack_groups: set $%s, or $%s to a token with the scope usergroups:read", BotTokenEnv, TokenEnv)
	default:
		return current, nil
	}
}

// Members are the Slack ids of the members of a group, as directory.Lookup has it.
func (r *Reader) Members(ctx context.Context, group string, wanted ...string) ([]string, error) {
	r.mu.Lock()
	known, age := r.known, r.now().Sub(r.at)
	r.mu.Unlock()
	if known != nil && age < MaxAge {
		lacks := func(id string) bool { return !slices.Contains(known[group], id) }
		if age < asked || len(known[group]) > 0 && !slices.ContainsFunc(wanted, lacks) {
			return of(known, group)
		}
	}
	answers := r.asks.DoChan("", func() (any, error) { // whoever goes away must not end it for others
		ctx, end := context.WithTimeout(context.WithoutCancel(ctx), wait)
		defer end()
		return r.ask(ctx)
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("ask Slack for the members of %s: %w", group, ctx.Err())
	case a := <-answers:
		if a.Err != nil {
			return nil, fmt.Errorf("ask Slack for the members of %s: %w", group, a.Err)
		}
		return of(a.Val.(map[string][]string), group)
	}
}

// of are the members of a group. One that has none approves nothing.
func of(known map[string][]string, group string) ([]string, error) {
	members, there := known[group]
	switch {
	case !there:
		return nil, fmt.Errorf("ask Slack for the members of %s: the directory names a user group that is not there, or is disabled", group)
	case len(members) == 0:
		return nil, fmt.Errorf("ask Slack for the members of %s: it has none; a group that is empty approves nothing", group)
	}
	return members, nil
}

// ask reads all groups that are enabled, with their members.
func (r *Reader) ask(ctx context.Context) (map[string][]string, error) {
	at := r.now()
	r.mu.Lock()
	again := r.again
	r.mu.Unlock()
	if at.Before(again) {
		return nil, fmt.Errorf("Slack answers nothing before %s; try again then", again.UTC().Format(time.TimeOnly))
	}
	groups, err := r.api.GetUserGroupsContext(ctx, slack.GetUserGroupsOptionIncludeUsers(true))
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		var limited *slack.RateLimitedError
		if errors.As(err, &limited) {
			r.again = at.Add(min(limited.RetryAfter, mostWait))
		}
		return nil, explain(err)
	}
	known := make(map[string][]string, len(groups))
	for _, g := range groups {
		if g.DateDelete == 0 { // a disabled one keeps its members
			known[g.ID] = g.Users
		}
	}
	r.known, r.at = known, at
	return known, nil
}

// explain adds what to do about what Slack says.
func explain(err error) error {
	hint := map[string]string{
		"plan_upgrade_required": "user groups come with a paid plan of Slack",
		"missing_scope":         "the token lacks the scope usergroups:read",
		"invalid_auth":          "the token is none that Slack knows",
		"token_revoked":         "the token was revoked",
	}
	var said slack.SlackErrorResponse
	if errors.As(err, &said) && hint[said.Err] != "" {
		return fmt.Errorf("%w: %s", err, hint[said.Err])
	}
	return err
}

var _ directory.Lookup = (*Reader)(nil)
