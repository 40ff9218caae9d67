package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

// echo answers with what was sent to it, in every way that something can go wrong.
type echo struct {
	status      int
	contentType string
	wrap        string // with the request in it
	fails       bool
}

func (e echo) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	quoted, err := json.Marshal(string(body) + r.Header.Get("Authorization") + r.URL.String())
	if err != nil {
		return nil, err
	}
	if e.fails {
		return nil, errors.New("connection reset")
	}
	return &http.Response{
		StatusCode: e.status, Header: http.Header{"Content-Type": {e.contentType}}, Request: r,
		Body: io.NopCloser(strings.NewReader(fmt.Sprintf(e.wrap, quoted))),
	}, nil
}

// Neither the token nor what was sent is in any error, nor in the log, whatever the other side answers.
func TestCanary(t *testing.T) {
	const token, said, hook = "xoxb-canary-token", "canary said", "https://hooks.slack.com/actions/canary-hook"
	var logged bytes.Buffer
	log.SetOutput(&logged)
	t.Cleanup(func() { log.SetOutput(io.Discard) })
	for name, e := range map[string]echo{
		"an error of its own": {status: 200, contentType: "application/json", wrap: `{"ok":false,"error":%s}`},
		"messages":            {status: 200, contentType: "application/json", wrap: `{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":[%s]}}`},
		"scopes":              {status: 200, contentType: "application/json", wrap: `{"ok":false,"error":"missing_scope","needed":%s}`},
		"no JSON":             {status: 200, contentType: "text/html", wrap: `<html>%s`},
		"a refusal":           {status: 403, contentType: "text/plain", wrap: `%s`},
		"a server error":      {status: 500, contentType: "text/plain", wrap: `%s`},
		"another shape":       {status: 200, contentType: "application/json", wrap: `{"ok":true,"channel":{"x":%s}}`},
		"no answer":           {fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := web.New(web.Options{Token: secret.New(token), Transport: e})
				require.NoError(t, err)
				m := blocks.Message{Text: said}
				var errs []error
				_, err = c.Post(t.Context(), channel, "", false, m, meta)
				errs = append(errs, err)
				errs = append(errs, c.Update(t.Context(), channel, "1.2", m))
				errs = append(errs, c.Private(t.Context(), channel, "U1", "", m))
				_, _, err = c.Open(t.Context(), "trigger", modal(said))
				errs = append(errs, err)
				if e.status != http.StatusOK {
					errs = append(errs, c.Respond(t.Context(), hook, m, false))
				}
				for _, err := range errs {
					if name != "another shape" {
						require.Error(t, err)
					}
					for err != nil {
						for _, shown := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
							for _, canary := range []string{"canary"} {
								require.NotContains(t, shown, canary)
							}
						}
						err = errors.Unwrap(err)
					}
				}
			})
		})
	}
	require.NotContains(t, logged.String(), "canary")
	c, err := web.New(web.Options{Token: secret.New(token)})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%v", c), "canary", "a client that is printed")
}
