// Command local is all of Countersign in one process on one machine: Temporal with its web UI, a
// worker, a stand-in for AWS and a terminal front for approvals. It sends a real finding and asks
// what to do about it.
//
//	go run ./deploy/local
//
// See README.md in this folder for what it keeps, where it listens and what it is not for.
package main

import (
	"context"
	"os"

	"golang.org/x/term"
)

func main() {
	os.Exit(Main(context.Background(), os.Args[1:], Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())), //nolint:gosec // a file descriptor fits
	}))
}
