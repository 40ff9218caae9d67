package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/starter/cli"
)

// Tokens without a file, and a file without tokens, are told before anything is opened; values never.
func TestServeSlackIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key, err := grant.NewKey(false)
	require.NoError(t, err)
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	args := []string{"serve", "--key", write("grant.pem", string(key)), "--directory", write("people.yaml", "groups: {a: [alice@example.com]}\n")}
	for name, tc := range map[string]struct {
		env  []string
		more []string
		code int
		says string
	}{
		"a token alone":    {[]string{"SLACK_BOT_TOKEN=xoxb-verysecret"}, nil, 2, "there is $SLACK_BOT_TOKEN, and no --slack FILE says where"},
		"a secret alone":   {[]string{"SLACK_SIGNING_SECRET=verysecret", "SLACK_APP_TOKEN=xapp-verysecret"}, nil, 2, "there is $SLACK_APP_TOKEN and $SLACK_SIGNING_SECRET, and no"},
		"a file alone":     {nil, []string{"--slack", "slack.yaml"}, 2, "set $SLACK_BOT_TOKEN"},
		"nothing comes in": {[]string{"SLACK_BOT_TOKEN=xoxb-verysecret"}, []string{"--slack", "slack.yaml"}, 2, "without one of them no click arrives"},
		"another token":    {[]string{"SLACK_BOT_TOKEN=xoxp-verysecret"}, []string{"--slack", "slack.yaml"}, 1, "is no token of a bot"},
		"no Slack":         {nil, nil, 2, "which ledger?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, talk bytes.Buffer
			env := append([]string{"TEMPORAL_CONFIG_FILE=" + dir + "/none"}, tc.env...)
			code := cli.Command{Streams: cli.Streams{Out: &out, Err: &talk, Env: env}}.Run(t.Context(), append(append([]string{}, args...), tc.more...))
			require.Equal(t, tc.code, code, talk.String())
			require.Contains(t, talk.String(), tc.says)
			require.NotContains(t, talk.String()+out.String(), "verysecret")
		})
	}
}
