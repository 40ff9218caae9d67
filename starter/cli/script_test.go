package cli_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/starter/cli"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"starter": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()}))
		},
	})
}

// The scripts are the commands that need no server, as a person types them.
func TestScripts(t *testing.T) {
	t.Parallel()
	events, err := filepath.Abs("../../playbooks/events")
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("EVENTS", events)
			env.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(env.WorkDir, "no-temporal.toml"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"audits": audits,
			"exits":  exits,
			"large":  large,
			"record": record,
			"slack":  slackStandin,
			"tamper": tamper,
		},
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits runs a command and wants an exit code: exits 3 starter runs.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, began := 0, time.Now()
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if took := time.Since(began); took > 30*time.Second { // no command may hang; slow machines may be slow
		ts.Fatalf("%s took %s", strings.Join(args[1:], " "), took)
	}
	if got != want {
		ts.Fatalf("%s exits %d; want %d", strings.Join(args[1:], " "), got, want)
	}
}

// large writes a file of so many bytes: large FILE BYTES [BEGINNING].
func large(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: large FILE BYTES [BEGINNING]")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := strings.Join(args[2:], " ")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text+strings.Repeat("x", size-len(text))), 0o600))
}
