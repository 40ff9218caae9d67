package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/activities/secret"
)

// Slack is where the Web API is, unless SLACK_API_URL says otherwise.
const Slack = slack.APIURL

const (
	patience  = 10 * time.Second // of one call
	maxAnswer = 8 << 20          // bytes of one answer
	attempts  = 3                // at one call
)

// Options says what a client speaks to.
type Options struct {
	Token secret.Secret // xoxb-
	API   string        // "" is [Slack]
	// Transport carries the calls; nil is one with bounds on every wait. The client's own bounds hold
	// for any.
	Transport http.RoundTripper
	Timeout   time.Duration // of one call; 0 is 10 s
}

// Client speaks to Slack. It is safe for concurrent use; the pace is kept per client, so one token
// wants one client.
type Client struct {
	api  *slack.Client
	base *url.URL
	// plain is for response_urls, which do not answer as the API does.
	plain *http.Client
	pace  *pace
	// timeout bounds one attempt.
	timeout time.Duration

	mu     sync.Mutex
	scopes []string // as the last answer that named them had them
	self   *Self    // ids alone; nil: not asked yet
}

// New returns a client. It calls nobody.
func New(o Options) (*Client, error) {
	if o.Token.IsZero() {
		return nil, fmt.Errorf("a client of Slack needs a token: set SLACK_BOT_TOKEN")
	}
	if o.API == "" {
		o.API = Slack
	}
	if !strings.HasSuffix(o.API, "/") {
		o.API += "/"
	}
	base, err := url.Parse(o.API)
	if err != nil || base.Host == "" || base.User != nil || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("the address of Slack's API is not like %s: look at SLACK_API_URL", Slack)
	}
	if o.Timeout == 0 {
		o.Timeout = patience
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = o.Timeout
		t.MaxResponseHeaderBytes = 64 << 10
		o.Transport = t
	}
	c := &Client{base: base, pace: newPace(), timeout: o.Timeout}
	through := func(carry *carrier) *http.Client {
		return &http.Client{
			Transport:     carry,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	c.plain = through(&carrier{next: o.Transport, plain: true})
	c.api = slack.New(o.Token.Reveal(), slack.OptionAPIURL(o.API), slack.OptionHTTPClient(through(&carrier{next: o.Transport})),
		slack.OptionOnResponseHeaders(func(_ string, h http.Header) { c.hear(h) }))
	return c, nil
}

// Close closes the connections that wait for a next call. Calls may go on.
func (c *Client) Close() { c.plain.CloseIdleConnections() }

// hear keeps the scopes that an answer names.
func (c *Client) hear(h http.Header) {
	named := h.Get("X-OAuth-Scopes")
	if named == "" {
		return
	}
	scopes := strings.FieldsFunc(named, func(r rune) bool { return r == ',' || r == ' ' })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scopes = scopes
}

// call makes one call of the API in its turn, and again where that is harmless and there is time. Of is
// what the pace is kept for, beside the method; repeat says that doing it twice is as doing it once.
func (c *Client) call(ctx context.Context, method, of string, repeat bool, do func(context.Context) error) error {
	var last *Error
	for n := range attempts {
		if n > 0 && last.After == 0 {
			if !rest(ctx, backoff(n)) {
				return last
			}
		}
		if err := c.pace.wait(ctx, method, of); err != nil {
			if last != nil {
				return last
			}
			return err
		}
		err := c.once(ctx, do)
		if err == nil {
			return nil
		}
		last = classify(method, repeat, err)
		if last.After > 0 {
			c.pace.hold(method, of, last.After)
		}
		if last.Kind != Later || ctx.Err() != nil {
			return last
		}
	}
	return last
}

// once makes one attempt. The time is not http.Client's: what that says of a timeout does not lead to
// the cause any more.
func (c *Client) once(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return do(ctx)
}

// backoff is how long to leave Slack alone after an attempt that failed without a Retry-After.
func backoff(n int) time.Duration { return 250 * time.Millisecond << (2 * (n - 1)) }

// rest waits, unless the context would end first.
func rest(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
