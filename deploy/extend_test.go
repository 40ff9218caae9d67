package deploy_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A module that is not ours adds an activity and a workflow with two programs of at most 20 lines,
// and its playbook is typed and tested with them.
func TestAnotherModuleExtends(t *testing.T) {
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/extend")))
	for _, program := range []string{"worker", "starter"} {
		text, err := os.ReadFile(filepath.Join(dir, program, "main.go"))
		require.NoError(t, err)
		require.LessOrEqual(t, bytes.Count(text, []byte("\n")), 20, program)
	}

	// What it needs is what we need, as nothing can be downloaded here.
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	text := strings.Replace(string(mod), "module "+strings.TrimSuffix(module, "/"), "module acme.example/secops", 1) +
		"\nrequire " + strings.TrimSuffix(module, "/") + " v0.0.0\n\nreplace " + strings.TrimSuffix(module, "/") + " => " + root + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o600))

	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %s\n%s", name, strings.Join(args, " "), out)
		return string(out)
	}
	run("go", "vet", "./...")
	starter := filepath.Join(dir, "acme-starter")
	run("go", "build", "-o", starter, "./starter")
	require.Contains(t, run(starter, "validate", "badges.yaml"), "1 playbook of badges.yaml is good")
	require.Contains(t, run(starter, "test", "badges.yaml"), "1 test passed")
	require.Contains(t, run(starter, "validate", "lockdown.yaml"), "1 playbook of lockdown.yaml is good")
	require.Contains(t, run(starter, "test", "lockdown.yaml"), "2 tests passed")
	require.Contains(t, run(starter, "activities"), "acme.badge_report")
	require.Contains(t, run(starter, "activities", "acme.badge_sweep"), "changes with acme.badge.block")
	require.Contains(t, run(starter, "schema"), "number of the badge")
}
