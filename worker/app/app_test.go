package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/worker/app"
)

func TestMainRefuses(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull)
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	people := write("people.yaml", "groups: {secops-oncall: [alice@example.com]}")
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no directory":           {nil, 2, `required flag(s) "directory"`},
		"an argument too many":   {[]string{"--directory", people, "now"}, 2, "unknown command"},
		"a directory not there":  {[]string{"--directory", filepath.Join(dir, "none.yaml")}, 1, "read the directory of approvers"},
		"a directory of nobody":  {[]string{"--directory", write("empty.yaml", "groups: {}")}, 1, "nobody could approve anything"},
		"a directory with typos": {[]string{"--directory", write("typo.yaml", "group: {}")}, 1, "field group not found"},
		"activities not there":   {[]string{"--directory", people, "--activities", filepath.Join(dir, "none")}, 1, "none: read the described activities"},
		"activities with typos":  {[]string{"--directory", people, "--activities", filepath.Dir(write("calls/a.yaml", "nmae: acme.look"))}, 1, "a.yaml: yaml: unmarshal errors:\n  line 1: field nmae not found"},
		"no Temporal":            {[]string{"--directory", people, "--address", "127.0.0.1:1"}, 1, "connect to Temporal at 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, logs bytes.Buffer
			require.Equal(t, tc.code, app.Main(t.Context(), tc.args, &out, &logs), logs.String())
			require.Contains(t, logs.String(), tc.says)
			require.Empty(t, out.String())
		})
	}
}
