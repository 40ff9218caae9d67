package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/worker/app"
)

func TestMainRefuses(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)
	t.Setenv("COUNTERSIGN_LEDGER", "")
	t.Setenv("SLACK_BOT_TOKEN", "")
	t.Setenv("SLACK_GROUPS_TOKEN", "")
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	people := write("people.yaml", "groups: {secops-oncall: [alice@example.com]}")
	private, err := grant.NewKey(true)
	require.NoError(t, err)
	signer, err := grant.LoadSigner(write("gateway.key", string(private)), true)
	require.NoError(t, err)
	public, err := signer.Public()
	require.NoError(t, err)
	keys, record := write("gateway.pub", string(public)), filepath.Join(dir, "ledger.db")
	with := func(args ...string) []string {
		return append([]string{"--directory", people, "--grant-keys", keys, "--ledger", record, "--dev"}, args...)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing":                {nil, 2, `required flag(s) "directory", "grant-keys"`},
		"an argument too many":   {with("now"), 2, "unknown command"},
		"a directory not there":  {with("--directory", filepath.Join(dir, "none.yaml")), 1, "read the directory of approvers"},
		"a directory of nobody":  {with("--directory", write("empty.yaml", "groups: {}")), 1, "nobody could approve anything"},
		"a directory with typos": {with("--directory", write("typo.yaml", "group: {}")), 1, "field group not found"},
		"no token for Slack":     {with("--directory", write("slack.yaml", "people: {a: {slack: U01}}\nslack_groups: {g: S01}")), 1, "the directory has slack_groups: set $SLACK_BOT_TOKEN"},
		"activities not there":   {with("--activities", filepath.Join(dir, "none")), 1, "none: read the described activities"},
		"activities with typos":  {with("--activities", filepath.Dir(write("calls/a.yaml", "nmae: acme.look"))), 1, "a.yaml: yaml: unmarshal errors:\n  line 1: field nmae not found"},
		"keys not there":         {with("--grant-keys", filepath.Join(dir, "none.pub")), 1, "none.pub"},
		"keys of another use":    {[]string{"--directory", people, "--grant-keys", keys, "--ledger", record}, 1, "dev"},
		"no ledger":              {with("--ledger", ""), 1, "want --ledger or $COUNTERSIGN_LEDGER"},
		"a policy with mistakes": {with("--policy", write("policy.yaml", "policy: x\nrules: []\n")), 1, "policy.yaml"},
		"secrets with mistakes":  {with("--secrets", write("secrets.yaml", "secrets: {a: {env: X}}")), 1, `"a": want for:`},
		"secrets not there":      {with("--secrets", write("gone.yaml", "secrets: {a: {file: /does/not/exist, for: [http.*]}}")), 1, "resolve secret://a: open /does/not/exist"},
		"no Temporal":            {with("--address", "127.0.0.1:1"), 1, "connect to Temporal at 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, logs bytes.Buffer
			require.Equal(t, tc.code, app.Main(t.Context(), tc.args, &out, &logs), logs.String())
			require.Contains(t, logs.String(), tc.says)
			require.Empty(t, out.String())
		})
	}
}
