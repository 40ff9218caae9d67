package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/spf13/cobra"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/workflows"
	"github.com/countersign/countersign/workflows/expr"
)

func (a *app) activities() *cobra.Command {
	var iam iamFlags
	cmd := &cobra.Command{
		Use:   "activities [NAME]",
		Short: "List what playbooks can do, or describe one activity in full",
		Long: `List what playbooks can do, or describe one activity in full.

Workflows written in Go, which a step runs with workflow:, are listed behind the activities.

With --iam it prints the IAM policies that AWS activities need instead, each small enough for a managed
policy: of the role that looks, of the one that responds, and of the hub that takes both.`,
		Example: `  starter activities
  starter activities aws.iam.disable_access_key
  starter activities -o json
  starter activities --iam --role respond --playbook aws-compromised-access-key`,
		Args: arguments("[NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if iam.asked(cmd) {
				return a.printPolicies(cmd, iam, args)
			}
			all := a.registry.All()
			if len(args) == 0 {
				return a.listActivities(all)
			}
			one, ok := a.registry.Lookup(args[0])
			if flow, found := a.flows.Lookup(args[0]); !ok && found {
				return a.printFlow(flow)
			}
			if !ok {
				var names []string
				for _, one := range all {
					names = append(names, one.Name)
				}
				for _, flow := range a.flows.All() {
					names = append(names, flow.Name)
				}
				return refuse(fmt.Errorf("no activity %q%s", args[0], expr.DidYouMean(args[0], names)), "see them all: "+a.command("activities"))
			}
			if a.json() {
				return a.printJSON(describe(one))
			}
			return a.printActivity(one)
		},
	}
	iam.add(cmd.Flags())
	return cmd
}

func (a *app) listActivities(all []*activities.Activity) error {
	if a.json() {
		out := make([]activityJSON, len(all))
		for i, one := range all {
			out[i] = describe(one)
		}
		for _, flow := range a.flows.All() {
			out = append(out, describeFlow(flow))
		}
		return a.printJSON(out)
	}
	rows := [][]string{{"ACTIVITY", "EFFECT", "WHAT IT DOES"}}
	for _, one := range all {
		rows = append(rows, []string{one.Name, string(one.Effect), one.Title})
	}
	for _, flow := range a.flows.All() {
		rows = append(rows, []string{flow.Name, "workflow", flow.Title})
	}
	return a.table(rows)
}

type activityJSON struct {
	Name        string            `json:"name"`
	Workflow    bool              `json:"workflow,omitempty"` // it is one, and no activity
	Title       string            `json:"title"`
	Doc         string            `json:"doc,omitempty"`
	Effect      activities.Effect `json:"effect,omitempty"`
	Undo        string            `json:"undo,omitempty"`
	Version     int               `json:"version,omitempty"`
	TaskQueue   string            `json:"task_queue,omitempty"`
	Targets     []string          `json:"targets"`
	Permissions []string          `json:"permissions"`
	Effects     []string          `json:"effects,omitempty"` // of a workflow: the changes that it may call
	Timeout     string            `json:"timeout"`
	Input       any               `json:"input"`  // JSON Schema
	Output      any               `json:"output"` // JSON Schema
}

func describe(one *activities.Activity) activityJSON {
	return activityJSON{
		Name: one.Name, Title: one.Title, Doc: one.Doc, Effect: one.Effect, Undo: one.Undo, Version: one.Version, TaskQueue: one.TaskQueue,
		Targets: append([]string{}, one.Targets...), Permissions: append([]string{}, one.Permissions...),
		Timeout: one.Timeout.String(), Input: one.Input.Schema, Output: one.Output.Schema,
	}
}

// sinks says which fields of the input may hold no text of an event, and what they become.
func sinks(one *activities.Activity) string {
	var all []string
	for _, field := range expr.Keys(one.Sinks) {
		all = append(all, fmt.Sprintf("events in %s (%s)", field, one.Sinks[field]))
	}
	return strings.Join(all, ", ")
}

func describeFlow(one *workflows.Flow) activityJSON {
	return activityJSON{
		Name: one.Name, Workflow: true, Title: one.Title, Doc: one.Doc, Targets: []string{}, Permissions: []string{}, Effects: one.Effects,
		Timeout: one.Timeout.String(), Input: one.Input.Schema, Output: one.Output.Schema,
	}
}

func (a *app) printActivity(one *activities.Activity) error {
	effect := string(one.Effect)
	if one.Undo != "" {
		effect += ", undone by " + one.Undo
	}
	lines := []string{one.Name, "  " + one.Title, ""}
	if one.Doc != "" {
		lines = append(lines, "  "+one.Doc, "")
	}
	for _, row := range [][2]string{
		{"effect", effect},
		{"targets", strings.Join(one.Targets, ", ")},
		{"no text of", sinks(one)},
		{"permissions", strings.Join(one.Permissions, ", ")},
		{"timeout", one.Timeout.String() + " an attempt"},
		{"version", fmt.Sprint(one.Version)},
		{"task queue", one.TaskQueue},
	} {
		if row[1] != "" {
			lines = append(lines, fmt.Sprintf("  %-11s  %s", row[0], row[1]))
		}
	}
	return a.described(lines, one.Input, one.Output)
}

func (a *app) printFlow(one *workflows.Flow) error {
	if a.json() {
		return a.printJSON(describeFlow(one))
	}
	lines := []string{one.Name, "  " + one.Title, ""}
	if one.Doc != "" {
		lines = append(lines, "  "+one.Doc, "")
	}
	lines = append(lines, "  a workflow; timeout "+one.Timeout.String(), "  it changes nothing")
	if len(one.Effects) > 0 {
		lines[len(lines)-1] = "  changes with " + strings.Join(one.Effects, ", ")
	}
	return a.described(lines, one.Input, one.Output)
}

// described prints what something is, takes and gives.
func (a *app) described(lines []string, in, out activities.Schema) error {
	if err := a.print("%s\n\nInput", strings.Join(lines, "\n")); err != nil {
		return err
	}
	if err := a.fields(in.Schema); err != nil {
		return err
	}
	if err := a.print("\nOutput"); err != nil {
		return err
	}
	return a.fields(out.Schema)
}

func (a *app) fields(s *jsonschema.Schema) error {
	if len(s.Properties) == 0 {
		return a.print("  none")
	}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		kind := expr.FromSchema(p).String()
		if !slices.Contains(s.Required, name) {
			kind += ", optional"
		}
		rows = append(rows, []string{"  " + name, kind, card.Clean(p.Description, 300)})
	}
	return a.table(rows)
}
