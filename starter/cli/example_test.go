package cli_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.temporal.io/sdk/workflow"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/starter/cli"
	"github.com/countersign/countersign/workflows"
)

// A program of your own hands an extension to Main, and the same one to that of package worker/app.
// Playbooks can then name what it registers.
func ExampleMain() {
	type host struct {
		Host string `json:"host"`
	}
	type state struct {
		Patched bool `json:"patched"`
	}
	acme := func(calls *activities.Registry, flows *workflows.Registry) {
		activities.Register(calls, activities.Spec{Name: "acme.host.state", Title: "Look at a host", Effect: activities.Read},
			func(context.Context, host) (state, error) { return state{Patched: true}, nil })
		workflows.Register(flows, workflows.Spec{Name: "acme.host_report", Title: "Report on a host"},
			func(ctx workflow.Context, in host) (state, error) {
				return workflows.Call[host, state](ctx, "acme.host.state", in)
			})
	}

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "patched.yaml")
	text := "playbook: patched\nstage: audit\nsteps:\n  - {id: one, workflow: acme.host_report, with: {host: web-1}}\noutcome: 'steps.one.output.patched ? \"patched\" : \"open\"'\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cli.Main(context.Background(), []string{"validate", file}, cli.Streams{Out: os.Stdout, Err: io.Discard}, acme))
	// Output: 0
}
