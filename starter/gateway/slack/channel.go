package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/workflows"
)

const failedState = workflows.Failed

// freshFor is how old what is known of a channel may be when something is posted there: people of
// another company may be let into it at any time.
const freshFor = time.Minute

// channels remembers for a while what channels are.
type channels struct {
	mu   sync.Mutex
	seen map[string]seen
}

type seen struct {
	web.Channel
	at time.Time
}

// channel asks what a channel is, or did so within the last minute.
func (f *Front) channel(ctx context.Context, id string) (web.Channel, error) {
	f.channels.mu.Lock()
	k, ok := f.channels.seen[id]
	f.channels.mu.Unlock()
	if ok && f.Now().Sub(k.at) < freshFor {
		return k.Channel, nil
	}
	ask, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	c, err := f.Web.Channel(ask, id)
	if err != nil {
		return web.Channel{}, fmt.Errorf("ask who is in the channel %s: %w", id, err)
	}
	f.channels.mu.Lock()
	defer f.channels.mu.Unlock()
	if f.channels.seen == nil || len(f.channels.seen) > 1000 {
		f.channels.seen = map[string]seen{}
	}
	f.channels.seen[id] = seen{c, f.Now()}
	return c, nil
}

// place says where something goes: where the routes say, unless that is shared with another company or
// cannot be posted to. Then it is the fallback, and nowhere if that is not ours alone either.
func (f *Front) place(ctx context.Context, s desk.Sight) (route.Place, error) {
	routes, err := f.Routes()
	if err != nil {
		return route.Place{}, fmt.Errorf("read the routes: %w", err)
	}
	to := f.routed(s)
	err = f.ours(ctx, to.Channel)
	if to.Channel == routes.Fallback || !web.Is(err, web.Operator) && !web.Is(err, web.Gone) {
		return to, err
	}
	f.trouble.note(ctx, f.Log, "channel "+to.Channel, "it goes to the fallback: "+err.Error())
	to.Channel = routes.Fallback
	return to, f.ours(ctx, to.Channel)
}

// routed says where the routes send something; the zero Place is that they cannot be read.
func (f *Front) routed(s desk.Sight) route.Place {
	routes, err := f.Routes()
	if err != nil {
		return route.Place{}
	}
	return routes.For(route.Subject{
		Playbook: s.Playbook, Stage: s.Stage, Labels: s.Labels, Severity: s.Severity, Account: s.Account, Tags: f.Tags(s.Account),
	}, f.Now())
}

// ours is an error unless a channel is one that we may post to.
func (f *Front) ours(ctx context.Context, id string) error {
	c, err := f.channel(ctx, id)
	switch {
	case err != nil:
		return err
	case c.External:
		return &web.Error{Method: "conversations.info", Code: "shared_with_others", Kind: web.Operator, Err: fmt.Errorf("the channel %s is shared with another company", id)}
	case c.Archived:
		return &web.Error{Method: "conversations.info", Code: "is_archived", Kind: web.Operator, Err: fmt.Errorf("the channel %s is archived", id)}
	}
	f.trouble.clear("channel " + id)
	return nil
}

// playbookOf is the playbook that a run's id names.
func playbookOf(run string) string {
	name, _, _ := strings.Cut(run, "/")
	return name
}

// trouble is what an operator must mend, each once.
type trouble struct {
	mu  sync.Mutex
	now map[string]string
}

// had notes an error of Slack's that does not go away by itself.
func (t *trouble) had(ctx context.Context, log *slog.Logger, e *web.Error) {
	if e.Kind == web.Operator || e.Kind == web.Bug {
		t.note(ctx, log, e.Method+" "+e.Code, e.Error())
	}
}

func (t *trouble) note(ctx context.Context, log *slog.Logger, what, says string) {
	t.mu.Lock()
	_, again := t.now[what]
	if t.now == nil {
		t.now = map[string]string{}
	}
	if len(t.now) < 100 {
		t.now[what] = says
	}
	t.mu.Unlock()
	if !again {
		log.ErrorContext(ctx, "Slack wants an operator", "what", what, "error", says)
	}
}

// clear forgets trouble that is over, by how its name begins.
func (t *trouble) clear(prefix string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for what := range t.now {
		if strings.HasPrefix(what, prefix) {
			delete(t.now, what)
		}
	}
}

// Trouble is what an operator must mend, sorted; none: all is well.
func (f *Front) Trouble() []string {
	t := &f.trouble
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Values(t.now))
}

// grave is trouble because of which nothing can be shown at all.
func (t *trouble) grave() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for what, says := range t.now {
		_, code, _ := strings.Cut(what, " ")
		if slices.Contains([]string{"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"}, code) {
			return errors.New(says)
		}
	}
	return nil
}
