package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	api "github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/directory"
	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/slack/identity"
	"github.com/countersign/countersign/starter/gateway/slack/receive"
	"github.com/countersign/countersign/starter/gateway/slack/route"
	"github.com/countersign/countersign/starter/gateway/slack/web"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/playbook"
	"github.com/countersign/countersign/workflows/policy"
)

// The variables of the environment. Nothing else holds a secret.
const (
	EnvBot        = "SLACK_BOT_TOKEN"          // xoxb-: what is posted with
	EnvApp        = "SLACK_APP_TOKEN"          // xapp-: Socket Mode
	EnvSigning    = "SLACK_SIGNING_SECRET"     // deliveries over HTTP
	EnvSigningOld = "SLACK_SIGNING_SECRET_OLD" // and the one before, while it is being changed
	EnvAPI        = "SLACK_API_URL"            // where Slack is; "" is Slack
)

// Tokens are the secrets of a front. Their values are shown nowhere.
type Tokens struct {
	Bot, App             secret.Secret
	Signing, SigningOld  secret.Secret
	API                  string
	bot, socket, signing bool
}

// ReadTokens reads them. It says everything that is wrong, and no value.
func ReadTokens(env func(string) string) (Tokens, error) {
	t := Tokens{
		Bot: secret.New(env(EnvBot)), App: secret.New(env(EnvApp)),
		Signing: secret.New(env(EnvSigning)), SigningOld: secret.New(env(EnvSigningOld)), API: env(EnvAPI),
		bot: env(EnvBot) != "", socket: env(EnvApp) != "", signing: env(EnvSigning) != "",
	}
	var errs []error
	if t.bot && !strings.HasPrefix(t.Bot.Reveal(), "xoxb-") {
		errs = append(errs, fmt.Errorf("$%s is no token of a bot, which begins with xoxb-: copy the Bot User OAuth Token of the app", EnvBot))
	}
	if t.socket && !strings.HasPrefix(t.App.Reveal(), "xapp-") {
		errs = append(errs, fmt.Errorf("$%s is no token of an app, which begins with xapp-: make one with the scope connections:write", EnvApp))
	}
	if env(EnvSigningOld) != "" && !t.signing {
		errs = append(errs, fmt.Errorf("$%s is there without $%s: the old secret counts beside a new one", EnvSigningOld, EnvSigning))
	}
	return t, errors.Join(errs...)
}

// Given names the variables that are set of those that only a front uses.
func (t Tokens) Given() []string {
	var all []string
	for name, is := range map[string]bool{EnvBot: t.bot, EnvApp: t.socket, EnvSigning: t.signing} {
		if is {
			all = append(all, "$"+name)
		}
	}
	slices.Sort(all)
	return all
}

// Enough is an error unless something can be posted and something can come in.
func (t Tokens) Enough() error {
	switch {
	case !t.bot:
		return fmt.Errorf("set $%s, the app's Bot User OAuth Token, or leave Slack out", EnvBot)
	case !t.socket && !t.signing:
		return fmt.Errorf("set $%s for Socket Mode or $%s for HTTP, or both: without one of them no click arrives", EnvApp, EnvSigning)
	}
	return nil
}

// Setup is what [Open] takes. All up to Library are needed.
type Setup struct {
	// File is the file of routes, see package route.
	File      string
	Tokens    Tokens
	Desk      Desk
	Ledger    Ledger
	Runs      Runs
	Directory func() (directory.Directory, error)
	Library   func() (*library.Library, error)

	Policy func() (*policy.Policy, error) // whose tags of accounts count; nil: none
	Log    *slog.Logger                   // nil: none
}

// Slack is a front with its ways in.
type Slack struct {
	*Front

	routes *route.Routes // as they were in the beginning
	web    *web.Client
	intake *receive.Intake
	socket *receive.Socket // nil: no Socket Mode
	http   *receive.HTTP   // nil: nothing over HTTP

	state sync.Mutex
	wrong error // why the app is not the one of the file
}

