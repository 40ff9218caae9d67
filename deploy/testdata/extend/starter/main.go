// Command starter is the starter of Countersign with what acme adds.
package main

import (
	"context"
	"os"

	"github.com/countersign/countersign/starter/cli"

	"acme.example/secops/acme"
)

func main() {
	streams := cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: os.Environ()}
	os.Exit(cli.Main(context.Background(), os.Args[1:], streams, acme.Register))
}
