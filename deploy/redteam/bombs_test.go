package redteam

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/worker/app"
)

// bombTime bounds what a file may cost. The worst is done in a fraction of a second; the machine may
// be busy.
const bombTime = 10 * time.Second

// laughs are a billion of them, below a key.
func laughs(key string) string {
	text := "a0: &a0 [ha]\n"
	for i := range 30 {
		text += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 8), i)
	}
	return text + key + ": *a30\n"
}

// yamlBombs are files that are small and mean something large, or two things.
func yamlBombs(key string) map[string]string {
	return map[string]string{
		"a billion laughs": laughs(key),
		"an endless alias": key + ": &a [*a]\n",
		"a merge":          "x: &x {a: 1}\n" + key + ": {<<: *x}\n",
		"very deep":        key + ": " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "\n",
		"very wide":        key + ": [" + strings.Repeat("x,", 120_000) + "]\n",
		"very long":        key + ": " + strings.Repeat("x", 8<<20) + "\n",
		"a key twice":      key + ": {}\n" + key + ": {}\n",
		"two documents":    key + ": {}\n---\n" + key + ": {}\n",
		"not text":         key + ": \x00\xff\n",
	}
}

// celBombs are expressions that would cost much, to read or to evaluate.
var celBombs = map[string]string{
	"a long one":        strings.Repeat("run.id == '' || ", 1000) + "true",
	"a deep one":        strings.Repeat("(", 500) + "true" + strings.Repeat(")", 500),
	"nested loops":      "[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))",
	"a regular one":     `run.id.matches("((((a{1000}){1000}){1000}){1000})")`,
	"what is not there": "__import__('os').system('id')",
}

// quick fails if something takes longer than a file may cost.
func quick(t *testing.T, what string, do func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bombTime)
	defer cancel()
	do(ctx)
	require.NoError(t, ctx.Err(), "%s took longer than %s", what, bombTime)
}

// refusedFile fails unless a command refuses a file with something that can be read.
func (w *world) refusedFile(t *testing.T, what string, args ...string) {
	t.Helper()
	quick(t, what, func(ctx context.Context) {
		var out, errs bytes.Buffer
		code := cli.Main(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
		require.Equal(t, 1, code, "%s: %.500s%.500s", what, &out, &errs)
		require.NotEmpty(t, errs.String())
		require.Less(t, out.Len()+errs.Len(), 64<<10, "%s is answered at length", what)
		harmless(t, what, out.String()+errs.String())
	})
}

// validatesBombs gives them to validate, as a code host would with what somebody wants to merge.
func validatesBombs(t *testing.T) {
	w := &world{TB: t, dir: t.TempDir()}
	files := yamlBombs("labels")
	for name, text := range files {
		files[name] = "playbook: bomb\nstage: run\n" + text + "steps: [{stop: x}]\n"
	}
	for name, expression := range celBombs {
		quoted := inline(w, expression)
		files[name+", in an if"] = "playbook: bomb\nstage: run\nsteps:\n  - {if: " + quoted + ", stop: x}\n"
		files[name+", in a trigger"] = "playbook: bomb\nstage: run\ntriggers: [{event: aws.guardduty.finding, if: " + quoted + "}]\nsteps: [{stop: x}]\n"
		files[name+", in a text"] = "playbook: bomb\nstage: run\nsteps:\n  - {stop: " + inline(w, "${"+expression+"}") + "}\n"
	}
	for name, text := range files {
		w.write("bomb.yaml", text)
		w.refusedFile(t, name, "validate", w.file("bomb.yaml"))
	}
}

// configuresBombs gives them to the worker and the gateway as policy, directory and list of secrets.
func configuresBombs(t *testing.T) {
	w := &world{TB: t, dir: t.TempDir()}
	w.keys()
	rule := func(expression string) string {
		return "policy: bomb\nrules:\n  - {name: bomb, if: " + inline(w, expression) + ", then: never, reason: x}\n"
	}
	policies := map[string]string{}
	for name, text := range yamlBombs("rules") {
		policies[name] = "policy: bomb\n" + text
	}
	for name, expression := range celBombs {
		policies[name] = rule(strings.ReplaceAll(expression, "run.id", "call.activity"))
	}
	for name, text := range policies {
		w.write("bomb.yaml", text)
		w.write("people.yaml", people)
		w.refusedFile(t, name, "policy", "check", w.file("bomb.yaml"))
		w.refusesToStart(t, "policy: "+name, "--policy", w.file("bomb.yaml"))
	}
	for name, text := range yamlBombs("people") {
		if name == "a merge" {
			continue // of a directory it is unknown keys
		}
		w.write("people.yaml", text)
		w.refusesToStart(t, "directory: "+name)
	}
	w.write("people.yaml", people)
	for name, text := range yamlBombs("secrets") {
		w.write("bomb.yaml", text)
		w.refusesToStart(t, "secrets: "+name, "--secrets", w.file("bomb.yaml"))
	}
}

// refusesToStart fails unless the worker says what is wrong with a file before it takes work.
func (w *world) refusesToStart(t *testing.T, what string, args ...string) {
	t.Helper()
	quick(t, what, func(ctx context.Context) {
		var logs buffer
		code := app.Main(ctx, append([]string{
			"--directory", w.file("people.yaml"), "--ledger", w.file("ledger.db"), "--grant-keys", w.file("gateway.pub"), "--dev", "--address", "127.0.0.1:1",
		}, args...), &logs, &logs)
		require.Equal(t, 1, code, "%s: %.500s", what, &logs)
		require.NotContains(t, logs.String(), "127.0.0.1:1", "%s: it was taken, and the worker went on to Temporal", what)
		require.Less(t, len(logs.String()), 64<<10, what)
	})
}
