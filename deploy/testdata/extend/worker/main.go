// Command worker is the worker of Countersign with what acme adds.
package main

import (
	"context"
	"os"

	"github.com/countersign/countersign/worker/app"

	"acme.example/secops/acme"
)

func main() {
	os.Exit(app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr, acme.Register))
}