// Open makes a front of a file and tokens, and reads the file, so that what is wrong is told now. It
// calls nobody: Slack may be away when a gateway starts.
func Open(s Setup) (*Slack, error) {
	if err := s.Tokens.Enough(); err != nil {
		return nil, err
	}
	routes := route.File(s.File, func() (route.Known, error) { return known(s.Directory) })
	first, err := routes()
	if err != nil {
		return nil, fmt.Errorf("read where Slack shows what: %w", err)
	}
	out := &Slack{routes: first}
	if out.web, err = web.New(web.Options{Token: s.Tokens.Bot, API: s.Tokens.API}); err != nil {
		return nil, err
	}
	who, err := identity.New(identity.Options{App: first.App, Team: first.Workspace, Email: first.Email, Directory: s.Directory, Web: out.web})
	if err != nil {
		return nil, err
	}
	out.Front, err = New(Options{
		Desk: s.Desk, Ledger: s.Ledger, Web: out.web, Who: who, Runs: s.Runs, Routes: routes, Directory: s.Directory, Library: s.Library,
		Team: first.Workspace, Tags: tags(s.Policy), Log: s.Log,
	})
	if err != nil {
		return nil, err
	}
	if out.intake, err = receive.New(out.Front, receive.Config{App: first.App, Team: first.Workspace, Private: out.Front, Log: out.Log}); err != nil {
		return nil, err
	}
	return out, out.ways(s.Tokens)
}

// ways opens the ways in. Both may be used at once: a click counts once.
func (s *Slack) ways(t Tokens) (err error) {
	if t.socket {
		opts := []api.Option{api.OptionAppLevelToken(t.App.Reveal())}
		if t.API != "" {
			opts = append(opts, api.OptionAPIURL(t.API))
		}
		if s.socket, err = s.intake.Socket(receive.SocketOptions{API: api.New("", opts...), Replicas: s.routes.Gateways}); err != nil {
			return err
		}
	}
	if t.signing {
		s.http, err = s.intake.HTTP(receive.HTTPOptions{Secrets: []string{t.Signing.Reveal(), t.SigningOld.Reveal()}})
	}
	return err
}

// known are the people and groups that a file of routes may name.
func known(current func() (directory.Directory, error)) (route.Known, error) {
	people, err := current()
	if err != nil {
		return route.Known{}, err
	}
	return Known(people), nil
}

// Known is what a file of routes may name: the people and groups of a directory.
func Known(people directory.Directory) route.Known {
	return route.Known{
		People: func(id string) bool { _, ok := people.Person(id); return ok },
		Groups: playbook.Table[[]string](people.Roster()),
	}
}

// tags are those that a policy has of accounts.
func tags(current func() (*policy.Policy, error)) func(string) map[string]string {
	if current == nil {
		return nil
	}
	return func(account string) map[string]string {
		p, err := current()
		if err != nil {
			return nil // no effect is judged by it either; the fallback shows what waits
		}
		return p.Tags(account)
	}
}

// Mount adds the paths that Slack sends to, where it does.
func (s *Slack) Mount(mux *http.ServeMux) {
	if s.http != nil {
		s.http.Mount(mux)
	}
}

// Run follows the record, and takes what comes in over Socket Mode, until ctx ends.
func (s *Slack) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { s.self(ctx) })
	all.Go(func() { watch(ctx, s.Log, s.Status) })
	if s.socket != nil {
		all.Go(func() {
			if err := s.socket.Run(ctx); err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "nothing comes in over Socket Mode any more", "error", err)
			}
		})
	}
	s.Front.Run(ctx)
	all.Wait()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	return s.intake.Wait(bounded)
}

const (
	endTime   = 10 * time.Second
	selfEvery = 10 * time.Second
	selfTime  = 5 * time.Second
)

// self asks Slack which app the token is of, until it has answered. One of another app or workspace than
// the file's would post where nobody's click counts.
func (s *Slack) self(ctx context.Context) {
	for ctx.Err() == nil {
		ask, cancel := context.WithTimeout(ctx, selfTime)
		is, err := s.web.Self(ask)
		cancel()
		if err == nil {
			if is.Team != s.routes.Workspace || is.App != "" && is.App != s.routes.App {
				err = fmt.Errorf("the token of $%s is of the app %s in the workspace %s, and the file names the app %s in %s", EnvBot, is.App, is.Team, s.routes.App, s.routes.Workspace)
				s.Log.ErrorContext(ctx, "Slack wants an operator", "error", err)
			}
			s.found(err)
			return
		}
		if web.Is(err, web.Operator) {
			s.Front.trouble.note(ctx, s.Log, "auth.test", err.Error())
			s.found(err)
		}
		timer := time.NewTimer(selfEvery)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *Slack) found(err error) {
	if err == nil {
		s.Front.trouble.clear("auth.test")
	}
	s.state.Lock()
	s.wrong = err
	s.state.Unlock()
}
