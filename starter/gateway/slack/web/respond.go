package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/countersign/countersign/starter/gateway/slack/blocks"
)

// responseURL stands for the method in errors of a response_url.
const responseURL = "response_url"

// slackHosts are where Slack's own response_urls point.
var slackHosts = []string{"hooks.slack.com", "hooks.slack-gov.com"}

var errForeign = errors.New("a response_url that is not Slack's")

// Respond answers an interaction by its response_url: in place of the message that was clicked where
// replace is set, else for the person alone. It takes five messages within half an hour, and is [Gone]
// then. Addresses other than Slack's, or that of the configured API, are refused before anything is
// sent.
func (c *Client) Respond(ctx context.Context, at string, m blocks.Message, replace bool) error {
	if !c.trusted(at) {
		return &Error{Method: responseURL, Code: "foreign_url", Kind: Bug, Err: errForeign}
	}
	answer := map[string]any{"text": m.Text, "replace_original": replace}
	if !replace {
		answer["response_type"] = slack.ResponseTypeEphemeral
	}
	if len(m.Blocks) > 0 {
		answer["blocks"] = m.Blocks
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return &Error{Method: responseURL, Code: "invalid_blocks", Kind: Bug}
	}
	// Replacing twice is as replacing once, though it uses up two of the five.
	return c.call(ctx, responseURL, at, replace, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
		if err != nil {
			return &failure{code: "network"}
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := c.plain.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
		said, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		if err != nil {
			return &failure{code: "answer", sent: true}
		}
		return slack.SlackErrorResponse{Err: refusal(said)}
	})
}

// refusal is the code in the answer of a response_url that did not take a message: bare, or in JSON.
func refusal(said []byte) string {
	var a struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(said, &a) == nil && a.Error != "" {
		return a.Error
	}
	return strings.TrimSpace(string(said))
}

// trusted says that an address is Slack's, or the configured API's.
func (c *Client) trusted(at string) bool {
	u, err := url.Parse(at)
	if err != nil || u.User != nil || u.Opaque != "" {
		return false
	}
	for _, h := range slackHosts {
		if u.Scheme == "https" && u.Host == h {
			return true
		}
	}
	return c.base.String() != Slack && u.Scheme == c.base.Scheme && u.Host == c.base.Host
}
