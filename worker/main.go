// Command worker runs playbooks; see package app.
package main

import (
	"context"
	"os"

	"github.com/countersign/countersign/worker/app"
)

func main() {
	os.Exit(app.Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}
