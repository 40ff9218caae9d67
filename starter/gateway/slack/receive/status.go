package receive

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/slack-go/slack"
)

// Status is how the sockets are.
type Status struct {
	// Connected is how many are up: Slack has said hello on them.
	Connected int
	LastHello time.Time
	// Reconnects counts connections after the first ones.
	Reconnects int
	// Connections is how many the app has in all, by Slack's last word.
	Connections int
	// Strangers says that those are more than ours: somebody else may hold the app's token.
	Strangers bool
	// Fatal is why no more is tried; nil while it is.
	Fatal error
}

// ErrFatal is returned where only an operator can help.
var ErrFatal = errors.New("Slack takes no socket of this app")

// remedies are words for what does not pass by itself, and what to do. Those of apps.connections.open,
// of a disconnect (link_disabled), and of ours (http_404).
var remedies = map[string]string{
	"invalid_auth":           "SLACK_APP_TOKEN is not a token of Slack: make one with connections:write under Basic Information, App-Level Tokens",
	"not_authed":             "set SLACK_APP_TOKEN",
	"token_revoked":          "SLACK_APP_TOKEN was revoked: make another under Basic Information, App-Level Tokens",
	"token_expired":          "SLACK_APP_TOKEN has expired: make another under Basic Information, App-Level Tokens",
	"not_allowed_token_type": "SLACK_APP_TOKEN is another kind of token: it begins with xapp-",
	"missing_scope":          "SLACK_APP_TOKEN lacks the scope connections:write: make another under Basic Information, App-Level Tokens",
	"account_inactive":       "the app or its workspace was deactivated: have an administrator look",
	"user_removed_from_team": "the app was removed from its workspace: install it again",
	"team_disabled":          "the workspace was deactivated: have an administrator look",
	"org_login_required":     "the workspace is being moved: have an administrator look",
	"access_denied":          "an administrator has to approve the app",
	"link_disabled":          "Socket Mode was switched off: switch it on in the app's settings, or set SLACK_SIGNING_SECRET and take what Slack sends over HTTP",
	"socket_mode_disabled":   "Socket Mode is off: switch it on in the app's settings, or set SLACK_SIGNING_SECRET and take what Slack sends over HTTP",
	"http_404":               "SLACK_API_URL leads nowhere",
}

// fatal is an error that only an operator can mend.
type fatal struct{ code, remedy string }

func (f *fatal) Error() string { return ErrFatal.Error() + ": " + f.code + ": " + f.remedy }
func (f *fatal) Unwrap() error { return ErrFatal }

// fatalOf returns the error of a code that does not pass by itself; nil of others.
func fatalOf(code string) error {
	if remedy, ok := remedies[code]; ok {
		return &fatal{code, remedy}
	}
	return nil
}

// classify reads an error of apps.connections.open: how long to wait at least, and whether it is no
// use.
func classify(err error) (time.Duration, error) {
	if limited := (*slack.RateLimitedError)(nil); errors.As(err, &limited) {
		return limited.RetryAfter, nil
	}
	if status := (slack.StatusCodeError{}); errors.As(err, &status) && status.Code == http.StatusNotFound {
		return 0, fatalOf("http_404")
	}
	if answered := (slack.SlackErrorResponse{}); errors.As(err, &answered) {
		return 0, fatalOf(answered.Err)
	}
	return 0, nil
}

// Ready reports whether a socket is up.
func (s *Socket) Ready() bool { return s.Status().Connected > 0 }

// Check is Ready for a readiness check: the error says what is missing.
func (s *Socket) Check(context.Context) error {
	switch st := s.Status(); {
	case st.Fatal != nil:
		return st.Fatal
	case st.Connected == 0:
		return errors.New("no socket to Slack is up")
	}
	return nil
}

// Status is how the sockets are now.
func (s *Socket) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// dialing counts a connection that is being opened.
func (s *Socket) dialing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held++
}

// gone counts one that is closed.
func (s *Socket) gone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
}

// ended counts one that takes nothing more.
func (s *Socket) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Connected--
}

// hello takes Slack's word of how many connections the app has. Those of other replicas are as many as
// they should be; ours are as many as they are, since some may be on their way in or out.
func (s *Socket) hello(ctx context.Context, connections int) {
	s.mu.Lock()
	s.hellos++
	s.status.Connected++
	s.status.LastHello, s.status.Connections = time.Now(), connections
	s.status.Reconnects = max(0, s.hellos-s.o.Connections)
	own := s.held + (s.o.Replicas-1)*s.o.Connections
	before := s.status.Strangers
	s.status.Strangers = connections > own
	now := s.status.Strangers
	s.mu.Unlock()
	if now && !before {
		s.in.Log.WarnContext(ctx, "the app has more sockets than this gateway opened: somebody else may hold SLACK_APP_TOKEN, and gets a part of what people press; unless another replica is just starting or ending, revoke it and make another", "connections", connections, "expected", own)
	}
}
