package cli

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/starter/card"
	"github.com/countersign/countersign/starter/library"
	"github.com/countersign/countersign/workflows/expr"
	"github.com/countersign/countersign/workflows/playbook"
)

// newFlags are the flags of new.
type newFlags struct {
	activity string
	event    string
	inputs   []string
	name     string
	stage    string
}

func (a *app) new() *cobra.Command {
	var f newFlags
	cmd := &cobra.Command{
		Use:   "new --activity NAME | --event FILE|-",
		Short: "Print the beginning of a playbook, which validates, for an activity or an event",
		Long: `Print the beginning of a playbook, which validates, for an activity or an event.

  --activity NAME  calls it, with an input for each field that it needs; what changes something
                   stands under an approval
  --event FILE     starts for events of its type, with the inputs that --input name=path finds in
                   it; without --input with those that say what the event is about, if its type is
                   known, and it lists the fields that there are

A path is that of a field of the event, as data.accountId or subject.`,
		Example: `  starter new --activity aws.iam.disable_access_key
  starter new --event playbooks/events/guardduty-iam-malicious-ip-caller.json --input account=data.accountId --input user=data.resource.accessKeyDetails.userName
  starter new --activity aws.ec2.describe_instance --name look-at-instance --stage audit > look-at-instance.yaml`,
		Args: arguments(),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.activity, "activity", "", "activity that the playbook calls")
	flags.StringVar(&f.event, "event", "", "file of an event that starts the playbook, or - for standard input")
	flags.StringArrayVar(&f.inputs, "input", nil, "input from a field of the event, name=path; may repeat")
	flags.StringVar(&f.name, "name", "", "name of the playbook (default: made of the activity's or the event's type)")
	flags.StringVar(&f.stage, "stage", "run", "stage of the playbook: "+strings.Join(playbook.Stages, ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case (f.activity == "") == (f.event == ""):
			return usagef(cmd, "want one of --activity and --event")
		case f.activity != "" && len(f.inputs) > 0:
			return usagef(cmd, "--input goes with --event; the inputs for an activity are the fields that it needs")
		case !slices.Contains(playbook.Stages, f.stage):
			return usagef(cmd, "--stage %q%s", f.stage, expr.DidYouMean(f.stage, playbook.Stages))
		}
		return a.newPlaybook(cmd, f)
	}
	return cmd
}

func (a *app) newPlaybook(cmd *cobra.Command, f newFlags) error {
	s := &skeleton{name: f.name, stage: f.stage}
	var fields []string
	if f.activity != "" {
		one, ok := a.registry.Lookup(f.activity)
		if !ok {
			return refuse(fmt.Errorf("no activity %q%s", f.activity, expr.DidYouMean(f.activity, library.Catalog(a.registry, a.flows).Activities.Names())), "see them all: "+a.command("activities"))
		}
		s.forActivity(one)
	} else {
		paths, err := inputPaths(cmd, f.inputs)
		if err != nil {
			return err
		}
		events, err := a.events(f.event)
		if err != nil {
			return err
		}
		ev := events[0]
		if len(events) > 1 {
			a.say("note: there are %d events in it; this is for the first, %s", len(events), card.Exact(ev.ID))
		}
		data, known := library.Catalog(a.registry).Events.Lookup(ev.Type)
		if !known {
			data = expr.Any
		}
		if fields, err = s.forEvent(ev, data, paths); err != nil {
			return refuse(err, "see the fields that there are: "+a.command("new", "--event", eventFile(f.event)))
		}
	}
	text, problems := playbook.Format(s.name+".yaml", []byte(s.text.String()))
	if len(problems) == 0 {
		_, problems = playbook.Compile(s.name+".yaml", text, library.Catalog(a.registry, a.flows))
	}
	if len(problems) > 0 {
		return refuse(fmt.Errorf("the playbook would have problems: %w", problems), "")
	}
	if a.json() {
		if err := a.printJSON(newJSON{s.name, string(text)}); err != nil {
			return err
		}
	} else if err := a.print("%s", strings.TrimSuffix(string(text), "\n")); err != nil {
		return err
	}
	if len(fields) > 0 && len(f.inputs) == 0 {
		a.say("fields for --input name=path:")
		for i, path := range fields {
			if i == maxFields {
				a.say("  and %d more", len(fields)-i)
				break
			}
			a.say("  %s", card.Exact(path))
		}
	}
	a.say("put it into %s.yaml, then: %s", s.name, a.command("validate", s.name+".yaml"))
	return nil
}

