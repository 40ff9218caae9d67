package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// carrier takes requests to Slack and looks at what comes back before slack-go does: it bounds the
// answer, and makes of everything that is no answer of the API a failure that says whether the request
// had left. slack-go takes {} for success, and an unreadable Retry-After for a failure of its own.
type carrier struct {
	next http.RoundTripper
	// plain says that the answer need not be one of the API: a response_url answers "ok".
	plain bool
}

// failure is an exchange without an answer of the API.
type failure struct {
	code  string // as in Error
	sent  bool   // it left us: Slack may have done what was asked
	after time.Duration
	err   error
}

func (f *failure) Error() string {
	if f.err == nil {
		return f.code
	}
	return fmt.Sprintf("%s: %v", f.code, f.err)
}

func (f *failure) Unwrap() error { return f.err }

var (
	errTooLarge  = errors.New("the answer is larger than is taken")
	errNotAnswer = errors.New("the answer is not one of the API")
)

// RoundTrip implements [http.RoundTripper].
func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	}))
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, &failure{code: "network", sent: sent.Load(), err: withoutURL(err)}
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	_ = resp.Body.Close() // all that is wanted was read, or failed to be
	resp.Body = io.NopCloser(bytes.NewReader(raw))
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return nil, &failure{code: "ratelimited", after: retryAfter(resp.Header)}
	case c.plain && resp.StatusCode < http.StatusInternalServerError:
		return resp, nil
	case resp.StatusCode != http.StatusOK:
		return nil, &failure{code: fmt.Sprintf("http_%d", resp.StatusCode), sent: true}
	case err == nil && len(raw) > maxAnswer:
		err = errTooLarge
	case err == nil:
		err = answered(raw)
	}
	if err != nil {
		return nil, &failure{code: "answer", sent: true, err: withoutURL(err)}
	}
	return resp, nil
}

// CloseIdleConnections is called by [http.Client.CloseIdleConnections].
func (c *carrier) CloseIdleConnections() {
	if k, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		k.CloseIdleConnections()
	}
}

// answered says that the body is an answer of the API. Of a body that cannot be read, nothing is told:
// it is no matter for logs.
func answered(raw []byte) error {
	var a struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(raw, &a); err != nil || a.OK == nil || !*a.OK && a.Error == "" {
		return errNotAnswer
	}
	return nil
}

// retryAfter is what a 429 asks for; half a minute where it cannot be read, never more than an hour.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 31)
	if err != nil {
		return 30 * time.Second
	}
	return min(max(time.Duration(n)*time.Second, time.Second), time.Hour)
}

// withoutURL takes the address out of an error: that of a response_url lets whoever has it post.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
