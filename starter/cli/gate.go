package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/ledger"
	"github.com/countersign/countersign/starter/gateway"
	"github.com/countersign/countersign/starter/gateway/desk"
	"github.com/countersign/countersign/starter/gateway/server"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
	"github.com/countersign/countersign/workflows/event"
	"github.com/countersign/countersign/workflows/playbook"
)

// Gateway is what the commands ask of the gateway. It alone starts runs and answers them: these
// commands say nothing to runs themselves.
type Gateway interface {
	Start(ctx context.Context, pb *playbook.Playbook, key string, in workflows.Input) (workflows.Started, error)
	Deliver(ctx context.Context, ev event.Event) (waited bool, err error)
	Vote(ctx context.Context, run string, v approval.Vote) (desk.VoteResult, error)
	Answer(ctx context.Context, run string, a approval.Answer) (approval.Ending, error)
	Delegate(ctx context.Context, run string, d desk.Delegate) (approval.Delegation, error)
	Edit(ctx context.Context, run string, e desk.Edit) (workflows.EditResult, error)
	Keep(ctx context.Context, run string, k desk.Keep) (workflows.ExpiryStatus, error)
	Undo(ctx context.Context, run, reason string) (workflows.Started, error)
	Cancel(ctx context.Context, run string) error
	Halt(ctx context.Context, reason string) (desk.Switch, error)
	Resume(ctx context.Context, reason string) (desk.Switch, error)
	Reviews(ctx context.Context) ([]ledger.ReviewBody, error)
	CloseReview(ctx context.Context, id, reason string) error
	Order(ctx context.Context, in desk.TickOrder) (desk.Ordered, error)
}

// Gate finds the gateway and the token of who acts; as is "" where a command names nobody. It
// returns the person whom the token is for.
type Gate func(as string) (g Gateway, person string, err error)

// The variables of the environment in the place of --gateway and --token-file.
const (
	gatewayEnv = "COUNTERSIGN_GATEWAY"
	tokenEnv   = "COUNTERSIGN_TOKEN_FILE"
)

// tokenFile is where the token is; "" is not said.
func (a *app) tokenFile() string {
	if a.token != "" {
		return a.token
	}
	return a.env(tokenEnv)
}

// gate is the gateway, for the person who acts.
func (a *app) gate(as string) (Gateway, string, error) {
	if a.Gate != nil {
		return a.Gate(as)
	}
	where := a.gatewayAt
	if where == "" {
		where = a.env(gatewayEnv)
	}
	var text string
	var err error
	if !strings.Contains(where, "://") {
		file := where
		if file == "" {
			file = server.LocalFile
		}
		var l server.Local
		if l, text, err = server.ReadLocal(file, as); errors.Is(err, fs.ErrNotExist) && where == "" {
			return nil, "", refuse(errors.New("which gateway? there is no local one here"), "start one with go run ./deploy/local, or name yours with --gateway URL and --token-file FILE")
		}
		if l.URL == "" && err != nil { // no token helps
			return nil, "", refuse(err, "a gateway is named by its URL, with https:// or on this machine http://, or by the file of a local one")
		}
		where = l.URL
	}
	if file := a.tokenFile(); file != "" {
		text, err = server.ReadToken(file)
	}
	if err != nil {
		return nil, "", refuse(err, "")
	}
	if err := safe(where); err != nil {
		return nil, "", refuse(err, "")
	}
	if text == "" {
		return nil, "", refuse(errors.New("who are you? the gateway wants a token"), "give the file of yours with --token-file, or ask the operator for one")
	}
	t, err := grant.Peek(text)
	if err != nil {
		return nil, "", refuse(err, "ask the operator for another: starter token issue")
	}
	if as != "" && a.tokenFile() != "" && as != t.Person {
		return nil, "", refuse(fmt.Errorf("--as %s: the token is that of %s", as, t.Person), "leave --as out, or give another --token-file")
	}
	return remote{server.Client{URL: strings.TrimSuffix(where, "/"), Token: text}, a.playbooks != "" || len(a.Extensions) > 0}, t.Person, nil
}

// safe refuses to send a token where others could read it.
func safe(where string) error {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" {
		return fmt.Errorf("--gateway %q is no URL", where)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--gateway %s: a token goes to another machine by https alone", where)
	}
	return nil
}

// ofGate gives an error of the gateway its exit code and hint.
func (a *app) ofGate(err error, run string) error {
	switch {
	case errors.Is(err, server.ErrUnauthorized):
		return refuse(err, "give the file of your token with --token-file, or ask the operator for another")
	case errors.Is(err, desk.ErrForbidden):
		return refuse(err, "")
	case errors.Is(err, server.ErrUnreachable):
		return unknown(err, "is it running there? name another with --gateway")
	}
	return a.ofRun(err, run)
}

// remote is a gateway that is somewhere else.
type remote struct {
	server.Client

	plans bool // bring the plan along: the gateway may not have the playbook
}

func (r remote) Start(ctx context.Context, pb *playbook.Playbook, _ string, in workflows.Input) (workflows.Started, error) {
	s := server.Start{Playbook: pb.Name, Digest: pb.Digest(), Inputs: in.Inputs}
	if r.plans {
		s.Plan = &pb.Plan
	}
	if in.Event.Source != gateway.ManualSource {
		s.Event = &in.Event
	}
	return r.Client.Start(ctx, s)
}

func (r remote) Vote(ctx context.Context, run string, v approval.Vote) (desk.VoteResult, error) {
	return r.Client.Vote(ctx, run, desk.Vote{Approval: v.Approval, Digest: v.Digest, Verdict: v.Verdict, Reason: v.Reason, BreakGlass: v.BreakGlass})
}

func (r remote) Answer(ctx context.Context, run string, a approval.Answer) (approval.Ending, error) {
	return r.Client.Answer(ctx, run, desk.Answer{Question: a.Question, Digest: a.Digest, Values: a.Values})
}

// acting is the gateway for the person of --as or of the token, one of which must be given.
func (a *app) acting(cmd *cobra.Command, as string) (Gateway, string, error) {
	if as == "" && a.tokenFile() == "" {
		return nil, "", usagef(cmd, "want --as PERSON: who acts, or --token-file FILE")
	}
	return a.gate(as)
}