// maxFields is how many fields of an event are listed.
const maxFields = 60

type newJSON struct {
	Playbook string `json:"playbook"`
	Text     string `json:"text"`
}

// skeleton is a playbook while it is written.
type skeleton struct {
	name, stage string
	text        strings.Builder
}

func (s *skeleton) line(format string, args ...any) { fmt.Fprintf(&s.text, format+"\n", args...) }

// begin writes what every playbook has.
func (s *skeleton) begin(from, title string) {
	if s.name == "" {
		s.name = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(from), "-"), "-")
	}
	s.line("# Say here what the playbook is for, and what it must never do.")
	s.line("playbook: %s", inYAML(s.name))
	s.line("title: %s", inYAML(title))
	s.line("stage: %s", inYAML(s.stage))
}

func (s *skeleton) forActivity(one *activities.Activity) {
	s.begin(one.Name, one.Title)
	required := slices.Clone(one.Input.Required) // in the order of the activity's own fields
	names := map[string]string{}                 // of inputs, by field
	for _, field := range required {
		names[field] = inputName(field)
	}
	if len(required) > 0 {
		s.line("\ninputs:")
	}
	for _, field := range required {
		p := one.Input.Properties[field]
		s.line("  %s:", names[field])
		s.line("    type: %s", inYAML(inputType(expr.FromSchema(p))))
		if p.Description != "" {
			s.line("    title: %s", inYAML(card.Clean(p.Description, 300)))
		}
	}
	id := one.Name[strings.LastIndex(one.Name, ".")+1:]
	s.line("\nsteps:")
	indent := "  "
	if one.Effect != activities.Read {
		question := one.Title
		for i, field := range one.Targets {
			if p := one.Input.Properties[field]; p != nil && p.Type == "string" && names[field] != "" {
				question += map[bool]string{true: ": ", false: ", "}[i == 0] + "${inputs." + names[field] + "}"
			}
		}
		s.line("  - id: decide")
		s.line("    approve: %s", inYAML(question+"?"))
		s.line("    approvers: [secops-oncall]")
		s.line("    quorum: 1")
		s.line("    expires: 30m")
		s.line("    steps:")
		indent = "      "
	}
	s.line("%s- id: %s", indent, inYAML(id))
	s.line("%s  activity: %s", indent, inYAML(one.Name))
	if len(required) > 0 {
		s.line("%s  with:", indent)
	}
	for _, field := range required {
		s.line("%s    %s: ${inputs.%s}", indent, inYAML(field), names[field])
	}
	if one.Effect != activities.Read {
		s.line("\noutcome: 'steps.decide.approved ? \"done\" : \"left alone: \" + steps.decide.reason'")
	}
}

// inputType is a type that inputs can have; objects go as any, which the activity's schema settles.
func inputType(t *expr.Type) string {
	if _, err := expr.ParseType(t.String()); err != nil {
		return "any"
	}
	return t.String()
}

// inputName makes the name of a field that of an input.
func inputName(field string) string {
	return strings.TrimLeft(regexp.MustCompile(`[^a-z0-9_]+`).ReplaceAllString(strings.ToLower(field), "_"), "_0123456789")
}

// inYAML writes a text of one line as a scalar, in quotes where YAML would read something else.
func inYAML(s string) string {
	raw, err := yaml.Marshal(s)
	text := strings.TrimSuffix(string(raw), "\n")
	if err != nil || strings.Contains(text, "\n") {
		quoted, _ := json.Marshal(s) // YAML reads JSON
		return string(quoted)
	}
	return text
}
