package deploy_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/countersign/countersign/"

// The rooms of the house: who may know whom. A package that breaks a rule is in the wrong room.
func TestRooms(t *testing.T) {
	direct := imports(t, "{{join .Imports \" \"}}")
	all := imports(t, "{{join .Deps \" \"}}")
	for _, rule := range []struct {
		say      string
		packages string // a prefix, below the module
		except   string
		graph    map[string][]string
		never    string // a prefix
	}{
		{"only workflows/expr knows CEL", "", "workflows/expr", direct, "github.com/google/cel-go"},
		{"the production worker does not link the embedded server", "worker", "", all, "go.temporal.io/server"},
		{"the starter does not link the embedded server", "starter", "", all, "go.temporal.io/server"},
		{"the commands say nothing to runs but by way of the gateway", "starter/cli", "", direct, "go.temporal.io/"},
		{"the starter holds no provider: it describes AWS and never configures it", "starter/cli", "", direct, "github.com/aws/"},
		{"activities do not know workflows", "activities", "", all, module + "workflows"},
		{"activities do not know the starter", "activities", "", all, module + "starter"},
		{"workflows do not know AWS", "workflows", "", all, "github.com/aws/"},
		{"workflows do not know the starter", "workflows", "", all, module + "starter"},
		{"workflows do not know the worker", "workflows", "", all, module + "worker"},
		{"the worker does not know the starter", "worker", "", all, module + "starter"},
		{"the language is pure", "workflows/playbook", "", all, "go.temporal.io/"},
		{"expressions are pure", "workflows/expr", "", all, "go.temporal.io/"},
		{"forecasts are pure", "workflows/forecast", "", all, "go.temporal.io/"},
		{"the rules of approval are pure", "workflows/approval", "", all, "go.temporal.io/"},
		{"policies are pure", "workflows/policy", "", all, "go.temporal.io/"},
		{"what takes back is pure", "workflows/takeback", "", all, "go.temporal.io/"},
		{"the stand-in decodes on its own", "activities/aws/standin", "", all, "github.com/aws/"},
		{"the ledger does not know AWS", "activities/ledger", "", all, "github.com/aws/"},
		{"the ledger does not know Temporal", "activities/ledger", "", all, "go.temporal.io/"},
		{"evidence verifies without Temporal", "starter/evidence", "", all, "go.temporal.io/"},
		{"nothing points back up at deploy", "", "deploy", all, module + "deploy"},
	} {
		t.Run(rule.say, func(t *testing.T) {
			seen := 0
			for name, imported := range rule.graph {
				name = strings.TrimPrefix(name, module)
				if !within(name, rule.packages) || rule.except != "" && within(name, rule.except) {
					continue
				}
				seen++
				for _, i := range imported {
					require.False(t, strings.HasPrefix(i, rule.never), "%s reaches %s", name, i)
				}
			}
			require.NotZero(t, seen, "no package is called %s", rule.packages)
		})
	}
}

func within(name, room string) bool {
	return room == "" || name == room || strings.HasPrefix(name, room+"/")
}

// imports asks go list about every package of the module.
func imports(t *testing.T, format string) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.ImportPath}} "+format, module+"...").Output()
	require.NoError(t, err)
	graph := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		graph[fields[0]] = fields[1:]
	}
	return graph
}
