package web_test

import (
	"context"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/secret"
	"github.com/countersign/countersign/starter/gateway/slack/blocks"
	"github.com/countersign/countersign/starter/gateway/slack/standin"
	"github.com/countersign/countersign/starter/gateway/slack/web"
)

const channel = "C0SECOPS"

// api is where the client thinks that Slack is; what it sends goes to the stand-in, without a network.
const api = "https://standin.test/api/"

// start is a client of a stand-in. In a bubble, its time is made up.
func start(t *testing.T, o standin.Options) (*standin.Server, *web.Client) {
	t.Helper()
	s := standin.New(o)
	t.Cleanup(s.Close)
	c, err := web.New(web.Options{Token: secret.New(standin.SampleBotToken), API: api, Transport: s.Transport()})
	require.NoError(t, err)
	return s, c
}

var card = blocks.Message{
	Text: "may I?",
	Blocks: []slack.Block{slack.NewActionBlock("row",
		slack.NewButtonBlockElement(blocks.ActApprove, "digest", slack.NewTextBlockObject(slack.PlainTextType, "Approve", false, false)))},
}

var meta = web.Meta{Request: "digest", Attempt: 1}

// within is a context that ends after so long.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func failed(t *testing.T, err error) *web.Error {
	t.Helper()
	var e *web.Error
	require.ErrorAs(t, err, &e)
	return e
}
