package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/approval"
)

// The exit codes.
const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
	exitUnknown = 3
)

// failure is an error with its exit code and what to try next.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usagef is for a command line that is wrong whatever the world is like.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, args...), "see: " + cmd.CommandPath() + " --help"}
}

// refuse says no, and what to try next.
func refuse(err error, hint string) error { return &failure{exitRefused, err, hint} }

// unknown says that nobody can tell.
func unknown(err error, hint string) error { return &failure{exitUnknown, err, hint} }

// told is an exit code whose reason was printed already.
type told int

func (told) Error() string { return "" }

// ofRun gives an error that Temporal or a run answered its exit code and hint.
func (a *app) ofRun(err error, run string) error {
	var known *failure
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, workflows.ErrNoRun):
		return refuse(err, "list them: "+a.command("runs"))
	case errors.Is(err, approval.ErrRefused) && run == "":
		return refuse(err, "")
	case errors.Is(err, approval.ErrRefused):
		return refuse(err, "look at it again: "+a.command("show", run))
	case errors.Is(err, workflows.ErrNoWorker):
		return unknown(err, "is a worker running, and on this task queue (--task-queue)?")
	case errors.Is(err, context.Canceled):
		return unknown(err, "interrupted; a run that began goes on: "+a.command("runs"))
	default:
		return unknown(err, "")
	}
}

// failedJSON is the document of a command that has no results.
type failedJSON struct {
	Error string `json:"error"`
	Exit  int    `json:"exit"`
}

// asksJSON looks for -o json in a command line that is wrong, and so was not read to its end.
func asksJSON(args []string) bool {
	for i, arg := range args {
		switch {
		case arg == "--":
			return false
		case arg == "-ojson", arg == "-o=json", arg == "--output=json",
			(arg == "-o" || arg == "--output") && i+1 < len(args) && args[i+1] == "json":
			return true
		}
	}
	return false
}

// exit prints an error and returns the exit code.
func (a *app) exit(err error) int {
	var silent told
	var f *failure
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &silent):
		return int(silent)
	case !errors.As(err, &f):
		f = &failure{code: exitRefused, err: err}
	}
	// Errors quote: a line of theirs is not one of ours.
	a.say("%s: %s", program, strings.ReplaceAll(card.Block(err.Error(), 100, 2000), "\n", "\n│ "))
	if f.hint != "" {
		a.say("  %s", f.hint)
	}
	return f.code
}
