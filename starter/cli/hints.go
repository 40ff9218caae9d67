package cli

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/workflows"
)

// program is how people start the commands that hints name, unless Streams says otherwise.
const program = "starter"

// Program says how to start this program again, given how it was started (os.Args[0]): by its name
// if it is installed under it, else from the source.
func Program(arg0 string) string {
	const source = "go run ./" + program
	dir, base := filepath.Split(filepath.ToSlash(arg0))
	if strings.TrimSuffix(base, ".exe") != program {
		return source
	}
	if slices.ContainsFunc(strings.Split(dir, "/"), builtByGoRun.MatchString) {
		return source
	}
	return program
}

// builtByGoRun matches the folders in which go run puts programs: a temporary one, or one of the
// build cache, wherever that is.
var builtByGoRun = regexp.MustCompile(`^go-build|^[0-9a-f]{64}-d$`)

// command is a command line that people copy. It reaches the same playbooks and the same cluster
// as the one that suggests it.
func (a *app) command(verb string, args ...string) string {
	words := []string{a.Program, verb}
	for _, arg := range args {
		words = append(words, word(arg))
	}
	flag := func(name, value, unset string) {
		if value != unset {
			words = append(words, name, word(value))
		}
	}
	switch verb {
	case "validate", "test", "match", "run", "graph":
		flag("--playbooks", a.playbooks, "")
	}
	switch verb {
	case "validate", "test", "match", "run", "graph", "activities", "schema", "new":
		flag("--activities", a.descriptors, a.env(activitiesEnv))
	}
	switch verb {
	case "run", "approve", "reject", "answer", "cancel", "keep", "undo", "delegate", "edit", "halt", "resume", "reviews":
		flag("--gateway", a.gatewayAt, "")
		flag("--token-file", a.token, "")
	}
	switch verb {
	case "validate", "test", "match", "activities", "schema", "new", "policy", "ledger", "evidence", "codec", "audit":
	default:
		flag("--address", a.temporal.Address, "")
		flag("--namespace", a.temporal.Namespace, "")
		flag("--profile", a.temporal.Profile, "")
		flag("--temporal-config", a.temporal.ConfigFile, "")
		flag("--payload-keys", a.temporal.PayloadKeys, "")
		flag("--task-queue", a.taskQueue, workflows.TaskQueue)
	}
	return strings.Join(words, " ")
}

// examples makes the examples of a command and of those below it begin as people start it.
func (a *app) examples(cmd *cobra.Command) {
	cmd.Example = inExample.ReplaceAllString(cmd.Example, "${1}"+strings.ReplaceAll(a.Program, "$", "$$")+" ")
	for _, sub := range cmd.Commands() {
		a.examples(sub)
	}
}

// inExample matches this program in an example: at the start of a line, or after what comes before
// it there.
var inExample = regexp.MustCompile(`(^|\s)` + program + " ")

// eventFile names the file of an event in a command that people copy. What came from standard
// input is spent.
func eventFile(name string) string {
	if name == "-" {
		return "EVENT_FILE"
	}
	return name
}
